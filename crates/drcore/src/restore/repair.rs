//! Repair: the remedies of a report as one reviewed, ordered transaction.

mod call;
mod compare;
mod order;
mod text;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

pub use call::{Repair, RepairCall, repair};
pub use compare::{Comparison, Unsettled};

use crate::connect::{Target, Write};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, Severity};
use crate::plan::Limits;
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::report::Report;
use crate::verify::{VerifyOptions, verify};

/// What may go into a repair plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairOptions {
    /// For findings that a person must choose for: which way.
    pub choices: Vec<Chosen>,
    /// The worst class of remedy that goes in without having been chosen by name.
    pub allow: RemedyClass,
}

impl Default for RepairOptions {
    fn default() -> Self {
        Self { choices: Vec::new(), allow: RemedyClass::Safe }
    }
}

/// One choice: for all findings of a check, of a kind, or for one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chosen {
    /// A check (`orphan_fks`), `check:kind`, or the id of a finding.
    pub subject: String,
    /// The name of the way, such as `delete`.
    pub way: String,
}

impl Chosen {
    /// The way called `way` for `subject`.
    pub fn new(subject: impl Into<String>, way: impl Into<String>) -> Self {
        Self { subject: subject.into(), way: way.into() }
    }

    /// Reads `orphan_fks=delete`; what stands before the last `=` is the subject.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is no `=`, or nothing on one side of it.
    pub fn parse(text: &str) -> Result<Self> {
        match text.rsplit_once('=') {
            Some((subject, way)) if !subject.is_empty() && !way.is_empty() => Ok(Self::new(subject, way)),
            _ => Err(Error::new(ErrorKind::Usage, format!("{text:?} chooses nothing"))
                .hint("Write CHECK=WAY or FINDING=WAY, such as orphan_fks=delete.")),
        }
    }

    /// Whether it names this finding and no other.
    fn is_exact(&self, finding: &Finding) -> bool {
        self.subject == finding.id()
    }

    /// How exactly it names the finding; the most exact goes first.
    fn fit(&self, finding: &Finding) -> Option<usize> {
        let id = finding.id();
        let rest = id.strip_prefix(self.subject.as_str())?;
        (rest.is_empty() || rest.starts_with(':')).then_some(self.subject.len())
    }
}

/// What puts the findings of a report right, in order, as one transaction.
///
/// A dry run is the plan itself: [`execute`](RepairPlan::execute) runs these
/// statements and no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RepairPlan")]
#[non_exhaustive]
pub struct RepairPlan {
    /// Always `drcore.repair/1`.
    pub format: String,
    /// By which a reviewed plan is known: it changes with every statement and with the database.
    pub digest: String,
    /// What it is for: the ref of a hosted project, else `database@system_identifier`; none where
    /// the report does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The statements, in order.
    pub statements: Vec<RepairStatement>,
    /// The findings that it does not answer, and why.
    pub left: Vec<LeftOut>,
}

/// One statement of a repair plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RepairStatement")]
#[non_exhaustive]
pub struct RepairStatement {
    /// The statement.
    pub sql: String,
    /// What applying it can break.
    pub class: RemedyClass,
    /// The ids of the findings that it answers.
    pub answers: Vec<String>,
    /// What a reviewer should know, such as that the text comes from a baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A finding that a repair plan does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "LeftOut")]
#[non_exhaustive]
pub struct LeftOut {
    /// The id of the finding.
    pub finding: String,
    /// Why it is not answered.
    pub why: Why,
    /// The ways: of which one must be chosen, or which one was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The class of its remedy, where that was not allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<RemedyClass>,
}

/// Why a finding is not answered by a repair plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WhyLeftOut", title = "WhyLeftOut")]
#[non_exhaustive]
pub enum Why {
    /// There are several ways, and nobody chose one.
    Choose,
    /// The way that was chosen has no statements: it takes data from elsewhere.
    NeedsData,
    /// No statement can put it right: only data from elsewhere, or a person.
    NoRemedy,
    /// Its remedy is of a class that was not allowed.
    NotAllowed,
}

impl LeftOut {
    fn new(finding: &Finding, why: Why) -> Self {
        Self { finding: finding.id().to_owned(), why, choices: Vec::new(), class: None }
    }
}

impl RepairPlan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.repair/1";

    /// The plan for a report.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a choice fits no finding, or names a way that a finding does not have.
    pub fn of(report: &Report, options: &RepairOptions) -> Result<Self> {
        let mut order = order::Order::default();
        let mut left = Vec::new();
        let mut used = BTreeSet::new();
        for finding in report.findings() {
            match way(finding, options, &mut used)? {
                Ok(way) => order.add(finding, &way),
                // What is only told needs no repair.
                Err(left_out) if left_out.why == Why::NoRemedy && finding.severity() == Severity::Info => {}
                Err(left_out) => left.push(left_out),
            }
        }
        if let Some(unused) = options.choices.iter().enumerate().find(|(at, _)| !used.contains(at)) {
            let Chosen { subject, way } = unused.1;
            return Err(Error::new(ErrorKind::Usage, format!("no finding takes the choice {subject}={way}"))
                .hint(
                    "Without --with, drcore repair lists the findings that need a choice, and their ways.",
                ));
        }
        let run = &report.run.evidence;
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            project: run.project.clone().or_else(|| run.server.as_ref()?.project()),
            statements: order.finish(),
            left,
        };
        plan.digest = plan.compute_digest()?;
        tracing::info!(
            digest = plan.digest,
            project = plan.project,
            statements = plan.statements.len(),
            left = plan.left.len(),
            "planned the repair"
        );
        Ok(plan)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Refuses to go on with another plan than the one that was reviewed.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if `digest` is not this plan's.
    pub fn expect(&self, digest: &str) -> Result<()> {
        if self.digest == digest {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            format!("the plan is {} now, not {digest} as reviewed: nothing was written", self.digest),
        )
        .hint("The database or the options changed since: run drcore repair without --apply, and review it again."))
    }

    /// Applies it: all statements in one transaction, or none. Gives what was written, and when.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the target is not what the plan is for;
    /// [`ErrorKind::Usage`] if there is nothing to apply; else what the server said.
    pub async fn execute(&self, target: &Target, limits: &Limits) -> Result<Vec<Write>> {
        self.execute_until(target, limits, &CancellationToken::new()).await
    }

    /// The same, unless it is cancelled before all statements were sent: then nothing is changed.
    async fn execute_until(
        &self,
        target: &Target,
        limits: &Limits,
        cancel: &CancellationToken,
    ) -> Result<Vec<Write>> {
        if self.project.as_deref() != Some(target.project()) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "the plan is for {}, not for {}: nothing was written",
                    self.project.as_deref().unwrap_or("an unknown database"),
                    target.project()
                ),
            ));
        }
        if self.statements.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "the plan has no statements: there is nothing to apply",
            ));
        }
        let before = target.writes().len();
        let statements: Vec<&str> = self.statements.iter().map(|statement| statement.sql.as_str()).collect();
        target.transaction(&statements, limits, cancel).await?;
        Ok(target.writes().split_off(before))
    }

    /// The first eight hexadecimal digits of the SHA-256 of what would be done, to what.
    fn compute_digest(&self) -> Result<String> {
        // A map is written in the order of its keys, so that equal plans have equal bytes.
        let canonical = serde_json::json!({
            "format": self.format,
            "project": self.project,
            "statements": serde_json::to_value(&self.statements).map_err(|error| {
                Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error)
            })?,
        });
        let hash = Sha256::digest(canonical.to_string());
        Ok(hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A repair that was applied, and what verifying again said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Repaired")]
#[non_exhaustive]
pub struct Repaired {
    /// Always `drcore.repaired/1`.
    pub format: String,
    /// What was applied.
    pub plan: RepairPlan,
    /// Everything that was written, with its time.
    pub writes: Vec<Write>,
    /// The findings of before, after it.
    pub comparison: Comparison,
    /// What verifying again said.
    pub after: Report,
}

impl Repaired {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.repaired/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

/// Applies a reviewed plan to the database at `url`, which must be `project`, and verifies it again.
///
/// # Errors
/// As [`Target::connect`] and [`RepairPlan::execute`]. Once it was applied, what
/// verifying could not find out is in the report.
#[tracing::instrument(name = "repair", skip_all, fields(project, digest = plan.digest))]
pub async fn apply(
    url: &str,
    project: &str,
    plan: RepairPlan,
    before: &Report,
    options: &VerifyOptions,
) -> Result<Repaired> {
    let target = Target::connect(url, project).await?;
    let writes = plan.execute_until(&target, &options.plan.limits, &options.collect.cancel).await?;
    let after = Box::pin(verify(url, options)).await?;
    let comparison = Comparison::of(before, &after);
    Ok(Repaired { format: Repaired::FORMAT.to_owned(), plan, writes, comparison, after })
}

/// The way that a finding is put right, or why it is not.
fn way<'r>(
    finding: &'r Finding,
    options: &RepairOptions,
    used: &mut BTreeSet<usize>,
) -> Result<Result<order::Way<'r>, LeftOut>> {
    match &finding.common().remedy {
        None => Ok(Err(LeftOut::new(finding, Why::NoRemedy))),
        Some(Remedy::Sql(sql)) if sql.statements.is_empty() => Ok(Err(LeftOut::new(finding, Why::NoRemedy))),
        Some(Remedy::Sql(sql)) if sql.class > options.allow => {
            Ok(Err(LeftOut { class: Some(sql.class), ..LeftOut::new(finding, Why::NotAllowed) }))
        }
        Some(Remedy::Sql(sql)) => {
            Ok(Ok(order::Way { class: sql.class, statements: &sql.statements, note: sql.note.as_deref() }))
        }
        Some(Remedy::Choose(choose)) => {
            let named = options.choices.iter().enumerate().filter_map(|(at, chosen)| {
                let choice = choose.choices.iter().find(|choice| choice.name == chosen.way);
                Some((chosen.fit(finding)?, at, chosen, choice))
            });
            // For a whole check, the findings that do not have the way still wait to be chosen for.
            let fits = named.filter(|(_, _, chosen, choice)| choice.is_some() || chosen.is_exact(finding));
            // Of equally exact ones the last goes, as with other options of the command line.
            let Some((_, at, chosen, choice)) = fits.max_by_key(|(exactness, at, ..)| (*exactness, *at))
            else {
                let choices = choose.choices.clone();
                return Ok(Err(LeftOut { choices, ..LeftOut::new(finding, Why::Choose) }));
            };
            let Some(choice) = choice else {
                let ways: Vec<&str> = choose.choices.iter().map(|choice| choice.name.as_str()).collect();
                let message = format!("{} cannot be put right by {:?}", finding.id(), chosen.way);
                return Err(
                    Error::new(ErrorKind::Usage, message).hint(format!("Its ways are: {}.", ways.join(", ")))
                );
            };
            used.insert(at);
            if choice.statements.is_empty() {
                let choices = vec![choice.clone()];
                return Ok(Err(LeftOut { choices, ..LeftOut::new(finding, Why::NeedsData) }));
            }
            // Choosing by name is the allowance.
            Ok(Ok(order::Way { class: choice.class, statements: &choice.statements, note: None }))
        }
    }
}

#[cfg(test)]
mod tests;
