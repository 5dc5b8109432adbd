//! `rls_coverage`: what the API's roles reach, and whether row level security stands before it.

mod drift;
mod exposure;
mod findings;
mod policy_rules;
mod sight;
mod tables;
#[cfg(test)]
mod tests;
mod views;

use std::collections::BTreeSet;

use crate::access::{Access, LOGIN_ROLE};
use crate::check::{Check, Context, Judgement, KindDoc, Reason, Unread};
use crate::collect::Wants;
use crate::evidence::Evidence;
use crate::evidence::catalog::{CatalogFactName, Policy, Relation, Setting};
use crate::sql::QualifiedName;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "what the API's roles reach is what it should be, and row level security stands before it",
    docs: include_str!("rls_coverage.md"),
    kinds: &[
        KindDoc { kind: "api_role_added", meaning: "the API can become a role that it could not become" },
        KindDoc { kind: "auth_users_exposed", meaning: "the API shows the e-mail addresses of all users" },
        KindDoc {
            kind: "definer_function_exposed",
            meaning: "the API can call a function that acts with its owner's rights",
        },
        KindDoc { kind: "definer_view", meaning: "the view reads past the policies of the tables under it" },
        KindDoc {
            kind: "exposure_narrowed",
            meaning: "the application is refused what it could do when the baseline was taken",
        },
        KindDoc {
            kind: "exposure_widened",
            meaning: "the API can do what it could not do when the baseline was taken",
        },
        KindDoc { kind: "force_rls_lost", meaning: "the table's owner is not held to the policies any more" },
        KindDoc { kind: "missing_role", meaning: "a role that the API becomes is gone: its requests fail" },
        KindDoc {
            kind: "missing_schema",
            meaning: "a schema that the API serves is gone: the API refuses to start",
        },
        KindDoc { kind: "policies_inactive", meaning: "the table's policies are not in force" },
        KindDoc { kind: "policy_added", meaning: "a policy came in since the baseline was taken" },
        KindDoc { kind: "policy_always_true", meaning: "a policy lets everybody at every row" },
        KindDoc {
            kind: "policy_changed",
            meaning: "a policy is not what it was when the baseline was taken",
        },
        KindDoc {
            kind: "policy_lost",
            meaning: "a policy is gone: rows are hidden from those who own them, or shown to others",
        },
        KindDoc { kind: "policy_trusts_user_metadata", meaning: "users can edit what the policy believes" },
        KindDoc { kind: "rls_bypassed", meaning: "row level security does not hold for a role of the API" },
        KindDoc { kind: "rls_disabled", meaning: "no policy stands before the table's rows" },
        KindDoc { kind: "rls_without_policies", meaning: "the API sees no row of the table" },
        KindDoc {
            kind: "unprotectable_relation",
            meaning: "the API reads a materialised view or foreign table, where policies cannot be",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "rls_coverage";

fn wanted(_: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::Function,
        CatalogFactName::Policy,
        CatalogFactName::Relation,
        CatalogFactName::Role,
        CatalogFactName::Schema,
        CatalogFactName::Sequence,
        CatalogFactName::Setting,
        CatalogFactName::ViewSource,
    ]);
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let now = Access::new(&context.now.catalog).map_err(|unread| judgement.unread.push(unread));
    let then = context
        .then
        .map(|then| Access::new(&then.catalog))
        .transpose()
        .map_err(|unread| judgement.unread.push(of_baseline(unread)));
    let (Ok(now), Ok(then)) = (now, then) else { return judgement };
    let case = Case::new(context, now, then, &mut judgement);
    if case.is_pointless() {
        return Judgement::not_applicable(
            "no API reaches this database (there is no role anon, authenticated or authenticator), and no row \
             level security is used",
        );
    }
    case.judge_roles(&mut judgement);
    case.judge_schemas(&mut judgement);
    tables::judge(&case, &mut judgement);
    policy_rules::judge(&case, &mut judgement);
    views::judge(&case, &mut judgement);
    drift::judge(&case, &mut judgement);
    if judgement.examined.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty() {
        let there = |access: &Access<'_>| {
            access.relations.iter().any(|relation| {
                let managed = access.catalog.is_managed(&relation.name.schema).unwrap_or(false);
                relation.extension.is_none() && !managed
            })
        };
        if there(&case.now) || case.then.as_ref().is_some_and(there) {
            return Judgement::default().absent(
                Reason::Assumed,
                "the database has tables or views, and none was looked at: see [scope] and exposed_schemas under \
                 [rls_coverage] in the plan",
            );
        }
        return Judgement::not_applicable(
            "there is no table, view or function in the schemas that are looked at",
        );
    }
    match case.unsettled() {
        Some(note) => judgement.absent(Reason::Assumed, note),
        None => judgement,
    }
}

fn of_baseline(unread: Unread) -> Unread {
    Unread::new(format!("{} of the baseline", unread.object), unread.cause)
}

/// Now, then, and what the API exposes.
struct Case<'e> {
    context: Context<'e>,
    now: Access<'e>,
    then: Option<Access<'e>>,
    exposed: BTreeSet<String>,
    source: ExposedBy,
    policies: Option<&'e [Policy]>,
    old_policies: Option<&'e [Policy]>,
}

/// Who says which schemas the API exposes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExposedBy {
    Nobody,
    Plan,
    Settings,
}

impl<'e> Case<'e> {
    fn new(
        context: Context<'e>,
        now: Access<'e>,
        then: Option<Access<'e>>,
        judgement: &mut Judgement,
    ) -> Self {
        let mut read = |evidence: &'e Evidence, of: &str| match evidence.catalog.policies.get() {
            Ok(policies) => Some(policies.as_slice()),
            Err(cause) => {
                judgement.could_not_read(format!("the policies{of}"), cause);
                None
            }
        };
        let mut case = Self {
            context,
            now,
            then,
            exposed: BTreeSet::new(),
            source: ExposedBy::Nobody,
            policies: read(context.now, ""),
            old_policies: context.then.and_then(|then| read(then, " of the baseline")),
        };
        case.settle_exposed(judgement);
        case
    }

    /// Plan, else the database's own setting, else the baseline's (settings of roles are in no dump), else `public`.
    fn settle_exposed(&mut self, judgement: &mut Judgement) {
        if let Some(section) = &self.context.plan.rls_coverage {
            let known = |name: &String| {
                // Exactly this case, else folded, as everywhere in plans.
                let lower = name.to_lowercase();
                if self.now.schema(name).is_none() && self.now.schema(&lower).is_some() {
                    lower
                } else {
                    name.clone()
                }
            };
            self.exposed = section.exposed_schemas.iter().map(known).collect();
            self.source = ExposedBy::Plan;
            return;
        }
        for evidence in [Some(self.context.now), self.context.then].into_iter().flatten() {
            let settings = match evidence.catalog.settings.get() {
                Ok(settings) => settings,
                Err(cause) => {
                    judgement.could_not_read("the API's settings", cause);
                    continue;
                }
            };
            if let Some(schemas) = exposed_by(settings) {
                // The usual list names schemas of extensions that may not be installed.
                let there = |name: &String| {
                    self.now.schema(name).is_some()
                        || self.then.as_ref().is_some_and(|then| then.schema(name).is_some())
                };
                self.exposed = schemas.into_iter().filter(there).collect();
                if !self.exposed.is_empty() {
                    self.source = ExposedBy::Settings;
                    return;
                }
            }
        }
        self.exposed.insert("public".to_owned());
    }

    /// Neither an API nor policies, now or then.
    fn is_pointless(&self) -> bool {
        let used = |access: &Access<'_>| {
            access.relations.iter().any(|relation| relation.rls_enabled && relation.extension.is_none())
        };
        let sides = [Some(&self.now), self.then.as_ref()];
        let mut sides = sides.into_iter().flatten();
        let no_api = sides.clone().all(|side| !has_api(side));
        // Without an API and without a baseline there is nothing to hold policies against.
        no_api && (self.then.is_none() || !sides.any(used))
    }

    /// What would settle which schemas the API exposes.
    fn unsettled(&self) -> Option<&'static str> {
        // A baseline that knew no API says nothing of what it exposed.
        let compared = self.then.as_ref().is_some_and(|then| has_api(then) || !has_api(&self.now));
        (self.source == ExposedBy::Nobody && !compared).then_some(
            "which schemas the API exposes is not known, and only public was judged: add exposed_schemas = \
             [\"public\"] under [rls_coverage] to the plan, or --against a baseline",
        )
    }

    /// The relation as it was in the baseline.
    fn old(&self, relation: &Relation) -> Option<&'e Relation> {
        self.then.as_ref().and_then(|then| then.relation(&relation.name))
    }

    fn is_exposed(&self, schema: &str) -> bool {
        self.exposed.contains(schema)
    }

    /// Whether the relation is looked at, for itself or against the baseline.
    fn looks_at(&self, relation: &Relation) -> bool {
        let scope = &self.context.plan.scope;
        if relation.extension.is_some() || scope.excludes(&relation.name) {
            return false;
        }
        let schema = relation.name.schema.as_str();
        scope.has(relation, self.now.catalog).unwrap_or(true)
            || self.is_surely_exposed(schema)
            || (scope.schemas.is_empty() && schema == "auth")
    }

    /// Exposed schemas are looked at whatever `scope.schemas` says; a mere guess does not widen it.
    fn is_surely_exposed(&self, schema: &str) -> bool {
        let guessed = self.source == ExposedBy::Nobody && !self.context.plan.scope.schemas.is_empty();
        self.is_exposed(schema) && !guessed
    }

    /// Whether what is in the schema is looked at, for itself or against the baseline.
    fn looks_into(&self, schema: &str) -> bool {
        let scope = &self.context.plan.scope;
        scope.has_schema(schema, self.now.catalog).unwrap_or(true) || self.is_surely_exposed(schema)
    }

    /// Whether policies and row level security of the table are `bucket_privacy`'s, which judges where there are
    /// buckets.
    fn is_buckets(&self, relation: &Relation) -> bool {
        let buckets = QualifiedName::new("storage", "buckets");
        relation.name.schema == "storage"
            && matches!(relation.name.name.as_str(), "buckets" | "objects")
            && [Some(&self.now), self.then.as_ref()]
                .into_iter()
                .flatten()
                .any(|side| side.relation(&buckets).is_some())
    }

    fn judge_roles(&self, judgement: &mut Judgement) {
        let then = self.then.as_ref();
        for role in ["anon", "authenticated"] {
            if self.now.has_role(role) && self.now.bypasses(role) {
                let was = then.is_some_and(|then| then.is_api_role(role));
                judgement.find(RlsBypassed::of_api(role, was));
            }
        }
        if self.now.has_role(LOGIN_ROLE) && self.now.bypasses(LOGIN_ROLE) {
            let was = then.is_some_and(|then| !then.bypasses(LOGIN_ROLE));
            judgement.find(RlsBypassed::of_api(LOGIN_ROLE, was));
        }
        let Some(then) = then else { return };
        for role in then.api_roles() {
            if !self.now.has_role(role) {
                judgement.find(MissingRole::new(role));
            } else if self.now.bypasses(role) && !["anon", "authenticated"].contains(&role) {
                judgement.find(RlsBypassed::of_api(role, true));
            }
        }
        // Where the baseline had no API at all, the roles are no drift: the plan names what is exposed.
        if then.api_roles().next().is_some() {
            for role in self.now.api_roles().filter(|role| !then.is_api_role(role)) {
                judgement.find(ApiRoleAdded::new(role, then.has_role(role), then.bypasses(role)));
            }
            let known = then.bypassing_api_roles();
            for role in self.now.bypassing_api_roles() {
                // What was an API role, or is anon or authenticated, was found above.
                let found = then.is_api_role(role) || ["anon", "authenticated"].contains(&role);
                if !known.contains(role) && !found {
                    judgement.find(RlsBypassed::of_api(role, false));
                }
            }
        }
    }

    fn judge_schemas(&self, judgement: &mut Judgement) {
        for schema in &self.exposed {
            let lost = self.then.as_ref().is_some_and(|then| then.schema(schema).is_some());
            if self.now.schema(schema).is_none() && (lost || self.source == ExposedBy::Plan) {
                judgement.find(MissingSchema::new(schema, lost));
            }
        }
    }
}

/// Whether there is an API, be it one whose roles bypass row level security.
fn has_api(access: &Access<'_>) -> bool {
    access.api_roles().next().is_some() || ["anon", "authenticated"].iter().any(|role| access.has_role(role))
}

/// What `pgrst.db_schemas` says, the most particular setting first.
pub(crate) fn exposed_by(settings: &[Setting]) -> Option<Vec<String>> {
    let mut settings: Vec<&Setting> =
        settings.iter().filter(|setting| setting.name == "pgrst.db_schemas").collect();
    settings.sort_by_key(|setting| {
        (setting.role.as_deref() != Some("authenticator"), setting.role.is_some(), !setting.this_database)
    });
    let of_api = |setting: &&&Setting| setting.role.as_deref().is_none_or(|role| role == "authenticator");
    settings.iter().find(of_api).map(|setting| {
        setting.value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    })
}
