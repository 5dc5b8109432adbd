//! `tenant_isolation`: who sees whose rows, tried by becoming them.

mod sample;
#[cfg(test)]
mod tests;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Access;
use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::checks::policies;
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{CatalogFactName, PolicyCommand, Relation};
use crate::evidence::{Cause, CauseKind, Evidence, Fact, Seen};
use crate::finding::{Common, Severity, payloads};
use crate::plan::{Actor, Plan};
use crate::sql::QualifiedName;
use crate::text::{count, list, plural};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "users see their own tenant's rows and no other's, tried by becoming them",
    docs: include_str!("tenant_isolation.md"),
    kinds: &[
        KindDoc {
            kind: "tenant_memberships_gained",
            meaning: "users belong to tenants that they did not belong to, and see their rows",
        },
        KindDoc {
            kind: "tenant_memberships_lost",
            meaning: "users do not belong to their tenants any more, and are shut out",
        },
        KindDoc { kind: "own_rows_hidden", meaning: "users see none of the rows that are theirs" },
        KindDoc { kind: "rows_of_others_shown", meaning: "users see rows that belong to other tenants" },
        KindDoc {
            kind: "rows_of_others_writable",
            meaning: "users may write rows that belong to other tenants",
        },
        KindDoc {
            kind: "rows_shown_to_anonymous",
            meaning: "whoever has no account sees the rows of tenants",
        },
        KindDoc {
            kind: "rows_writable_by_anonymous",
            meaning: "whoever has no account may write the rows of tenants",
        },
    ],
    wanted,
    judge,
};

pub(crate) const ID: &str = "tenant_isolation";

pub use sample::{TenantMembershipsGained, TenantMembershipsLost};
pub use writes::{RowsOfOthersWritable, RowsWritableByAnonymous};

payloads! {
    /// Users see none of the rows that are theirs.
    OwnRowsHidden: of users {
        /// Who, by their ids.
        users: Vec<String>,
    }

    /// Users see rows of other tenants.
    RowsOfOthersShown: of users {
        /// Who, by their ids.
        users: Vec<String>,
        /// How many rows of others one of them sees, at most.
        rows: u64,
        /// How many other tenants these belong to, at most.
        tenants: u64,
    }

    /// Whoever has no account sees rows of tenants.
    RowsShownToAnonymous {
        /// How many rows.
        rows: u64,
        /// How many tenants these belong to.
        tenants: u64,
    }
}

const FACTS: &[CatalogFactName] = &[
    CatalogFactName::Column,
    CatalogFactName::Policy,
    CatalogFactName::Relation,
    CatalogFactName::Role,
    CatalogFactName::Schema,
];

fn wanted(context: Context<'_>, wants: &mut Wants) {
    let actors = context.plan.actors(context.now, context.then);
    if actors.is_empty() {
        return;
    }
    wants.catalog(FACTS);
    sample::wanted(context, wants);
    let Ok(access) = Access::new(&context.now.catalog) else { return };
    let Ok(shared) = shared(context.plan, context.now, None) else { return };
    let readable = Readable::new(&access, &actors, &shared);
    for actor in actors.iter().filter(|actor| access.has_role(&actor.role)) {
        for relation in shared.iter().filter(|relation| readable.by(actor, relation)) {
            wants.add(Request::Acting { who: actor.name.clone(), table: relation.name.clone() });
        }
    }
}

/// Who may write at all, and the tables on which it is tried.
pub(crate) fn writers<'e>(
    plan: &Plan,
    now: &'e Evidence,
    then: Option<&Evidence>,
) -> Vec<(Actor, Vec<&'e Relation>)> {
    let (Ok(access), Ok(shared)) = (Access::new(&now.catalog), shared(plan, now, None)) else {
        return Vec::new();
    };
    let actors = plan.actors(now, then).into_iter().filter(|actor| access.has_role(&actor.role));
    actors
        .map(|actor| {
            let tables = shared.iter().copied().filter(|table| writes::writes(&access, &actor, table));
            let tables = tables.collect();
            (actor, tables)
        })
        .collect()
}

/// Of which tables and views each role may ask for rows at all.
struct Readable<'e>(BTreeMap<&'e str, BTreeSet<&'e QualifiedName>>);

impl<'e> Readable<'e> {
    fn new(access: &Access<'_>, actors: &'e [Actor], shared: &[&'e Relation]) -> Self {
        let roles: BTreeSet<&str> = actors.iter().map(|actor| actor.role.as_str()).collect();
        let of = |role: &str| {
            let reads =
                |relation: &&&Relation| access.is_superuser(role) || access.reach(role, relation).has('r');
            shared.iter().filter(reads).map(|relation| &relation.name).collect()
        };
        Self(roles.into_iter().map(|role| (role, of(role))).collect())
    }

    /// Whether this is one of those.
    fn by(&self, actor: &Actor, relation: &Relation) -> bool {
        self.0.get(actor.role.as_str()).is_some_and(|names| names.contains(&relation.name))
    }
}

/// The tables and views that hold rows of several tenants: those that the plan names, else all that are looked at and
/// have the column. What of the plan stands for nothing is told to the judgement, where there is one.
fn shared<'e>(
    plan: &Plan,
    evidence: &'e Evidence,
    mut judgement: Option<&mut Judgement>,
) -> Result<Vec<&'e Relation>, Cause> {
    let catalog = &evidence.catalog;
    let (Some(section), Some(tenancy)) = (&plan.tenant_isolation, &plan.tenancy) else {
        return Ok(Vec::new());
    };
    let has_column =
        |name: &QualifiedName| catalog.column(name, &tenancy.column).map(|column| column.is_some());
    let mut shared = BTreeMap::new();
    for name in &section.tables {
        let found = match name.resolve(catalog) {
            Ok(Some(relation)) if has_column(&relation.name)? => {
                shared.insert(&relation.name, relation);
                continue;
            }
            Ok(Some(_)) => Cause::new(CauseKind::Error, format!("there is no column {}", tenancy.column)),
            Ok(None) => Cause::new(CauseKind::Error, "there is no such table or view"),
            Err(cause) => cause,
        };
        if let Some(judgement) = &mut judgement {
            judgement.could_not_read(name.to_string(), found);
        }
    }
    if section.tables.is_empty() {
        for relation in catalog.relations.get()? {
            if plan.scope.has(relation, catalog)? && has_column(&relation.name)? {
                shared.insert(&relation.name, relation);
            }
        }
    }
    Ok(shared.into_values().collect())
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if context.plan.tenant_isolation.is_none() {
        if context.now.run.server.is_none() {
            // Nobody answered: that is what to say, and not that a plan would help.
            judgement.could_not_read(
                "the database",
                Cause::new(CauseKind::NotCollected, "no server answered when it was collected"),
            );
            return judgement;
        }
        return Judgement::no_expectation(
            "no [tenant_isolation] in the plan: name users of two tenants, and under [tenancy] the column",
        );
    }
    let access = match Access::new(&context.now.catalog) {
        Ok(access) => access,
        Err(unread) => return Judgement::unreadable(unread),
    };
    let shared = match shared(context.plan, context.now, Some(&mut judgement)) {
        Ok(shared) => shared,
        Err(cause) => {
            judgement.could_not_read("the list of tables", cause);
            return judgement;
        }
    };
    let column = context.plan.tenancy.as_ref().map_or("", |tenancy| tenancy.column.as_str());
    if shared.is_empty() && judgement.unread.is_empty() {
        return Judgement::not_applicable(format!(
            "no table or view that is looked at has the column {column}"
        ));
    }
    let remark = sample::judge(context, &mut judgement);
    let mut actors = context.plan.actors(context.now, context.then);
    actors.retain(|actor| has_role(&access, actor, &mut judgement));
    let mut tried = 0;
    let mut proved = 0;
    // Who is known to be somebody: by a row of theirs that they see, or by what could not be read.
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut acted: BTreeSet<&str> = BTreeSet::new();
    // For whom there was a row of somebody else to see.
    let mut faced: BTreeSet<&str> = BTreeSet::new();
    let readable = Readable::new(&access, &actors, &shared);
    for relation in &shared {
        let sights = Sights::of(context.now, &readable, &actors, relation, &mut judgement);
        tried += u64::from(sights.reached());
        proved += u64::from(sights.proves());
        judgement.examine("tables", u64::from(sights.proves()));
        faced.extend(&sights.faced);
        known.extend(&sights.known);
        acted.extend(&sights.acted);
        sights.judge(context, &access, relation, &mut judgement);
    }
    judgement.examine("users", acted.len() as u64);
    if context.plan.tenant_isolation.as_ref().is_some_and(|section| section.attempt_writes) {
        writes::judge(context, &access, &actors, &shared, &mut judgement);
    }
    for actor in actors.iter().filter(|actor| !actor.is_anonymous() && !known.contains(actor.name.as_str())) {
        let cause = Cause::new(
            CauseKind::NotCollected,
            "sees no row of their own in any table, as a stranger would: that they see no other's proves nothing",
        );
        judgement.could_not_read(
            actor.name.clone(),
            cause
                .hint("Compare id, tenants, role and claims of the plan with the user's token and the rows."),
        );
    }
    if tried > 0 && proved == 0 {
        return judgement.absent(
            Reason::Assumed,
            "no table that they reach holds rows of another tenant than theirs, so that seeing none proves nothing: \
             name users of other tenants",
        );
    }
    let is_user = |actor: &&Actor| !actor.is_anonymous() && acted.contains(actor.name.as_str());
    for actor in actors.iter().filter(is_user).filter(|actor| !faced.contains(actor.name.as_str())) {
        let cause = Cause::new(
            CauseKind::NotCollected,
            "no table holds rows of another tenant than theirs: that they see none proves nothing",
        );
        judgement.could_not_read(
            format!("what {} sees of others", actor.name),
            cause.hint("Name users that do not belong to every tenant."),
        );
    }
    let empty = (proved < tried).then(|| {
        format!(
            "{} of {} hold no rows of another tenant, and prove nothing",
            count(tried - proved),
            plural(tried, "table")
        )
    });
    let remarks: Vec<String> = remark.into_iter().chain(empty).collect();
    judgement.remark = Some(remarks.join("; ")).filter(|remark| !remark.is_empty());
    judgement
}

/// Whether the role of this actor is on the server. Where it is not, that is told.
fn has_role(access: &Access<'_>, actor: &Actor, judgement: &mut Judgement) -> bool {
    let there = access.has_role(&actor.role);
    if !there {
        let cause =
            Cause::new(CauseKind::Unsupported, format!("role \"{}\" is not on this server", actor.role))
                .hint("Roles are in no dump of a database: restore them, or name another role in the plan.");
        judgement.could_not_read(actor.name.clone(), cause);
    }
    there
}

/// What the actors see of one table.
#[derive(Default)]
struct Sights<'e> {
    /// Whether whoever has no token may read it, and whether there was something to see for them.
    anonymous: Option<bool>,
    /// Whether one of the users may read it, and whether there were rows of others to see for one of them.
    users: Option<bool>,
    /// What is seen without a token.
    shown: Option<&'e Seen>,
    leaking: Vec<(&'e str, &'e Seen)>,
    hidden: Vec<&'e Actor>,
    /// Who sees rows of their own, or what they see could not be read.
    known: Vec<&'e str>,
    /// As whom it was read.
    acted: Vec<&'e str>,
    /// For whom there are rows of others to see.
    faced: Vec<&'e str>,
}

impl<'e> Sights<'e> {
    fn of(
        now: &'e Evidence,
        readable: &Readable<'_>,
        actors: &'e [Actor],
        relation: &Relation,
        judgement: &mut Judgement,
    ) -> Self {
        let mut sights = Self::default();
        for actor in actors.iter().filter(|actor| readable.by(actor, relation)) {
            let of = if actor.is_anonymous() { &mut sights.anonymous } else { &mut sights.users };
            let proves = of.get_or_insert(false);
            let seen = match seen(now, actor, &relation.name) {
                Ok(seen) => seen,
                Err(cause) => {
                    judgement.could_not_read(format!("{} as {}", relation.name, actor.name), cause);
                    sights.known.push(&actor.name);
                    continue;
                }
            };
            sights.acted.push(&actor.name);
            // A view may show them what it does not show to who verifies.
            if seen.has_others || seen.others > 0 {
                *proves = true;
                sights.faced.push(&actor.name);
            }
            if actor.is_anonymous() {
                sights.shown = Some(seen).filter(|seen| seen.others > 0);
                continue;
            }
            if seen.own > 0 {
                sights.known.push(&actor.name);
            }
            if seen.others > 0 {
                sights.leaking.push((&actor.name, seen));
            }
            if seen.has_own && seen.own == 0 {
                sights.hidden.push(actor);
            }
        }
        sights
    }

    /// Whether any of them may read it.
    fn reached(&self) -> bool {
        self.anonymous.is_some() || self.users.is_some()
    }

    /// Whether who may read it could have seen rows that are not theirs. What nobody sees without a token says nothing
    /// of users.
    fn proves(&self) -> bool {
        self.users.or(self.anonymous).unwrap_or(false)
    }

    fn judge(
        &self,
        context: Context<'_>,
        access: &Access<'_>,
        relation: &Relation,
        judgement: &mut Judgement,
    ) {
        if let Some(seen) = self.shown {
            judgement.find(RowsShownToAnonymous::new(&relation.name, seen));
        }
        if !self.leaking.is_empty() {
            judgement.find(RowsOfOthersShown::new(&relation.name, &self.leaking));
        }
        if !self.hidden.is_empty() {
            let meant = self.hidden.iter().all(|actor| is_meant(context, access, actor, relation));
            let severity = if meant { Severity::Info } else { Severity::Warning };
            let users: Vec<&str> = self.hidden.iter().map(|actor| actor.name.as_str()).collect();
            judgement.find(OwnRowsHidden::new(&relation.name, &users, severity));
        }
    }
}

/// Whether rows are hidden from their owner on purpose: they were in the baseline, or nothing was ever meant to let
/// them in, as with a table that only the service reads.
fn is_meant(context: Context<'_>, access: &Access<'_>, actor: &Actor, relation: &Relation) -> bool {
    let then = context.then.map(|then| seen(then, actor, &relation.name));
    if let Some(Ok(seen)) = then {
        // Where they had none, nothing is known of it.
        if seen.has_own || seen.own > 0 {
            return seen.own == 0;
        }
    }
    let lets_in = |evidence: &Evidence| {
        evidence.catalog.policies.read().is_none_or(|all| {
            policies::of(all, &relation.name).iter().any(|policy| {
                policy.permissive
                    && policy.command.each().contains(&PolicyCommand::Select)
                    && access.is_for(policy, &actor.role)
            })
        })
    };
    relation.rls_enabled && !lets_in(context.now) && !context.then.is_some_and(lets_in)
}

/// What this actor saw of the table.
fn seen<'e>(now: &'e Evidence, actor: &Actor, table: &QualifiedName) -> Result<&'e Seen, Cause> {
    let not_asked = || Cause::new(CauseKind::NotCollected, "it was not tried");
    let acted = now.isolation.get(&actor.name).ok_or_else(not_asked)?;
    if acted.sha256 != actor.sha256 {
        let message = "it was tried with another role, token, column or other tenants than the plan's";
        return Err(Cause::new(CauseKind::NotCollected, message));
    }
    match acted.tables.get(table) {
        Some(Fact::Read(seen)) => Ok(seen),
        Some(Fact::Unread(cause)) => Err(cause.clone()),
        Some(Fact::NotAsked) | None => Err(not_asked()),
    }
}

impl OwnRowsHidden {
    fn new(table: &QualifiedName, users: &[&str], severity: Severity) -> Self {
        let message = format!("{} may read it, and sees none of the rows of their own", who(users));
        let hint = if severity == Severity::Info {
            "Right where only the service reads it: no policy lets them in, or it was so in the baseline."
        } else {
            "A policy is gone or never true for them: the application shows an empty list, without an error."
        };
        let common = common("own_rows_hidden", table, severity, message).hint(hint);
        Self { common, users: owned(users) }
    }
}

impl RowsOfOthersShown {
    fn new(table: &QualifiedName, leaking: &[(&str, &Seen)]) -> Self {
        let users: Vec<&str> = leaking.iter().map(|(user, _)| *user).collect();
        let most = |of: fn(&Seen) -> u64| leaking.iter().map(|(_, seen)| of(seen)).max().unwrap_or_default();
        let (rows, tenants) = (most(|seen| seen.others), most(|seen| seen.other_tenants));
        let message = format!("{} sees {}", who(&users), amount(rows, tenants, "other tenant"));
        let common = common("rows_of_others_shown", table, Severity::Critical, message)
            .hint("Row level security is off for it, or a policy lets them at rows that are not theirs.");
        Self { common, users: owned(&users), rows, tenants }
    }
}

impl RowsShownToAnonymous {
    fn new(table: &QualifiedName, seen: &Seen) -> Self {
        let (rows, tenants) = (seen.others, seen.other_tenants);
        let message = format!("whoever has no account sees {}", amount(rows, tenants, "tenant"));
        let common = common("rows_shown_to_anonymous", table, Severity::Critical, message)
            .hint("The key that anon asks with is in every copy of the application.");
        Self { common, rows, tenants }
    }
}

/// `48 rows of 2 other tenants`.
fn amount(rows: u64, tenants: u64, of: &str) -> String {
    format!("{} of {}", plural(rows, "row"), plural(tenants, of))
}

/// One by name, several by number and the first names.
fn who(users: &[&str]) -> String {
    let names: BTreeSet<&str> = users.iter().copied().collect();
    match users {
        [one] => (*one).to_owned(),
        [_, _] | [_, _, _] => format!("each of {}", list(&names.into_iter().collect::<Vec<_>>())),
        [first, rest @ ..] => format!("each of {} and {}", first, plural(rest.len() as u64, "other user")),
        [] => String::new(),
    }
}

fn owned(users: &[&str]) -> Vec<String> {
    users.iter().map(|user| (*user).to_owned()).collect()
}

fn common(kind: &str, table: &QualifiedName, severity: Severity, message: String) -> Common {
    Common::new(ID, kind, table.to_string(), severity, message).query(policies::query(table))
}
