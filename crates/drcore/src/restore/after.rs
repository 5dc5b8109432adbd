//! What comes after the data: what a dump does not bring is put right from the baseline, and all of it verified.
//!
//! Nothing is written twice: what is wrong are the findings of `verify`, and what puts it right are their remedies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cutover::{CutOver, CutOverFacts};
use super::repair::{RepairOptions, RepairPlan, Repaired, apply};
use super::restored::Restored;
use crate::connect::RestoreTarget;
use crate::error::Result;
use crate::evidence::{Evidence, Failure};
use crate::plan::Limits;
use crate::remedy::RemedyClass;
use crate::report::Report;
use crate::verify::{Against, VerifyOptions, verify};

/// A restored database, as verifying it and putting it right left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "AfterRestore")]
#[non_exhaustive]
pub struct AfterRestore {
    /// What `verify` said of the database as the dump left it.
    pub first: Report,
    /// What was done about it; none where there was nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<Repaired>,
    /// Why it could not be done: nothing of it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl AfterRestore {
    /// What `verify` said last.
    pub fn report(&self) -> &Report {
        self.repaired.as_ref().map_or(&self.first, |repaired| &repaired.after)
    }
}

/// Verifies a restored database against the baseline of its backup, applies the remedies that lose no row, and verifies
/// again. Nobody uses the database yet, so that a remedy may also take access that the source did not give.
///
/// # Errors
/// As [`verify`](crate::verify()).
pub async fn after_restore(
    url: &str,
    project: &str,
    baseline: &Evidence,
    options: &VerifyOptions,
) -> Result<AfterRestore> {
    let mut options = options.clone();
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    let first = Box::pin(verify(url, &options)).await?;
    let allowed = RepairOptions { allow: RemedyClass::AvailabilityRisk, ..RepairOptions::default() };
    let plan = RepairPlan::of(&first, &allowed)?;
    if plan.statements.is_empty() {
        return Ok(AfterRestore { first, repaired: None, failure: None });
    }
    match Box::pin(apply(url, project, plan, &first, &options)).await {
        Ok(repaired) => Ok(AfterRestore { first, repaired: Some(repaired), failure: None }),
        // The data is there; what could not be put right is in the report.
        Err(error) => Ok(AfterRestore { first, repaired: None, failure: Some(Failure::from(&error)) }),
    }
}

/// What is left to do until the application runs on what was restored.
///
/// # Errors
/// [`ErrorKind::Connection`](crate::ErrorKind::Connection) if the database cannot be asked any more.
pub async fn cut_over(
    target: &RestoreTarget,
    restored: &Restored,
    baseline: Option<&Evidence>,
    limits: &Limits,
) -> Result<CutOver> {
    let mut facts = CutOverFacts {
        old_project: baseline.and_then(|baseline| baseline.run.project.clone()),
        new_project: target.dsn_project(),
        supabase: restored.plan.target.supabase,
        left_out: restored.plan.left_out.clone(),
        ..CutOverFacts::default()
    };
    facts.look(&target.session(limits).await?).await?;
    Ok(CutOver::of(&facts))
}
