//! The guard: whether what was named is what answers, and may be written to.
//!
//! A pure function of what is asked, of the connection string and of what the
//! server said. It decides twice: by the connection string alone, so that a
//! protected project is not even connected to, and by the server that answers.

#[cfg(test)]
mod tests;

use super::dsn::Dsn;
use super::identity::{Identity, Relation};
use super::project::{Named, Says, is_ref};
use crate::error::{Error, ErrorKind};
use crate::evidence::Server;
use crate::plan::Protected;
use crate::text::plural;

/// What is to be done to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Statements that are undone, each within itself.
    Attempt,
    /// One reviewed plan of statements, in one transaction.
    Repair,
    /// Everything, by programs of their own.
    Restore,
}

/// What is asked of the guard.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) intent: Intent,
    /// What is to be written to, as somebody named it.
    pub(crate) name: &'a str,
    /// What must never be restored over.
    pub(crate) protect: &'a [Protected],
    /// What the target must not be, and what that is called.
    pub(crate) others: &'a [(&'a str, Identity)],
    /// Of which of these it is said to be a physical clone: by their names.
    pub(crate) clone_of: Option<&'a str>,
    /// Whether it is told what happens to what the target holds.
    pub(crate) over: Over,
}

/// What happens to what a target holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nobody said: it must hold nothing.
    #[default]
    Nothing,
    /// It is told, and was reviewed.
    Told,
}

/// What was seen of the server that answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) server: Server,
    /// Whether it was proved to be a scratch cluster of ours, on this machine.
    pub(crate) is_scratch: bool,
    /// Whether statements of one session run on one server connection.
    pub(crate) pooling: Pooling,
    /// What it holds; none where that was not asked.
    pub(crate) holds: Option<Holds>,
}

/// What is between a session and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Nothing that changes under it.
    Session,
    /// A pooler that may give every transaction another connection.
    Transaction,
}

/// What a database holds of its own, besides what its template and the platform put there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Tables, views, functions, types and the like.
    pub(crate) objects: u64,
    /// Tables of the platform that hold rows.
    pub(crate) filled: u64,
    /// One of them, to be named.
    pub(crate) example: Option<String>,
}

impl Holds {
    pub(crate) fn is_empty(&self) -> bool {
        self.objects == 0 && self.filled == 0
    }

    /// `12 objects, such as public.tenants`.
    pub(crate) fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if self.objects > 0 {
            parts.push(plural(self.objects, "object"));
        }
        if self.filled > 0 {
            parts.push(format!("rows in {} of the platform", plural(self.filled, "table")));
        }
        match &self.example {
            _ if parts.is_empty() => "nothing".to_owned(),
            Some(example) => format!("{}, such as {example}", parts.join(" and ")),
            None => parts.join(" and "),
        }
    }
}

/// What was compared, and what follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruling {
    lines: Vec<String>,
    /// Why not, worst first; empty where it is allowed.
    refusals: Vec<Refusal>,
}

/// Why a target is refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) hint: String,
}

impl Ruling {
    /// What the connection string alone decides, before anybody is connected to.
    pub(crate) fn of_dsn(asked: &Asked<'_>, dsn: &Dsn) -> Self {
        let mut ruling = Self::default();
        ruling.judge_hints(asked, dsn);
        if asked.intent != Intent::Repair {
            ruling.judge_protection(asked, dsn);
        }
        if asked.intent == Intent::Restore {
            let servers = dsn.endpoints.len();
            ruling.check(
                "servers",
                &servers.to_string(),
                "1",
                servers == 1,
                || format!("it names {servers} servers, and a restore must go to one"),
                "Name the one server to restore to.",
            );
            let pooled = dsn.endpoints.iter().any(super::dsn::Endpoint::is_supabase_transaction_pooler);
            ruling.check(
                "pooler",
                if pooled { "transaction mode, port 6543" } else { "none known" },
                "none in transaction mode",
                !pooled,
                || "port 6543 is a pooler in transaction mode, which keeps no session's settings".to_owned(),
                SESSION_POOLER,
            );
        }
        ruling
    }

    /// What the server that answered decides, after what the connection string did.
    pub(crate) fn of_server(mut self, asked: &Asked<'_>, dsn: &Dsn, seen: &Seen) -> Self {
        let identity = seen.identity(dsn);
        self.judge_name(asked, &identity);
        let standby = seen.server.in_recovery;
        self.check(
            "standby",
            if standby { "yes" } else { "no" },
            "no",
            !standby,
            || "it is a standby, which only its primary writes to".to_owned(),
            "Name the primary.",
        );
        if asked.intent != Intent::Repair {
            self.judge_identity(asked, &identity);
        }
        if asked.intent == Intent::Attempt {
            self.judge_hidden(asked, dsn, seen);
        }
        if asked.intent == Intent::Restore {
            self.judge_others(asked, &identity, seen.is_scratch);
            let pooled = seen.pooling == Pooling::Transaction;
            self.check(
                "sessions",
                if pooled { "another connection for each transaction" } else { "one connection each" },
                "one connection each",
                !pooled,
                || "a pooler in transaction mode answers, which keeps no session's settings".to_owned(),
                SESSION_POOLER,
            );
            self.judge_contents(asked, dsn, seen);
        } else if let Some(restore) = &seen.server.restoring {
            self.refuse(
                "restore",
                restore,
                "none unfinished",
                format!("a restore into it did not come to its end: {restore}"),
                "Bring that restore to its end first: drcore restore with --resume or --start-over.",
            );
        }
        self
    }

    /// Whether nothing speaks against it.
    #[cfg(test)]
    pub(crate) fn is_allowed(&self) -> bool {
        self.refusals.is_empty()
    }

    /// The first reason why not.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.refusals.first()
    }

    /// What was compared, a line each.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The refusal, with what was compared; none where it is allowed.
    pub(crate) fn error(&self) -> Option<Error> {
        let refusal = self.refusal()?;
        let others: String = self.refusals[1..].iter().map(|other| format!("; {}", other.why)).collect();
        let message = format!("{}{others}: nothing was written", refusal.why);
        Some(
            Error::new(ErrorKind::Refused, message)
                .detail(format!("compared\n  {}", self.lines.join("\n  ")))
                .hint(refusal.hint.clone()),
        )
    }

    fn judge_hints(&mut self, asked: &Asked<'_>, dsn: &Dsn) {
        let hints = dsn.hints();
        for hint in &hints.hints {
            let says = match &hint.says {
                Says::Project(project) => format!("project {project}"),
                Says::Mentions(project) => format!("speaks of project {project}"),
                Says::Supabase => "a project of Supabase's, not which".to_owned(),
                Says::Nothing => "no project".to_owned(),
            };
            self.lines.push(format!("{:<15} {says}", hint.part));
        }
        match hints.named() {
            Named::Several(projects) => self.refuse(
                "projects",
                &projects.join(" and "),
                "one",
                format!("the connection string names several projects: {}", projects.join(" and ")),
                "Let host, user and options name the same project.",
            ),
            Named::Project(project) if project != asked.name => self.refuse(
                "name",
                asked.name,
                &project,
                format!("{:?} was named, and the connection string says project {project}", asked.name),
                "Name the project that you mean, and connect to it.",
            ),
            Named::Project(_) | Named::Unknown => {}
        }
    }

    fn judge_protection(&mut self, asked: &Asked<'_>, dsn: &Dsn) {
        let hints = dsn.hints();
        let protected = |protected: &&Protected| match protected {
            Protected::Project(project) => hints.mentioned().contains(project.as_str()),
            Protected::Host(host) => {
                dsn.endpoints.iter().any(|endpoint| endpoint.host().as_ref() == Some(host))
            }
            Protected::Database { .. } => false,
        };
        if let Some(protected) = asked.protect.iter().find(protected) {
            self.refuse_protected(asked, protected);
        }
        if let Some(protected) = asked.protect.iter().find(|protected| protected.to_string() == asked.name) {
            self.refuse_protected(asked, protected);
        }
    }

    fn refuse_protected(&mut self, asked: &Asked<'_>, protected: &Protected) {
        let (never, hint) = match asked.intent {
            Intent::Attempt => {
                ("no write is attempted in it", "Restore a copy of it, and attempt them there.")
            }
            Intent::Repair | Intent::Restore => (
                "it is never restored over",
                "Restore into another database, and switch over to that; drcore repair mends this one.",
            ),
        };
        let why = format!("{protected} is protected: {never}");
        self.refuse("protected", &protected.to_string(), "not on the list", why, hint);
    }

    fn judge_name(&mut self, asked: &Asked<'_>, identity: &Identity) {
        let Some(name) = identity.name() else {
            self.refuse(
                "name",
                asked.name,
                "unknown",
                "neither the connection string nor the server says which database this is".to_owned(),
                "Let the role call pg_control_system(), or name a project's own host.",
            );
            return;
        };
        let fits = name == asked.name;
        let hint = if is_ref(asked.name) && identity.project.is_none() {
            format!(
                "The connection string does not show that this is project {}: use its own host or pooler, or name it {name:?}.",
                asked.name
            )
        } else {
            format!("If this is what you mean, name it {name:?}.")
        };
        self.check(
            "name",
            &name,
            asked.name,
            fits,
            || format!("this is {name:?}, not {:?}", asked.name),
            &hint,
        );
    }

    fn judge_identity(&mut self, asked: &Asked<'_>, identity: &Identity) {
        let found = identity.cluster_name().unwrap_or_else(|| format!("{}@unknown", identity.database));
        self.lines.push(format!("{:<15} {found}", "database"));
        let protected = |protected: &&Protected| match protected {
            Protected::Database { database, system_identifier } => {
                identity.system_identifier.as_ref() == Some(system_identifier)
                    && &identity.database == database
            }
            Protected::Project(_) | Protected::Host(_) => false,
        };
        if let Some(protected) = asked.protect.iter().find(protected) {
            self.refuse_protected(asked, protected);
        }
    }

    /// Not what it is restored from or compared with.
    fn judge_others(&mut self, asked: &Asked<'_>, identity: &Identity, is_scratch: bool) {
        for (what, other) in asked.others {
            let is_told = asked.clone_of.is_some() && asked.clone_of == other.name().as_deref();
            let name = other.name().unwrap_or_else(|| other.database.clone());
            let relation = identity.relation(other);
            match relation {
                Relation::Same => self.refuse(
                    what,
                    "this very database",
                    "another one",
                    format!("it is {what} itself ({name})"),
                    "Restore into another database.",
                ),
                // Nobody clones a cluster that is thrown away.
                Relation::Clone if !is_scratch && !is_told => self.refuse(
                    what,
                    "the same system identifier",
                    "another one",
                    format!("it has the system identifier of {what} ({name}): it is that, or a physical clone of it"),
                    &format!("If it is a clone, say so: clone_of {name:?}."),
                ),
                Relation::Unknown => self.refuse(
                    what,
                    "not to be told apart",
                    "another one",
                    format!("whether it is {what} ({name}) cannot be told"),
                    "Let the role call pg_control_system() on both.",
                ),
                Relation::Clone | Relation::Siblings | Relation::Strangers => {
                    let says = match relation {
                        Relation::Clone => "a clone of it",
                        Relation::Siblings => "another database of its server",
                        _ => "another cluster",
                    };
                    self.lines.push(format!("{what:<15} {says}"));
                }
            }
        }
    }

    fn judge_contents(&mut self, asked: &Asked<'_>, dsn: &Dsn, seen: &Seen) {
        let Some(holds) = &seen.holds else {
            self.refuse(
                "contents",
                "unknown",
                "nothing",
                "what it holds could not be read".to_owned(),
                "Use a role that may read the catalog.",
            );
            return;
        };
        if let Some(restore) = &seen.server.restoring
            && asked.over == Over::Nothing
        {
            self.refuse(
                "restore",
                restore,
                "none unfinished",
                format!("a restore into it did not come to its end: {restore}"),
                "Go on with it by --resume, or clear it and begin anew by --start-over.",
            );
            return;
        }
        self.check(
            "contents",
            &holds.sentence(),
            "nothing",
            holds.is_empty() || asked.over == Over::Told,
            || format!("it is not empty: it holds {}", holds.sentence()),
            "Restore into an empty database.",
        );
        // That one is not empty.
        if !holds.is_empty() {
            self.judge_hidden(asked, dsn, seen);
        }
    }

    /// A tunnel may lead to the very project that must not be written to.
    fn judge_hidden(&mut self, asked: &Asked<'_>, dsn: &Dsn, seen: &Seen) {
        let is_hidden = !seen.is_scratch && dsn.hints().named() == Named::Unknown;
        let projects =
            asked.protect.iter().filter(|protected| matches!(protected, Protected::Project(_))).count();
        if !is_hidden || projects == 0 {
            return;
        }
        let (why, hint) = match asked.intent {
            Intent::Attempt => (
                "nothing tells that it is none of the protected projects",
                "Connect by the project's own host or pooler, or to a scratch cluster of drcore's.",
            ),
            Intent::Repair | Intent::Restore => (
                "it is not empty, and nothing tells that it is none of the protected projects",
                "Connect by the project's own host or pooler, or restore into an empty database.",
            ),
        };
        self.refuse("project", "unknown", "none that is protected", why.to_owned(), hint);
    }

    fn check(
        &mut self,
        what: &str,
        found: &str,
        expected: &str,
        fits: bool,
        why: impl FnOnce() -> String,
        hint: &str,
    ) {
        if fits {
            self.lines.push(format!("{what:<15} {found}"));
        } else {
            self.refuse(what, found, expected, why(), hint);
        }
    }

    fn refuse(&mut self, what: &str, found: &str, expected: &str, why: String, hint: &str) {
        self.lines.push(format!("{what:<15} {found}   ≠   {expected}"));
        let refusal = Refusal { why, hint: hint.to_owned() };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }
}

const SESSION_POOLER: &str = "Connect to the database itself, or by the session pooler on port 5432.";

impl Seen {
    /// By what it is told from others.
    pub(crate) fn identity(&self, dsn: &Dsn) -> Identity {
        Identity::live(&self.server, dsn.project())
    }
}
