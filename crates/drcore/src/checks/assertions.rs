//! `assertions`: the team's own statements, and what they must return.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::evidence::{AssertionValue, Cause, CauseKind, Evidence};
use crate::finding::{Common, Payload, Severity};
use crate::plan::{Assertion, Rule, shown};
use crate::text::plural;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "the team's own statements return what the plan says",
    docs: include_str!("assertions.md"),
    kinds: &[KindDoc {
        kind: "assertion_failed",
        meaning: "one of the team's own statements returned other than what the plan expects",
    }],
    wanted,
    judge,
};

const ID: &str = "assertions";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    for assertion in &context.plan.assertions {
        wants.add(Request::Assertion(assertion.name.clone()));
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if context.plan.assertions.is_empty() {
        if context.now.run.server.is_none() {
            // Nobody answered: that is what to say, and not that a plan would help.
            judgement.could_not_read(
                "the database",
                Cause::new(CauseKind::NotCollected, "no server answered when it was collected"),
            );
            return judgement;
        }
        return Judgement::no_expectation("no [[assertions]] in the plan: add statements of your own");
    }
    for assertion in &context.plan.assertions {
        match judge_assertion(context, assertion) {
            Ok(None) => judgement.examine("assertions", 1),
            Ok(Some(failed)) => {
                judgement.examine("assertions", 1);
                judgement.find(failed);
            }
            Err(cause) => judgement.could_not_read(&assertion.name, cause),
        }
    }
    judgement
}

fn judge_assertion(context: Context<'_>, assertion: &Assertion) -> Result<Option<AssertionFailed>, Cause> {
    let value = value(context.now, assertion)?;
    let failed = |found: String| Ok(Some(AssertionFailed::new(assertion, value.rows, found)));
    let rows = match value.rows {
        AssertionValue::MOST.. => format!("at least {}", plural(value.rows, "row")),
        rows => plural(rows, "row"),
    };
    match &assertion.expect.rule {
        Rule::NoRows if value.rows == 0 => Ok(None),
        Rule::Rows if value.rows > 0 => Ok(None),
        Rule::NoRows | Rule::Rows => failed(rows),
        rule @ (Rule::DiffersFromBaseline | Rule::SameAsBaseline) => {
            if value.rows == 0 {
                return failed(rows);
            }
            if value.rows == 1 && value.sha256.is_none() {
                return failed("NULL".to_owned());
            }
            let same = is_same(context, assertion, value)?;
            match (same, matches!(rule, Rule::SameAsBaseline)) {
                (true, false) => failed("the same value as in the baseline".to_owned()),
                (false, true) => failed("another value than in the baseline".to_owned()),
                _ => Ok(None),
            }
        }
        rule @ (Rule::Between(..) | Rule::Compare(..) | Rule::Matches(_)) => {
            if value.rows != 1 {
                return failed(rows);
            }
            let text = match (&value.value, &value.sha256) {
                (Some(text), _) => text,
                (None, None) => return failed("NULL".to_owned()),
                (None, Some(_)) => {
                    return Err(Cause::new(CauseKind::NotCollected, "its value was not stored, only a hash of it")
                        .hint("Verify the database itself: values that look like secrets, and those of baselines, are not stored."));
                }
            };
            match rule.allows(text) {
                Some(Ok(true)) => Ok(None),
                Some(Ok(false)) => failed(shown(text).unwrap_or_else(|| "another text".to_owned())),
                // A number is not above a text, nor below.
                Some(Err(_)) | None => failed(match shown(text) {
                    Some(number) => format!("{number}, which is no text"),
                    None => "a text, which is no number".to_owned(),
                }),
            }
        }
    }
}

/// What the statement of the plan returned: never what another statement of the same name did.
fn value<'e>(evidence: &'e Evidence, assertion: &Assertion) -> Result<&'e AssertionValue, Cause> {
    let Some(fact) = evidence.assertions.get(&assertion.name) else {
        return Err(Cause::new(CauseKind::NotCollected, "was not collected"));
    };
    let value = fact.get()?;
    if value.statement_sha256 == assertion.statement_sha256() {
        Ok(value)
    } else {
        Err(Cause::new(CauseKind::NotCollected, "another statement had this name when it was collected"))
    }
}

fn is_same(context: Context<'_>, assertion: &Assertion, now: &AssertionValue) -> Result<bool, Cause> {
    let Some(then) = context.then else {
        return Err(Cause::new(
            CauseKind::NotCollected,
            "the plan compares it with a baseline, and none was given",
        )
        .hint("Add --against FILE|URL."));
    };
    let then = value(then, assertion).map_err(|mut cause| {
        cause.message = format!("in the baseline: {}", cause.message);
        match cause.kind {
            CauseKind::NotCollected => cause.hint("Take the baseline with the same plan."),
            _ => cause,
        }
    })?;
    if now.rows > 1 || then.rows > 1 {
        return Err(Cause::new(
            CauseKind::Unsupported,
            "it returned several rows, and one value is what is compared",
        )
        .hint("Select one row, such as an aggregate."));
    }
    if then.sha256.is_none() {
        return Err(Cause::new(
            CauseKind::Unsupported,
            "in the baseline: it returned no value to compare with",
        ));
    }
    Ok(now.sha256 == then.sha256)
}

/// One of the team's own statements returned other than what the plan expects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct AssertionFailed {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// What the plan expects; a text is not told.
    pub expected: String,
    /// What was found; a text is not told, since it may be a secret.
    pub found: String,
    /// How many rows were returned; counting stops after 10,000.
    pub rows: u64,
    /// Whether each row is one thing that is wrong, as with `no rows`.
    pub counted: bool,
}

impl AssertionFailed {
    fn new(assertion: &Assertion, rows: u64, found: String) -> Self {
        let expected = assertion.expect.shown();
        let message = format!("expected {expected}, found {found}");
        let severity = assertion.severity.unwrap_or(Severity::Critical);
        let common = Common::new(ID, "assertion_failed", &assertion.name, severity, message)
            .query(assertion.statement());
        let counted = matches!(assertion.expect.rule, Rule::NoRows);
        Self { common, expected, found, rows, counted }
    }
}

impl Payload for AssertionFailed {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        // Beyond what is counted, no bound is known to hold.
        self.counted.then_some(if self.rows >= AssertionValue::MOST { u64::MAX } else { self.rows })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::check::Reason;
    use crate::evidence::{Fact, Run};
    use crate::plan::Plan;

    const SECRET: &str = "sk_live_1234567890";

    fn plan(expect: &str) -> Plan {
        Plan::from_toml(&format!(
            "[[assertions]]\nname = \"n\"\nsql = \"select v from t\"\nexpect = '{expect}'\n"
        ))
        .unwrap()
    }

    fn evidence(plan: &Plan, rows: u64, value: Option<&str>) -> Evidence {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        let assertion = &plan.assertions[0];
        let value = AssertionValue::new(assertion, rows, value.map(str::to_owned));
        evidence.assertions.insert("n".to_owned(), Fact::Read(value));
        evidence
    }

    /// What was found, or none where it held.
    fn found(expect: &str, rows: u64, value: Option<&str>) -> Option<String> {
        let plan = plan(expect);
        let now = evidence(&plan, rows, value);
        let judgement = judge(Context::new(&plan, &now, None));
        assert_eq!(judgement.unread, []);
        assert_eq!(judgement.examined["assertions"], 1);
        judgement.findings.first().map(|finding| {
            let json = serde_json::to_string(finding).unwrap();
            assert!(!json.contains(SECRET), "{json}");
            finding.common().message.clone()
        })
    }

    #[test]
    fn rows_and_scalars() {
        assert_eq!(found("no rows", 0, None), None);
        assert_eq!(found("no rows", 3, None).unwrap(), "expected no rows, found 3 rows");
        assert_eq!(found("no rows", 10_000, None).unwrap(), "expected no rows, found at least 10,000 rows");
        assert_eq!(found("rows", 1, None), None);
        assert_eq!(found("rows", 0, None).unwrap(), "expected rows, found 0 rows");
        assert_eq!(found("= 3", 1, Some("3")), None);
        assert_eq!(found("= 3", 1, Some("4")).unwrap(), "expected = 3, found 4");
        assert_eq!(found("= 3", 0, None).unwrap(), "expected = 3, found 0 rows");
        assert_eq!(found("<> 3", 0, None).unwrap(), "expected <> 3, found 0 rows");
        assert_eq!(found("= 3", 2, None).unwrap(), "expected = 3, found 2 rows");
        assert_eq!(found("<> 3", 1, None).unwrap(), "expected <> 3, found NULL");
        assert_eq!(found("> 3", 1, Some(SECRET)).unwrap(), "expected > 3, found a text, which is no number");
        assert_eq!(
            found("= other", 1, Some(SECRET)).unwrap(),
            "expected = the planned text, found another text"
        );
        assert_eq!(
            found("matches ^sk_test_", 1, Some(SECRET)).unwrap(),
            "expected matches the pattern, found another text"
        );
    }

    #[test]
    fn a_baseline_is_compared_by_hash_and_told_by_nothing() {
        for (expect, now, then, fails) in [
            ("differs from baseline", Some(SECRET), Some(SECRET), true),
            ("differs from baseline", Some("new"), Some(SECRET), false),
            ("differs from baseline", None, Some(SECRET), true),
            ("same as baseline", Some(SECRET), Some(SECRET), false),
            ("same as baseline", Some("new"), Some(SECRET), true),
            ("same as baseline", None, Some(SECRET), true),
        ] {
            let plan = plan(expect);
            let then = evidence(&plan, 1, then).into_baseline();
            assert!(!then.to_json().unwrap().contains(SECRET));
            let now = evidence(&plan, 1, now);
            let judgement = judge(Context::new(&plan, &now, Some(&then)));
            assert_eq!(!judgement.findings.is_empty(), fails, "{expect}");
            assert!(!serde_json::to_string(&judgement.findings).unwrap().contains(SECRET));
        }
    }

    #[test]
    fn a_value_that_was_not_stored_is_unread_and_not_wrong() {
        for (expect, stored) in [("matches ^sk_test_", false), ("<> x", false), ("rows", true)] {
            let plan = plan(expect);
            let json = evidence(&plan, 1, Some(SECRET)).to_json().unwrap();
            assert!(!json.contains(SECRET), "{json}");
            let judgement = judge(Context::new(&plan, &Evidence::from_json(&json).unwrap(), None));
            assert_eq!(judgement.findings, [], "{expect}");
            assert_eq!(judgement.unread.is_empty(), stored, "{expect}");
        }
        // What does not look like one is stored, but not shown by Debug.
        let evidence = evidence(&plan("= 3"), 1, Some("3 apples"));
        assert!(evidence.to_json().unwrap().contains("3 apples"));
        assert!(!format!("{evidence:?}").contains("apples"));
        let plan = plan(&format!("= {SECRET}"));
        assert!(!format!("{plan:?}").contains(SECRET));
    }

    #[test]
    fn what_cannot_be_compared_is_unread() {
        let plan = plan("differs from baseline");
        let now = evidence(&plan, 1, Some("1"));
        let unread = |then: Option<&Evidence>, now: &Evidence| {
            let judgement = judge(Context::new(&plan, now, then));
            assert_eq!(judgement.findings, []);
            judgement.unread.first().map(|unread| unread.cause.message.clone()).unwrap()
        };
        assert!(unread(None, &now).contains("none was given"));
        let empty = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        assert!(unread(Some(&empty), &now).contains("in the baseline"));
        let several = evidence(&plan, 2, None);
        assert!(unread(Some(&several), &now).contains("several rows"));
        // The statement was edited since: its old value says nothing.
        let mut edited = plan.clone();
        edited.assertions[0].sql = "select w from t".to_owned();
        let then = evidence(&edited, 1, Some("2"));
        assert!(unread(Some(&then), &now).contains("another statement"));
        assert!(unread(Some(&now), &empty).contains("was not collected"));
    }

    #[test]
    fn without_statements_there_is_no_expectation() {
        let judged = |evidence: &Evidence| judge(Context::new(&Plan::default(), evidence, None));
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        assert_eq!(judged(&evidence).unread[0].object, "the database");
        evidence.run.server = serde_json::from_value(serde_json::json!({
            "version": "15.18", "version_num": 150_018, "database": "d", "database_oid": 5,
            "system_identifier": null, "started_at": null, "in_recovery": false, "role": "r",
            "superuser": false, "bypass_rls": false, "cluster_name": "",
            "taken_at": "2026-11-20T00:00:00Z",
        }))
        .unwrap();
        assert_eq!(judged(&evidence).absence.unwrap().reason, Reason::NoExpectation);
    }
}
