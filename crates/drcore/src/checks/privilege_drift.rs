//! `privilege_drift`: what roles are and may do, against the baseline.

mod defaults;
mod findings;
mod grants;
mod owners;
mod remedies;
mod roles;
#[cfg(test)]
mod tests;
mod things;

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Access;
use crate::check::{Check, Context, Judgement, KindDoc, Unread};
use crate::checks::exposed::Exposed;
use crate::checks::platform::is_service_role;
use crate::checks::rls_coverage;
use crate::collect::Wants;
use crate::evidence::catalog::{CatalogFactName, Column, Parameter};
use crate::evidence::{Cause, Evidence};
use crate::finding::{Finding, Severity};
pub use findings::*;
use things::{Kind, Letters, Thing, Things, before, granted_columns, of_column, of_side};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "roles are what they were and may do what they could, and nothing else",
    docs: include_str!("privilege_drift.md"),
    kinds: &[
        KindDoc {
            kind: "default_privileges_narrowed",
            meaning: "what is created from now on is refused to roles that could use it",
        },
        KindDoc {
            kind: "default_privileges_widened",
            meaning: "what is created from now on is open to roles that could not use it",
        },
        KindDoc {
            kind: "definer_functions_opened",
            meaning: "functions that act with their owners' rights can be called by who could not",
        },
        KindDoc { kind: "membership_narrowed", meaning: "a role lost the rights of another one" },
        KindDoc { kind: "membership_widened", meaning: "a role gained the rights of another one" },
        KindDoc {
            kind: "missing_role",
            meaning: "a role is gone: whoever logs in with it, or is it, is refused",
        },
        KindDoc {
            kind: "owner_changed",
            meaning: "objects belong to another role: their owner cannot alter them any more",
        },
        KindDoc { kind: "password_lost", meaning: "a role that logs in has no password any more" },
        KindDoc {
            kind: "passwords_unknown",
            meaning: "roles log in with passwords that nobody here may see: a dump holds none",
        },
        KindDoc {
            kind: "privileges_narrowed",
            meaning: "roles are refused what they could do when the baseline was taken",
        },
        KindDoc {
            kind: "privileges_widened",
            meaning: "roles can do what they could not do when the baseline was taken",
        },
        KindDoc {
            kind: "role_added",
            meaning: "a role that can do much came in since the baseline was taken",
        },
        KindDoc { kind: "role_narrowed", meaning: "a role may be less than it was" },
        KindDoc { kind: "role_widened", meaning: "a role may be more than it was" },
    ],
    wanted,
    judge,
};

const ID: &str = "privilege_drift";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::DefaultPrivilege,
        CatalogFactName::Function,
        CatalogFactName::OwnedObject,
        CatalogFactName::Policy,
        CatalogFactName::Relation,
        CatalogFactName::Role,
        CatalogFactName::Schema,
        CatalogFactName::Sequence,
        CatalogFactName::Setting,
    ]);
    if let Some(server) = &context.now.run.server {
        if server.major() >= Parameter::SINCE {
            wants.catalog(&[CatalogFactName::Parameter]);
        }
        if server.superuser {
            wants.catalog(&[CatalogFactName::Password]);
        }
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let now = Access::new(&context.now.catalog).map_err(|unread| judgement.unread.push(unread));
    let Ok(now) = now else { return judgement };
    let Some(baseline) = context.then else {
        return Judgement::no_expectation(
            "what roles may do is compared with what they could: verify --against a baseline",
        );
    };
    let then = Access::new(&baseline.catalog).map_err(|unread| judgement.unread.push(of_baseline(unread)));
    let Ok(then) = then else { return judgement };
    let case = Case::new(context, baseline, now, then, &mut judgement);
    roles::judge(&case, &mut judgement);
    owners::judge(&case, &mut judgement);
    grants::judge(&case, &mut judgement);
    defaults::judge(&case, &mut judgement);
    judgement
}

fn of_baseline(unread: Unread) -> Unread {
    Unread::new(format!("{} of the baseline", unread.object), unread.cause)
}

/// Now, then, and what is compared.
struct Case<'e> {
    context: Context<'e>,
    baseline: &'e Evidence,
    now: Access<'e>,
    then: Access<'e>,
    exposed: Exposed<'e>,
    /// Whether either is a Supabase project.
    is_platform: bool,
    /// What both sides have, and is looked at.
    pairs: Vec<(Thing<'e>, Thing<'e>)>,
    /// What the baseline has, as far as it is looked at.
    was: Vec<Thing<'e>>,
    /// What `rls_coverage` tells in the same report: objects and roles.
    told: BTreeSet<String>,
}

impl<'e> Case<'e> {
    fn new(
        context: Context<'e>,
        baseline: &'e Evidence,
        now: Access<'e>,
        then: Access<'e>,
        judgement: &mut Judgement,
    ) -> Self {
        let letters = Letters::of(context.now, baseline);
        let parameters = !before(Parameter::SINCE, context.now) && !before(Parameter::SINCE, baseline);
        let (mut is, unread) = of_side(context.now, letters, parameters);
        judgement.unread.extend(unread);
        let (was, unread) = of_side(baseline, letters, parameters);
        judgement.unread.extend(unread.into_iter().map(of_baseline));
        let is_supabase = |evidence: &Evidence| evidence.catalog.is_supabase().unwrap_or(false);
        let mut case = Self {
            is_platform: is_supabase(context.now) || is_supabase(baseline),
            exposed: Exposed::settle(context, &now, Some(&then), &mut Judgement::default()),
            context,
            baseline,
            now,
            then,
            pairs: Vec::new(),
            was: Vec::new(),
            told: told(context),
        };
        add_missing_parameters(&mut is, &was);
        for (key, old) in was {
            if !case.looks_at(&old) {
                continue;
            }
            if let Some(new) = is.remove(&key) {
                case.pairs.push((new, old.clone()));
            }
            case.was.push(old);
        }
        // What nobody was granted anything on in the baseline.
        for (_, new) in is.into_iter().filter(|((kind, _), _)| *kind == Kind::Parameters) {
            let old = new.without_grants();
            case.pairs.push((new, old));
        }
        case.add_columns();
        case
    }

    /// What a role may do with a column and not with the whole table, on either side.
    fn add_columns(&mut self) {
        for Column { relation, name, .. } in granted_columns([&self.now, &self.then]).into_values() {
            let tables = self.now.relation(relation).zip(self.then.relation(relation));
            let Some((table, old_table)) = tables.filter(|(table, _)| self.exposed.looks_at(table)) else {
                continue;
            };
            let acl = self.now.column_acl(relation, name);
            // A column that is gone was taken from nobody; partitions list only those that have grants.
            if acl.is_none() && !table.is_partition {
                continue;
            }
            let old = of_column(old_table, name, self.then.column_acl(relation, name));
            self.pairs.push((of_column(table, name, acl), old.clone()));
            self.was.push(old);
        }
    }

    fn looks_at(&self, thing: &Thing<'_>) -> bool {
        if thing.extension.is_some() {
            return false;
        }
        if let Some(relation) = thing.relation {
            return self.exposed.looks_at(relation);
        }
        match (thing.kind, thing.schema) {
            (Kind::Schemas, Some(schema)) => {
                self.exposed.looks_into(schema) || ["auth", "storage"].contains(&schema)
            }
            (_, Some(schema)) => self.exposed.looks_into(schema),
            // Of what is in no schema, what belongs to a service of the platform is the platform's.
            (_, None) => !self.is_service(thing.owner) || thing.kind == Kind::Database,
        }
    }

    /// Whether the schema's objects are the platform's, and only what the API may do with them is the team's matter.
    fn is_managed(&self, thing: &Thing<'_>) -> bool {
        thing.schema.is_some_and(|schema| {
            let managed = |evidence: &Evidence| evidence.catalog.is_managed(schema).unwrap_or(false);
            managed(self.context.now) || managed(self.baseline)
        })
    }

    /// Whether the role belongs to a service of the platform, which changes what it may do as it likes.
    fn is_service(&self, role: &str) -> bool {
        self.is_platform && is_service_role(role)
    }

    /// Whether what is granted to this role, or to everybody, is granted to the API.
    fn reaches_api(&self, grantee: &str) -> bool {
        self.now.api_roles().any(|role| self.now.counts_for(role, grantee))
    }

    /// A fact of both sides, or what could not be read.
    fn both<T>(
        &self,
        judgement: &mut Judgement,
        object: &str,
        fact: impl Fn(&'e Evidence) -> Result<&'e Vec<T>, Cause>,
    ) -> Option<(&'e [T], &'e [T])> {
        let now = fact(self.context.now).map_err(|cause| Unread::new(object, cause));
        let then = fact(self.baseline).map_err(|cause| of_baseline(Unread::new(object, cause)));
        match (now, then) {
            (Ok(now), Ok(then)) => Some((now, then)),
            (now, then) => {
                judgement.unread.extend(now.err());
                judgement.unread.extend(then.err());
                None
            }
        }
    }
}

/// A parameter that somebody was granted and nobody is now is there all the same.
fn add_missing_parameters<'e>(is: &mut Things<'e>, was: &Things<'e>) {
    for (key, old) in was.iter().filter(|((kind, _), _)| *kind == Kind::Parameters) {
        is.entry(key.clone()).or_insert_with(|| old.without_grants());
    }
}

/// What `rls_coverage` finds of roles that policies do not hold for: once in a report is enough.
fn told(context: Context<'_>) -> BTreeSet<String> {
    if !context.runs(rls_coverage::CHECK.id) {
        return BTreeSet::new();
    }
    let found = (rls_coverage::CHECK.judge)(context).findings;
    let bypassed = found
        .iter()
        .filter(|finding| matches!(finding, Finding::RlsBypassed(_)) && finding.severity() > Severity::Info);
    bypassed.map(|finding| finding.common().object.clone()).collect()
}

/// By its name, the first of each.
type ByName<'e, T> = BTreeMap<&'e str, &'e T>;
