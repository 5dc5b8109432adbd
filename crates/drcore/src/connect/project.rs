//! Which Supabase project a connection string names, in every shape that one has.
//!
//! A project is known by its ref, twenty lowercase letters, which stands in the
//! host, in the user of a pooler, or in `options`. Where they disagree, or one
//! server of several says nothing, the project is not known.

use std::collections::BTreeSet;

use super::dsn::{Dsn, Endpoint, Place, SslMode};

/// What one part of a connection string says about the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The part, as somebody would look for it: `host db.….supabase.co`.
    pub(crate) part: String,
    /// What it says.
    pub(crate) says: Says,
}

/// What a part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// That the connection goes to this project.
    Project(String),
    /// A project, without anything that makes the connection go there. Enough to refuse, too little to allow.
    Mentions(String),
    /// That it is Supabase's, and not which project.
    Supabase,
    /// Nothing.
    Nothing,
}

/// Everything that a connection string says about the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// By part, nothing twice.
    pub(crate) hints: Vec<Hint>,
    /// Whether of each server something says that the connection goes to a project.
    is_certain: bool,
}

/// What all parts come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Every server that it names is this project.
    Project(String),
    /// These, which cannot all be right.
    Several(Vec<String>),
    /// None, or not for certain.
    Unknown,
}

impl Hints {
    /// What all parts come to.
    pub(crate) fn named(&self) -> Named {
        let mentioned = self.mentioned();
        if mentioned.len() > 1 {
            return Named::Several(mentioned.into_iter().map(str::to_owned).collect());
        }
        match mentioned.first() {
            Some(project) if self.is_certain => Named::Project((*project).to_owned()),
            _ => Named::Unknown,
        }
    }

    /// Every project that a part speaks of.
    pub(crate) fn mentioned(&self) -> BTreeSet<&str> {
        let refs = self.hints.iter().filter_map(|hint| match &hint.says {
            Says::Project(project) | Says::Mentions(project) => Some(project.as_str()),
            Says::Supabase | Says::Nothing => None,
        });
        refs.collect()
    }
}

/// Whether it is the ref of a project.
///
/// Source: the pattern of `ref` in Supabase's Management API.
pub(crate) fn is_ref(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The project that a host is of: none where it is no host of Supabase's, an error where it is many projects'.
pub(crate) fn project_of_host(host: &str) -> Result<Option<String>, ()> {
    match of_host(host) {
        _ if is_pooler(host) => Err(()),
        Says::Project(project) | Says::Mentions(project) => Ok(Some(project)),
        Says::Supabase | Says::Nothing => Ok(None),
    }
}

/// Where projects' own hosts are: hosted, staging, and Supabase's other cloud.
///
/// Source: `ProjectHostPattern` of supabase/cli and its profiles.
const DOMAINS: &[&str] = &[".supabase.co", ".supabase.red", ".snapcloud.dev"];
/// Written in documents, and nobody's database: enough to refuse.
const MISPRINTED: &str = ".supabase.com";
/// Poolers, whose user says which project.
const POOLERS: &[&str] = &["pooler.supabase.com", "pooler.supabase.green", "pooler.snapcloud.co"];

impl Dsn {
    /// The Supabase project that it names for certain.
    pub fn project(&self) -> Option<String> {
        match self.hints().named() {
            Named::Project(project) => Some(project),
            Named::Several(_) | Named::Unknown => None,
        }
    }

    /// What each of its parts says about the project.
    pub(crate) fn hints(&self) -> Hints {
        let mut all = Hints { hints: Vec::new(), is_certain: !self.endpoints.is_empty() };
        for endpoint in &self.endpoints {
            let hints = self.of_endpoint(endpoint);
            all.is_certain &= hints.iter().any(|hint| matches!(hint.says, Says::Project(_)));
            for hint in hints {
                if !all.hints.contains(&hint) {
                    all.hints.push(hint);
                }
            }
        }
        all
    }

    fn of_endpoint(&self, endpoint: &Endpoint) -> Vec<Hint> {
        let host = endpoint.host();
        let is_pooler = host.as_deref().is_some_and(is_pooler);
        let mut hints = self.of_login(is_pooler);
        let says = match host.as_deref() {
            // Where the login says nothing, the pooler goes by the name that TLS carries: not known here.
            Some(_) if is_pooler => Says::Supabase,
            Some(host) => of_host(host),
            None => Says::Nothing,
        };
        let part = format!("host {}", host.unwrap_or_else(|| endpoint.to_string()));
        hints.insert(0, Hint { part, says });
        // `hostaddr` goes before the name, which then counts only where the certificate must have it.
        let elsewhere = matches!(endpoint.place, Place::Tcp { name: Some(_), address: Some(_) });
        if elsewhere && self.tls.mode != SslMode::VerifyFull {
            for hint in &mut hints {
                if let Says::Project(project) = &hint.says {
                    hint.says = Says::Mentions(project.clone());
                }
            }
        }
        hints
    }

    /// What `options` and the user say. A pooler goes by the former, then by the latter.
    ///
    /// Source: `parse_user_info` of supabase/supavisor: `options=reference=…`, else what follows the user's last dot.
    fn of_login(&self, is_pooler: bool) -> Vec<Hint> {
        let options = self.base.get_options().unwrap_or_default();
        let references: Vec<&str> = options.split_whitespace().filter_map(reference).collect();
        let mut hints = Vec::new();
        for reference in &references {
            let says = match is_ref(reference) {
                true if is_pooler => Says::Project((*reference).to_owned()),
                true => Says::Mentions((*reference).to_owned()),
                false if is_pooler => Says::Supabase,
                false => continue,
            };
            hints.push(Hint { part: format!("options reference={reference}"), says });
        }
        let suffix = self.user().and_then(|user| user.rsplit_once('.'));
        if let Some((role, last)) = suffix
            && is_ref(last)
        {
            // `user.cluster.alias` names a cluster, whatever the alias looks like.
            let is_cluster = role == "cluster" || role.ends_with(".cluster");
            // What `options` say goes before it.
            let is_asked = references.iter().all(|reference| *reference == last);
            let says = if is_pooler && is_asked && !is_cluster {
                Says::Project(last.to_owned())
            } else {
                Says::Mentions(last.to_owned())
            };
            hints.push(Hint { part: format!("user …{last}"), says });
        }
        hints
    }
}

impl Endpoint {
    /// The host as it is compared: in lower case, without the dot that may end a name.
    pub(crate) fn host(&self) -> Option<String> {
        match &self.place {
            Place::Tcp { name: Some(name), .. } => Some(name.trim_end_matches('.').to_ascii_lowercase()),
            Place::Tcp { address: Some(address), .. } => Some(address.to_string()),
            Place::Tcp { .. } | Place::Socket(_) => None,
        }
    }

    /// Whether Supabase's transaction pooler listens there.
    pub(crate) fn is_supabase_transaction_pooler(&self) -> bool {
        let host = self.host().unwrap_or_default();
        self.port == 6543 && (is_pooler(&host) || !matches!(of_host(&host), Says::Nothing))
    }
}

/// `reference=…`, bare or as an option of the command line.
fn reference(option: &str) -> Option<&str> {
    let option = option.strip_prefix("-c").or_else(|| option.strip_prefix("--")).unwrap_or(option);
    option.strip_prefix("reference=")
}

fn is_pooler(host: &str) -> bool {
    POOLERS.iter().any(|pooler| {
        host.strip_suffix(pooler).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn of_host(host: &str) -> Says {
    if let Some(rest) = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain)) {
        let labels: Vec<&str> = rest.split('.').collect();
        return match labels.as_slice() {
            ["db", project] if is_ref(project) => Says::Project((*project).to_owned()),
            // Replicas: `<ref>-rr-<region>-<id>`.
            [name] | ["db", name] => match name.split("-rr-").next() {
                Some(project) if is_ref(project) => Says::Project(project.to_owned()),
                // A vanity name.
                _ => Says::Supabase,
            },
            labels => mentions(labels),
        };
    }
    match host.strip_suffix(MISPRINTED) {
        Some(rest) => mentions(&rest.split('.').collect::<Vec<_>>()),
        None => Says::Nothing,
    }
}

fn mentions(labels: &[&str]) -> Says {
    match labels.iter().find(|label| is_ref(label)) {
        Some(project) => Says::Mentions((*project).to_owned()),
        None => Says::Supabase,
    }
}
