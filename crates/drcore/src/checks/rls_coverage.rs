//! `rls_coverage`: what the API's roles reach, and whether row level security stands before it.

mod drift;
mod findings;
mod policy_rules;
mod policy_text;
mod sight;
mod tables;
#[cfg(test)]
mod tests;
mod views;

use crate::access::{Access, LOGIN_ROLE};
use crate::check::{Check, Context, Judgement, KindDoc, Reason, Unread};
use crate::checks::exposed::{Exposed, ExposedBy, has_api};
use crate::checks::{policies, privilege_drift};
use crate::collect::Wants;
use crate::evidence::Evidence;
use crate::evidence::catalog::{CatalogFactName, Policy, Relation};
use crate::sql::QualifiedName;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "what the API's roles reach is what it should be, and row level security stands before it",
    docs: include_str!("rls_coverage.md"),
    kinds: &[
        KindDoc { kind: "auth_users_exposed", meaning: "the API shows the e-mail addresses of all users" },
        KindDoc {
            kind: "definer_function_exposed",
            meaning: "the API can call a function that acts with its owner's rights",
        },
        KindDoc { kind: "definer_view", meaning: "the view reads past the policies of the tables under it" },
        KindDoc { kind: "force_rls_lost", meaning: "the table's owner is not held to the policies any more" },
        KindDoc {
            kind: "missing_schema",
            meaning: "a schema that the API serves is gone: the API refuses to start",
        },
        KindDoc { kind: "policies_inactive", meaning: "the table's policies are not in force" },
        KindDoc { kind: "policy_added", meaning: "a policy came in since the baseline was taken" },
        KindDoc { kind: "policy_always_true", meaning: "a policy lets everybody at every row" },
        KindDoc {
            kind: "policy_calls_volatile",
            meaning: "what the policy asks may answer otherwise for the next row, and is asked for each",
        },
        KindDoc {
            kind: "policy_changed",
            meaning: "a policy is not what it was when the baseline was taken",
        },
        KindDoc {
            kind: "policy_ignores_tenant",
            meaning: "whoever the policy lets in sees the rows of all tenants",
        },
        KindDoc {
            kind: "policy_lost",
            meaning: "a policy is gone: rows are hidden from those who own them, or shown to others",
        },
        KindDoc { kind: "policy_never_true", meaning: "the policy lets nobody in, at no row" },
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
    exposed: Exposed<'e>,
    policies: Option<&'e [Policy]>,
    old_policies: Option<&'e [Policy]>,
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
        let policies = read(context.now, "");
        let old_policies = context.then.and_then(|then| read(then, " of the baseline"));
        let exposed = Exposed::settle(context, &now, then.as_ref(), judgement);
        Self { context, now, then, exposed, policies, old_policies }
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
        (self.exposed.source() == ExposedBy::Nobody && !compared).then_some(
            "which schemas the API exposes is not known, and only public was judged: add exposed_schemas = \
             [\"public\"] under [rls_coverage] to the plan, or --against a baseline",
        )
    }

    /// Whether `privilege_drift` tells in the same report who may do what they could not.
    fn widened_is_told(&self) -> bool {
        self.context.runs(privilege_drift::CHECK.id)
    }

    /// The relation as it was in the baseline.
    fn old(&self, relation: &Relation) -> Option<&'e Relation> {
        self.then.as_ref().and_then(|then| then.relation(&relation.name))
    }

    fn is_exposed(&self, schema: &str) -> bool {
        self.exposed.has(schema)
    }

    /// Whether the relation is looked at, for itself or against the baseline.
    fn looks_at(&self, relation: &Relation) -> bool {
        self.exposed.looks_at(relation) || self.is_guarded(relation)
    }

    /// Whether it is a service's table with policies, now or then, such as `realtime.messages`: they are the
    /// application's, and in no dump of its schemas.
    fn is_guarded(&self, relation: &Relation) -> bool {
        let scope = &self.context.plan.scope;
        let has =
            |all: Option<&'e [Policy]>| all.is_some_and(|all| !policies::of(all, &relation.name).is_empty());
        scope.schemas.is_empty()
            && relation.extension.is_none()
            && !scope.excludes(&relation.name)
            && (has(self.policies) || has(self.old_policies))
    }

    /// Whether what is in the schema is looked at, for itself or against the baseline.
    fn looks_into(&self, schema: &str) -> bool {
        self.exposed.looks_into(schema)
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
            let found = ["anon", "authenticated"].contains(&role);
            if self.now.has_role(role) && self.now.bypasses(role) && !found {
                judgement.find(RlsBypassed::of_api(role, true));
            }
        }
    }

    fn judge_schemas(&self, judgement: &mut Judgement) {
        for schema in self.exposed.schemas() {
            let lost = self.then.as_ref().is_some_and(|then| then.schema(schema).is_some());
            if self.now.schema(schema).is_none() && (lost || self.exposed.source() == ExposedBy::Plan) {
                judgement.find(MissingSchema::new(schema, lost));
            }
        }
    }
}
