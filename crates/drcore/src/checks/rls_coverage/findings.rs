//! What `rls_coverage` finds.

mod definer_view;

use std::collections::BTreeSet;

use super::ID;
use crate::access::Privileges;
use crate::checks::policies;
use crate::evidence::catalog::{Function, Policy, PolicyCommand, Relation, RelationKind};
use crate::finding::{Common, Severity, payloads};
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::{count, list, plural};
pub(super) use definer_view::Since;

payloads! {
    /// A view shows `auth.users` to the API.
    AuthUsersExposed: of roles {
        /// Who sees it, unquoted.
        roles: Vec<String>,
    }

    /// The API can call a function that acts with its owner's rights.
    DefinerFunctionExposed: of roles {
        /// Who can call it, unquoted.
        roles: Vec<String>,
        /// Whose rights it has, unquoted.
        owner: String,
        /// Whether the same roles could call it in the baseline.
        as_in_baseline: bool,
    }

    /// A view reads past the policies of the tables under it.
    DefinerView: of roles, tables {
        /// Who reads it, unquoted.
        roles: Vec<String>,
        /// The tables whose policies it goes past.
        tables: Vec<QualifiedName>,
        /// The views under it that read these tables with their owners' rights; empty where it is the view itself.
        through: Vec<QualifiedName>,
        /// Whether it was so, for the same roles, in the baseline.
        as_in_baseline: bool,
    }

    /// Row level security does not hold for the table's owner any more.
    ForceRlsLost {
        /// The owner, unquoted.
        owner: String,
    }

    /// A schema that the API serves is gone.
    MissingSchema {
        /// The schema, unquoted.
        schema: String,
    }

    /// A table has policies, and they are not in force.
    PoliciesInactive {
        /// How many policies it has.
        policies: u64,
    }

    /// A policy lets everybody at every row.
    PolicyAlwaysTrue: of roles, commands {
        /// The name of the policy, unquoted.
        policy: String,
        /// Who is let through, unquoted.
        roles: Vec<String>,
        /// What they may do with every row: words of SQL.
        commands: Vec<String>,
    }

    /// A policy calls a function that need not give the same answer twice.
    PolicyCallsVolatile {
        /// The name of the policy, unquoted.
        policy: String,
        /// The function.
        function: String,
    }

    /// A policy decides without a look at the row, so that it holds for the rows of all tenants.
    PolicyIgnoresTenant: of roles {
        /// The name of the policy, unquoted.
        policy: String,
        /// The column that says which tenant a row belongs to, unquoted.
        column: String,
        /// Who is let through, unquoted.
        roles: Vec<String>,
    }

    /// A policy lets nobody in.
    PolicyNeverTrue {
        /// The name of the policy, unquoted.
        policy: String,
    }

    /// A policy believes what users can edit.
    PolicyTrustsUserMetadata {
        /// The name of the policy, unquoted.
        policy: String,
    }

    /// Row level security does not hold for a role of the API.
    RlsBypassed {
        /// The role, unquoted.
        role: String,
    }

    /// Row level security is off.
    RlsDisabled: of roles, commands {
        /// Whether it was on in the baseline.
        was_on: bool,
        /// The API roles that reach the table, unquoted.
        roles: Vec<String>,
        /// What they may do with its rows: words of SQL.
        commands: Vec<String>,
    }

    /// Row level security is on, and no policy lets the API in.
    RlsWithoutPolicies {
        /// The API roles that reach the table, unquoted.
        roles: Vec<String>,
    }

    /// The API reads a materialised view or foreign table, where policies cannot be.
    UnprotectableRelation: of roles {
        /// Who reads it, unquoted.
        roles: Vec<String>,
        /// Whether the same roles could read it in the baseline.
        as_in_baseline: bool,
    }
}

impl AuthUsersExposed {
    pub(super) fn new(view: &Relation, roles: &[&str]) -> Self {
        let message = format!("the {} shows auth.users to {}", noun(view), list(roles));
        let common = common("auth_users_exposed", view.name.to_string(), Severity::Critical, message)
            .hint("It can hold e-mail addresses, telephone numbers and password hashes of all users.")
            .query(format!("select * from {} limit 10", view.name));
        Self { common, roles: owned(roles) }
    }
}

impl DefinerFunctionExposed {
    pub(super) fn new(function: &Function, roles: &[&str], as_in_baseline: bool) -> Self {
        let message = format!(
            "{} can call it, and it acts with the rights of {}{}",
            list(roles),
            function.owner,
            as_before(as_in_baseline)
        );
        let common =
            common("definer_function_exposed", function.signature(), graded(as_in_baseline), message)
                .hint("Row level security holds only as far as the function itself checks who calls it.")
                .query(format!(
                    "select pg_get_functiondef({}::regprocedure)",
                    literal(&function.signature())
                ));
        Self { common, roles: owned(roles), owner: function.owner.clone(), as_in_baseline }
    }
}

impl ForceRlsLost {
    pub(super) fn new(table: &Relation) -> Self {
        let message = "row level security is not forced, was forced";
        let common = common("force_rls_lost", table.name.to_string(), Severity::Warning, message)
            .hint(format!("The policies do not hold for the owner, {}.", table.owner))
            .query(rls_query(&table.name))
            .remedy(Remedy::sql(
                RemedyClass::Safe,
                [format!("alter table {} force row level security", table.name)],
            ));
        Self { common, owner: table.owner.clone() }
    }
}

impl MissingSchema {
    pub(super) fn new(schema: &str, lost: bool) -> Self {
        let message = if lost {
            "the schema is gone, was exposed by the API"
        } else {
            "the plan says that the API exposes this schema, and it is nowhere"
        };
        let common = common("missing_schema", ident(schema), Severity::Critical, message);
        Self { common, schema: schema.to_owned() }
    }
}

impl PoliciesInactive {
    pub(super) fn new(table: &Relation, policies: usize) -> Self {
        let policies = policies as u64;
        let message = format!("{} not in force: row level security is off", plural(policies, "policy"));
        let common = common("policies_inactive", table.name.to_string(), Severity::Warning, message)
            .hint("The API does not reach the table now; one GRANT would open all of it.")
            .query(rls_query(&table.name))
            .remedy(Remedy::sql(
                RemedyClass::AvailabilityRisk,
                [format!("alter table {} enable row level security", table.name)],
            ));
        Self { common, policies }
    }
}

impl PolicyAlwaysTrue {
    pub(super) fn new(
        policy: &Policy,
        severity: Severity,
        roles: &BTreeSet<&str>,
        commands: &BTreeSet<&str>,
        old: Option<&Policy>,
    ) -> Self {
        let (roles, commands) = (owned(roles), owned(commands));
        let message =
            format!("the policy {} lets {} {} every row", ident(&policy.name), list(&roles), list(&commands));
        let mut common = common("policy_always_true", policy.relation.to_string(), severity, message)
            .qualified(&ident(&policy.name))
            .query(policies::query(&policy.relation));
        // Only where the baseline had something else is it known what was meant.
        if let Some(old) = old.filter(|old| !policies::same(policy, old)) {
            let was = [("using", &old.using), ("with check", &old.check)];
            let was: Vec<String> = was
                .iter()
                .filter_map(|(what, text)| {
                    text.as_ref().map(|text| format!("{what} {}", policies::layout(text)))
                })
                .collect();
            common = common.hint(format!("It was: {}.", was.join(", "))).remedy(
                Remedy::sql(RemedyClass::Safe, policies::recreate(old)).with_note(policies::FROM_BASELINE),
            );
        }
        Self { common, policy: policy.name.clone(), roles, commands }
    }
}

impl PolicyCallsVolatile {
    pub(super) fn new(policy: &Policy, function: &Function) -> Self {
        let signature = function.signature();
        let message = format!("the policy {} calls {signature}, which is volatile", ident(&policy.name));
        let common = common("policy_calls_volatile", policy.relation.to_string(), Severity::Info, message)
            .qualified(&ident(&policy.name))
            .hint("It is called for every row, and may answer otherwise each time; one that only reads is stable.")
            .query(policies::query(&policy.relation));
        Self { common, policy: policy.name.clone(), function: signature }
    }
}

impl PolicyIgnoresTenant {
    pub(super) fn new(policy: &Policy, column: &str, roles: &BTreeSet<&str>, severity: Severity) -> Self {
        let roles = owned(roles);
        let may = match policy.command {
            PolicyCommand::Insert => "whom it lets in may add rows of all tenants",
            _ => "whom it lets in it shows all tenants",
        };
        let message = format!(
            "the policy {} looks at nothing of the row, not even {}: {may}",
            ident(&policy.name),
            ident(column)
        );
        let common = common("policy_ignores_tenant", policy.relation.to_string(), severity, message)
            .qualified(&ident(&policy.name))
            .hint(format!(
                "It is for {}; compare {} with the tenant of who asks.",
                list(&roles),
                ident(column)
            ))
            .query(policies::query(&policy.relation));
        Self { common, policy: policy.name.clone(), column: column.to_owned(), roles }
    }
}

impl PolicyNeverTrue {
    pub(super) fn new(policy: &Policy, roles: &BTreeSet<&str>) -> Self {
        let message = format!(
            "the policy {} can never be true: it lets {} in at no row",
            ident(&policy.name),
            list(&owned(roles))
        );
        let common = common("policy_never_true", policy.relation.to_string(), Severity::Info, message)
            .qualified(&ident(&policy.name))
            .hint("Right where it shuts the table on purpose; another policy may let them in all the same.")
            .query(policies::query(&policy.relation));
        Self { common, policy: policy.name.clone() }
    }
}

impl PolicyTrustsUserMetadata {
    pub(super) fn new(policy: &Policy, as_in_baseline: bool) -> Self {
        let severity = if as_in_baseline { Severity::Info } else { Severity::Critical };
        let message =
            format!("the policy {} believes user_metadata{}", ident(&policy.name), as_before(as_in_baseline));
        let common = common("policy_trusts_user_metadata", policy.relation.to_string(), severity, message)
            .qualified(&ident(&policy.name))
            .hint("Every user can write what they like there; use app_metadata or a table.")
            .query(policies::query(&policy.relation));
        Self { common, policy: policy.name.clone() }
    }
}

impl RlsBypassed {
    pub(super) fn of_api(role: &str, was_held: bool) -> Self {
        let was = if was_held { ", did" } else { "" };
        Self::everywhere(role, format!("row level security does not hold for this role of the API{was}"))
    }

    /// A role that policies or grants name, in the baseline or now.
    pub(super) fn of_application(role: &str) -> Self {
        Self::everywhere(role, "row level security does not hold for this role, did".to_owned())
    }

    /// It has the rights of the table's owner, whom the policies do not hold for. `was_owner` is whose it was, where
    /// that is another one.
    pub(super) fn as_owner(
        table: &Relation,
        role: &str,
        severity: Severity,
        was: &str,
        was_owner: Option<&str>,
    ) -> Self {
        let message = format!("row level security does not hold for {role}{was}");
        let remedy = match was_owner {
            Some(owner) => Remedy::sql(
                RemedyClass::Safe,
                [format!("alter table {} owner to {}", table.name, ident(owner))],
            ),
            None => Remedy::sql(
                RemedyClass::AvailabilityRisk,
                [format!("alter table {} force row level security", table.name)],
            )
            .with_note("or give the table to another owner; forced policies hold for the owner's jobs too"),
        };
        let common = common("rls_bypassed", table.name.to_string(), severity, message)
            .qualified(&ident(role))
            .hint(format!("It has the rights of the owner, {}, and sees every row.", table.owner))
            .query(rls_query(&table.name))
            .remedy(remedy);
        Self { common, role: role.to_owned() }
    }

    fn everywhere(role: &str, message: String) -> Self {
        let common = common("rls_bypassed", ident(role), Severity::Critical, message)
            .hint("It is SUPERUSER or has BYPASSRLS: it sees every row of every table that it may read.")
            .query(roles_query(role))
            .remedy(Remedy::sql(
                RemedyClass::Safe,
                [format!("alter role {} nosuperuser nobypassrls", ident(role))],
            ));
        Self { common, role: role.to_owned() }
    }
}

impl RlsDisabled {
    pub(super) fn new(
        table: &Relation,
        was_on: bool,
        open: bool,
        reached: &[(&str, Privileges)],
        rows: Option<u64>,
        remedy: Remedy,
    ) -> Self {
        let severity = if open { Severity::Critical } else { Severity::Warning };
        let was = if was_on { ", was on" } else { "" };
        let hint = if reached.is_empty() {
            "Whoever was granted the table sees all its rows.".to_owned()
        } else {
            consequence(reached, rows)
        };
        let message = format!("row level security is off{was}");
        let common = common("rls_disabled", table.name.to_string(), severity, message)
            .hint(hint)
            .query(rls_query(&table.name))
            .remedy(remedy);
        let may = reached.iter().fold(Privileges::default(), |all, (_, privileges)| all.and(*privileges));
        Self {
            common,
            was_on,
            roles: reached.iter().map(|(role, _)| (*role).to_owned()).collect(),
            commands: may.words(),
        }
    }
}

impl RlsWithoutPolicies {
    pub(super) fn new(table: &Relation, reached: &[(&str, Privileges)]) -> Self {
        let roles: Vec<&str> = reached.iter().map(|(role, _)| *role).collect();
        let message = format!("row level security is on, and no policy lets {} in", list(&roles));
        let common = common("rls_without_policies", table.name.to_string(), Severity::Info, message)
            .hint("Every read is empty, without an error. Right for tables that the API is to keep off.")
            .query(policies::query(&table.name));
        Self { common, roles: owned(&roles) }
    }
}

impl UnprotectableRelation {
    pub(super) fn new(relation: &Relation, roles: &[&str], as_in_baseline: bool) -> Self {
        let message = format!(
            "{} can read all of the {}, where policies cannot be{}",
            list(roles),
            noun(relation),
            as_before(as_in_baseline)
        );
        let common =
            common("unprotectable_relation", relation.name.to_string(), graded(as_in_baseline), message)
                .query(format!("select * from {} limit 10", relation.name));
        Self { common, roles: owned(roles), as_in_baseline }
    }
}

fn common(kind: &str, object: String, severity: Severity, message: impl Into<String>) -> Common {
    Common::new(ID, kind, object, severity, message)
}

/// What the team chose before the restore is no damage of the restore.
fn graded(as_in_baseline: bool) -> Severity {
    if as_in_baseline { Severity::Info } else { Severity::Warning }
}

fn as_before(as_in_baseline: bool) -> &'static str {
    if as_in_baseline { ", as in the baseline" } else { "" }
}

fn noun(relation: &Relation) -> &'static str {
    match relation.kind {
        RelationKind::ForeignTable => "foreign table",
        RelationKind::MaterializedView => "materialised view",
        RelationKind::View => "view",
        RelationKind::PartitionedTable | RelationKind::Table => "table",
    }
}

/// `anon can read and write all 48,210 rows.`
fn consequence(reached: &[(&str, Privileges)], rows: Option<u64>) -> String {
    let rows = match rows {
        None | Some(0) => "every row".to_owned(),
        Some(1) => "its only row".to_owned(),
        Some(rows) => format!("all {} rows", count(rows)),
    };
    let mut by_deed: Vec<(String, Vec<&str>)> = Vec::new();
    for (role, privileges) in reached {
        let changes = privileges.has('w') || privileges.has('d');
        let deed = match (privileges.has('r'), changes, privileges.has('a')) {
            (true, true, _) => format!("can read and write {rows}"),
            (true, false, true) => format!("can read {rows} and add more"),
            (true, false, false) => format!("can read {rows}"),
            (false, true, _) => format!("can change {rows}"),
            (false, false, _) => "can add rows".to_owned(),
        };
        match by_deed.iter_mut().find(|(known, _)| *known == deed) {
            Some((_, roles)) => roles.push(role),
            None => by_deed.push((deed, vec![role])),
        }
    }
    let parts: Vec<String> = by_deed.iter().map(|(deed, roles)| format!("{} {deed}", list(roles))).collect();
    format!("{}.", parts.join("; "))
}

fn owned<'a, S: AsRef<str> + 'a + ?Sized>(names: impl IntoIterator<Item = &'a S>) -> Vec<String> {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect()
}

fn rls_query(table: &QualifiedName) -> String {
    format!(
        "select relrowsecurity, relforcerowsecurity from pg_class where oid = {}::regclass",
        literal(&table.to_string())
    )
}

fn roles_query(role: &str) -> String {
    format!("select rolname, rolsuper, rolbypassrls from pg_roles where rolname = {}", literal(role))
}
