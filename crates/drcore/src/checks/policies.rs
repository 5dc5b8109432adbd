//! Policies now against the baseline's: what `rls_coverage` and `bucket_privacy` share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expression::{is_always_true, is_never_true};
use crate::access::Access;
use crate::check::{Context, Judgement};
use crate::evidence::Evidence;
use crate::evidence::catalog::{Policy, PolicyCommand};
use crate::finding::{Common, Payload, Severity};
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::plural;

/// Where the text of a remedy comes from.
pub(super) const FROM_BASELINE: &str = "the policy's text comes from the baseline: review it as code";

/// The policies of one table, of all, which are in order.
pub(super) fn of<'e>(policies: &'e [Policy], table: &QualifiedName) -> &'e [Policy] {
    let from = policies.partition_point(|policy| policy.relation < *table);
    let count = policies[from..].partition_point(|policy| policy.relation == *table);
    &policies[from..from + count]
}

/// Compares the policies of one table that is there now and was there then.
pub(super) fn compare(
    check: &str,
    context: Context<'_>,
    now: &[Policy],
    then: &[Policy],
    judgement: &mut Judgement,
) {
    for old in then {
        match now.iter().find(|policy| policy.name == old.name) {
            None => judgement.find(PolicyLost::new(check, old)),
            Some(new) => {
                let differences = differences(new, old);
                if !differences.is_empty() {
                    judgement.find(PolicyChanged::new(
                        check,
                        new,
                        old,
                        differences,
                        versions_differ(context),
                    ));
                }
            }
        }
    }
    for new in now.iter().filter(|new| !then.iter().any(|old| old.name == new.name)) {
        judgement.find(PolicyAdded::new(check, new));
    }
}

/// Whether both are the same but for their name and layout.
pub(super) fn same(one: &Policy, other: &Policy) -> bool {
    differences(one, other).is_empty()
}

/// Whether it says the same of every row: of those that are seen, or of those that may be written.
pub(super) fn opens(policy: &Policy, command: PolicyCommand) -> bool {
    let using = policy.using.as_deref().is_some_and(is_always_true);
    // Without WITH CHECK, USING holds for what is written too; without both nothing is allowed.
    let check = policy.check.as_deref().map_or(using, is_always_true);
    match command {
        PolicyCommand::Insert => check,
        PolicyCommand::Update => using || check,
        PolicyCommand::All | PolicyCommand::Delete | PolicyCommand::Select => using,
    }
}

/// Whether it allows the command for no row at all.
pub(super) fn closes(policy: &Policy, command: PolicyCommand) -> bool {
    let using = policy.using.as_deref().is_some_and(is_never_true);
    let check = policy.check.as_deref().map_or(using, is_never_true);
    match command {
        PolicyCommand::Insert => check,
        PolicyCommand::Update => using || check,
        PolicyCommand::All | PolicyCommand::Delete | PolicyCommand::Select => using,
    }
}

/// Whether a restrictive policy of the table holds the role back, whatever a permissive one allows.
pub(super) fn is_narrowed(access: &Access<'_>, own: &[Policy], role: &str, command: PolicyCommand) -> bool {
    own.iter().any(|policy| {
        !policy.permissive
            && policy.command.each().contains(&command)
            && access.is_for(policy, role)
            && !opens(policy, command)
    })
}

/// Row level security on; with the baseline's policies, where it had them in force.
pub(super) fn enable(table: &QualifiedName, now: Option<&[Policy]>, then: Option<&[Policy]>) -> Remedy {
    let enable = format!("alter table {table} enable row level security");
    let (Some(now), Some(then)) = (now, then) else {
        let note = match now {
            Some([]) => "create policies first: without any, the API sees no row".to_owned(),
            Some(some) => format!(
                "its {} would be in force: see that they let the application in",
                plural(some.len() as u64, "policy")
            ),
            None => "its policies could not be read: see that they let the application in".to_owned(),
        };
        return Remedy::sql(RemedyClass::AvailabilityRisk, [enable]).with_note(note);
    };
    let wrong: Vec<&Policy> =
        then.iter().filter(|old| !now.iter().any(|new| new.name == old.name && same(new, old))).collect();
    let note = match (then.len(), wrong.len()) {
        (0, _) => "it had no policies in the baseline either: the API saw no row".to_owned(),
        (1, 0) => "its policy is in place and equals the baseline's".to_owned(),
        (all, 0) => format!("its {all} policies are in place and equal the baseline's"),
        (all, wrong) => format!(
            "{wrong} of its {} made as in the baseline; {FROM_BASELINE}",
            plural(all as u64, "policy")
        ),
    };
    let mut statements: Vec<String> = wrong.into_iter().flat_map(recreate).collect();
    statements.push(enable);
    Remedy::sql(RemedyClass::Safe, statements).with_note(note)
}

/// The statements that make the policy as it was, whatever is there now.
pub(crate) fn recreate(policy: &Policy) -> Vec<String> {
    vec![
        format!("drop policy if exists {} on {}", ident(&policy.name), policy.relation),
        policy.to_create_sql(),
    ]
}

/// Read-only SQL that shows the policies of a table.
pub(super) fn query(table: &QualifiedName) -> String {
    format!(
        "select * from pg_policies where schemaname = {} and tablename = {}",
        literal(&table.schema),
        literal(&table.name)
    )
}

fn differences(new: &Policy, old: &Policy) -> Vec<Difference> {
    let roles = |policy: &Policy| policy.roles.iter().map(|role| ident(role)).collect::<Vec<_>>().join(", ");
    let kind = |policy: &Policy| if policy.permissive { "permissive" } else { "restrictive" }.to_owned();
    let command = |policy: &Policy| policy.command.as_sql().to_owned();
    let mut differences = Vec::new();
    let mut compare = |what: &str, is: Option<String>, was: Option<String>| {
        if is.as_deref().map(layout) != was.as_deref().map(layout) {
            differences.push(Difference { what: what.to_owned(), was, is });
        }
    };
    compare("command", Some(command(new)), Some(command(old)));
    compare("kind", Some(kind(new)), Some(kind(old)));
    compare("roles", Some(roles(new)), Some(roles(old)));
    compare("using", new.using.clone(), old.using.clone());
    compare("with check", new.check.clone(), old.check.clone());
    differences
}

/// The text without its line breaks and indentation, which the server's versions choose differently. Spaces inside
/// quotes stay.
pub(super) fn layout(text: &str) -> String {
    let mut flat = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(mark) => {
                flat.push(c);
                if c == mark {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if !flat.ends_with([' ', '(']) {
                    flat.push(' ');
                }
            }
            None => {
                if c == '\'' || c == '"' {
                    quote = Some(c);
                }
                if c == ')' && flat.ends_with(' ') {
                    flat.pop();
                }
                flat.push(c);
            }
        }
    }
    flat
}

fn versions_differ(context: Context<'_>) -> bool {
    context.now.major() != context.then.and_then(Evidence::major)
}

/// How one side of a policy or bucket differs from the baseline or the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Difference")]
#[non_exhaustive]
pub struct Difference {
    /// Which side: `using`, `roles`, `file_size_limit`.
    pub what: String,
    /// What it was, or should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

fn common(check: &str, kind: &str, policy: &Policy, severity: Severity, message: String) -> Common {
    Common::new(check, kind, policy.relation.to_string(), severity, message)
        .qualified(&ident(&policy.name))
        .query(query(&policy.relation))
}

/// A policy that the baseline has is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct PolicyLost {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The name of the policy, unquoted.
    pub policy: String,
    /// The policy as it was.
    pub was: String,
}

impl PolicyLost {
    fn new(check: &str, old: &Policy) -> Self {
        let roles = old.roles.join(", ");
        let command = old.command.as_sql();
        let (severity, kind, hint) = if old.permissive {
            (
                Severity::Warning,
                "",
                format!("What it allowed {roles} to {} is refused or silently empty.", doing(command)),
            )
        } else {
            (Severity::Critical, "restrictive ", format!("What it kept {roles} from is allowed again."))
        };
        let message = format!("the {kind}policy {} ({command} to {roles}) is gone", ident(&old.name));
        let common = common(check, "policy_lost", old, severity, message)
            .hint(hint)
            .remedy(Remedy::sql(RemedyClass::Safe, recreate(old)).with_note(FROM_BASELINE));
        Self { common, policy: old.name.clone(), was: old.to_create_sql() }
    }
}

fn doing(command: &str) -> &str {
    if command == "all" { "do" } else { command }
}

/// A policy is not what it was in the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct PolicyChanged {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The name of the policy, unquoted.
    pub policy: String,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl PolicyChanged {
    fn new(
        check: &str,
        new: &Policy,
        old: &Policy,
        differences: Vec<Difference>,
        versions_differ: bool,
    ) -> Self {
        // It took away, and now it adds.
        let severity = if new.permissive && !old.permissive { Severity::Critical } else { Severity::Warning };
        let what: Vec<&str> = differences.iter().map(|difference| difference.what.as_str()).collect();
        let message =
            format!("the policy {} differs from the baseline in its {}", ident(&new.name), what.join(", "));
        let mut hint: Vec<String> = differences
            .iter()
            .map(|Difference { what, was, is }| {
                let text =
                    |side: &Option<String>| side.as_deref().map_or_else(|| "nothing".to_owned(), layout);
                format!("{what} was {}, is {}", text(was), text(is))
            })
            .collect();
        if versions_differ {
            hint.push("the servers' versions differ and may write one expression in two ways".to_owned());
        }
        let common = common(check, "policy_changed", new, severity, message)
            .hint(format!("{}.", hint.join("; ")))
            .remedy(Remedy::sql(RemedyClass::Safe, recreate(old)).with_note(FROM_BASELINE));
        Self { common, policy: new.name.clone(), differences }
    }
}

/// A policy that the baseline does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct PolicyAdded {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The name of the policy, unquoted.
    pub policy: String,
    /// The policy as it is.
    pub is: String,
}

impl PolicyAdded {
    fn new(check: &str, new: &Policy) -> Self {
        let (severity, kind) =
            if new.permissive { (Severity::Warning, "") } else { (Severity::Info, "restrictive ") };
        let message = format!(
            "the {kind}policy {} ({} to {}) is not in the baseline",
            ident(&new.name),
            new.command.as_sql(),
            new.roles.join(", ")
        );
        let remedy = Remedy::sql(RemedyClass::AvailabilityRisk, [new.to_drop_sql()]);
        let common = common(check, "policy_added", new, severity, message).remedy(remedy);
        Self { common, policy: new.name.clone(), is: new.to_create_sql() }
    }
}

macro_rules! payloads {
    ($($type:ident),*) => {
        $(impl Payload for $type {
            fn common(&self) -> &Common {
                &self.common
            }
        })*
    };
}

payloads!(PolicyAdded, PolicyChanged, PolicyLost);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_no_difference_and_quoted_spaces_are() {
        assert_eq!(layout("( SELECT  a\n   FROM b)"), layout("(SELECT a FROM b )"));
        assert_ne!(layout("name = 'a  b'"), layout("name = 'a b'"));
        assert_ne!(layout("a OR b"), layout("a AND b"));
    }
}
