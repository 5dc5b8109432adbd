//! The verb: a report becomes a plan, and the plan that was reviewed is applied.

use serde_json::{Map, Value};

use super::{Chosen, RepairOptions, RepairPlan};
use crate::error::{Error, ErrorKind, Result};
use crate::remedy::RemedyClass;
use crate::report::Report;
use crate::verify::{VerifyOptions, verify};

/// What is asked of [`repair`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RepairCall {
    /// How to verify, first and again after it was applied.
    pub verify: VerifyOptions,
    /// What may go into the plan.
    pub repair: RepairOptions,
    /// The findings of this report, instead of verifying first.
    pub report: Option<Box<Report>>,
}

/// A plan, and what applying it takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Repair {
    /// What would be done.
    pub plan: RepairPlan,
    /// What it answers.
    pub report: Report,
    /// How to verify again.
    pub options: VerifyOptions,
}

/// The keys of a call that are not those of verifying.
const KEYS: &[&str] = &["allow", "choices"];

impl RepairCall {
    /// Reads the options of a call: those of [`VerifyOptions::from_json`], and `{"choices": {"orphan_fks":
    /// "delete"}, "allow": "safe" | "availability_risk" | "destructive"}`.
    ///
    /// # Errors
    /// As [`VerifyOptions::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut given = crate::arguments::object(text, &[KEYS, VerifyOptions::KEYS].concat())?;
        let repair = RepairOptions { choices: choices(&mut given)?, allow: allow(&mut given)? };
        Ok(Self {
            verify: VerifyOptions::from_json(&Value::Object(given).to_string())?,
            repair,
            report: None,
        })
    }
}

/// Verifies a database, or takes a report on it, and plans what puts its findings right. Reads only.
///
/// # Errors
/// As [`verify`](crate::verify()) and [`RepairPlan::of`].
pub async fn repair(url: &str, call: &RepairCall) -> Result<Repair> {
    let report = match &call.report {
        Some(report) => (**report).clone(),
        None => Box::pin(verify(url, &call.verify)).await?,
    };
    let plan = RepairPlan::of(&report, &call.repair)?;
    Ok(Repair { plan, report, options: call.verify.clone() })
}

fn choices(given: &mut Map<String, Value>) -> Result<Vec<Chosen>> {
    let usage =
        || Error::new(ErrorKind::Usage, "choices: expected an object such as {\"orphan_fks\": \"delete\"}");
    let ways = match given.remove("choices") {
        None => return Ok(Vec::new()),
        Some(Value::Object(ways)) => ways,
        Some(_) => return Err(usage()),
    };
    ways.into_iter()
        .map(|(subject, way)| way.as_str().map(|way| Chosen::new(&*subject, way)).ok_or_else(usage))
        .collect()
}

fn allow(given: &mut Map<String, Value>) -> Result<RemedyClass> {
    let Some(allow) = given.remove("allow") else { return Ok(RepairOptions::default().allow) };
    serde_json::from_value(allow).map_err(|_| {
        Error::new(ErrorKind::Usage, "allow: expected \"safe\", \"availability_risk\" or \"destructive\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let call = RepairCall::from_json(
            r#"{"choices": {"orphan_fks": "delete"}, "allow": "availability_risk", "only": ["orphan_fks"]}"#,
        )
        .unwrap();
        assert_eq!(call.repair.choices, [Chosen::new("orphan_fks", "delete")]);
        assert_eq!(call.repair.allow, RemedyClass::AvailabilityRisk);
        assert_eq!(call.verify.collect.only, ["orphan_fks"]);
        for (text, needle) in [
            (r#"{"choices": ["orphan_fks=delete"]}"#, "choices: expected an object"),
            (r#"{"choices": {"orphan_fks": 1}}"#, "choices: expected an object"),
            (r#"{"allow": "everything"}"#, "allow: expected"),
            (r#"{"alow": "safe"}"#, "no such option"),
            (r#"{"only": "row_counts"}"#, "list"),
        ] {
            let error = RepairCall::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }
}
