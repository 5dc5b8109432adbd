//! The report: one result for every check that exists, and a verdict.

mod escape;
mod github;
mod html;
mod junit;
pub(crate) mod markdown;
mod outline;
#[cfg(test)]
mod samples;
mod tally;
pub(crate) mod text;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{age, instant};
pub use crate::text::{count, plural};
pub(crate) use escape::is_hostile;
pub use escape::{terminal, terminal_lines, without_commands};
pub use markdown::{MarkdownCell, markdown_row};
pub use tally::Group;
pub use text::TextOptions;

use crate::check::{Accepted, CheckResult, Context, Outcome, Reason};
use crate::checks;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Evidence, Run};
use crate::finding::{Finding, Severity};
use crate::plan::{Accept, Plan};
use crate::remedy::{Remedy, Statements};
use crate::sql::{QualifiedName, ident};

/// What all checks together come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Verdict")]
pub enum Verdict {
    /// At least one check failed.
    Failed,
    /// Every check that had something to go on passed.
    Passed,
    /// Nothing failed, and not everything could be found out.
    Unproven,
}

impl Verdict {
    /// The word on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::Unproven => "unproven",
        }
    }

    /// The exit code of the command: 0, 1 or 3. See [`Report::exit_code`] for what may change it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Unproven => 3,
        }
    }
}

/// One result for every check that exists, and a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report")]
#[non_exhaustive]
pub struct Report {
    /// Always `drcore.report/1`.
    pub format: String,
    /// What all checks together come to.
    pub verdict: Verdict,
    /// How much was read, by plural noun: `tables`, `rows`.
    pub examined: BTreeMap<String, u64>,
    /// One result for every check, in the order of the checks.
    pub checks: Vec<CheckResult>,
    /// What a reader should know that is no finding, such as acceptances that accept nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Tables that are out of scope, and whose rows nothing asked for: the platform's, extensions', and those that the
    /// plan leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<QualifiedName>,
    /// All that is volatile.
    pub run: ReportRun,
}

/// All that is volatile about a report, so that two reports on the same state are equal without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ReportRun")]
#[non_exhaustive]
pub struct ReportRun {
    /// The file that the plan was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// How the Evidence was collected.
    pub evidence: Run,
    /// How the baseline was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Run>,
}

impl Report {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.report/1";

    /// Judges. A pure function: no database, no clock, no environment.
    pub fn judge(plan: &Plan, now: &Evidence, then: Option<&Evidence>, only: &[String]) -> Self {
        let _span = tracing::info_span!("judge").entered();
        let context = Context::new(plan, now, then).only(only);
        let mut acceptances = Acceptances::of(plan);
        let checks: Vec<CheckResult> =
            checks::ALL.iter().map(|check| judge_check(check, context, only, &mut acceptances)).collect();
        let looked_at = Looked::at(context);
        let verdict = match verdict(&checks) {
            Verdict::Passed if looked_at.is_nothing() => Verdict::Unproven,
            verdict => verdict,
        };
        let mut notes = looked_at.notes();
        let out_of_scope = looked_at.out_of_scope();
        notes.extend(left_out(&out_of_scope));
        let passed = checks.iter().filter(|check| check.outcome == Outcome::Passed);
        notes.extend(passed.filter_map(|check| Some(format!("{}: {}", check.id, check.note.as_ref()?))));
        notes.extend(acceptances.notes());
        let version_note = |evidence: &Evidence| evidence.run.server.as_ref()?.version_note();
        notes.extend(version_note(now));
        notes.extend(then.and_then(version_note).map(|note| format!("the baseline: {note}")));
        for check in &checks {
            tracing::debug!(
                check = check.id,
                outcome = ?check.outcome,
                findings = check.findings.len(),
                unread = check.unread.len(),
                "judged"
            );
        }
        tracing::info!(verdict = verdict.as_str(), "judged");
        Self {
            format: Self::FORMAT.to_owned(),
            verdict,
            examined: examined(now),
            checks,
            notes,
            out_of_scope,
            run: ReportRun {
                plan: plan.source().map(str::to_owned),
                evidence: now.run.without_files(),
                baseline: then.map(|then| then.run.without_files()),
            },
        }
    }

    /// Every finding of every check, worst first.
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.checks.iter().flat_map(|check| &check.findings).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        findings
    }

    /// Every finding that statements put right, with the number under which they are shown: `fix 1`, `fix 2`. The
    /// same statements for several findings have one number.
    pub fn fixes(&self) -> Vec<(usize, &Finding, &Statements)> {
        let mut known: Vec<&Statements> = Vec::new();
        let with_sql = self.findings().into_iter().filter_map(|finding| match &finding.common().remedy {
            Some(Remedy::Sql(statements)) => Some((finding, statements)),
            _ => None,
        });
        with_sql
            .map(|(finding, statements)| {
                let at = known.iter().position(|other| *other == statements).unwrap_or_else(|| {
                    known.push(statements);
                    known.len() - 1
                });
                (at + 1, finding, statements)
            })
            .collect()
    }

    /// What it was compared with: `the baseline of app, 2026-11-19 02:00:03Z (25 h old)`; the database is named where
    /// it is another one. None without a baseline.
    pub(crate) fn compared_with(&self) -> Option<String> {
        let baseline = self.run.baseline.as_ref()?;
        let run = &self.run.evidence;
        if baseline.server.is_none() && baseline.failure.is_some() {
            return Some("a baseline of which nothing was read".to_owned());
        }
        let old = run.taken_at.duration_since(baseline.taken_at);
        let age = age(old.unsigned_abs());
        let age =
            if old.is_negative() { format!("{age} newer than what was read") } else { format!("{age} old") };
        let name = |run: &Run| {
            let database = run.server.as_ref().map(|server| server.database.clone());
            run.project.clone().or(database)
        };
        let other = name(baseline).filter(|other| name(run).is_some_and(|own| own != *other));
        let of = other.map_or_else(String::new, |other| format!("{other}, "));
        Some(format!("the baseline of {of}{} ({age})", instant(baseline.taken_at)))
    }

    /// The exit code of the command.
    ///
    /// 130 where the run was interrupted, else the [verdict's](Verdict::exit_code);
    /// but findings below `fail_on` alone do not make it 1. They leave the verdict
    /// as it is, and never turn what is unproven into 0.
    pub fn exit_code(&self, fail_on: Severity) -> u8 {
        if self.is_interrupted() {
            return 130;
        }
        if self.verdict != Verdict::Failed || self.findings().iter().any(|f| f.severity() >= fail_on) {
            return self.verdict.exit_code();
        }
        let unread = self.checks.iter().any(|check| {
            let guessed = check.outcome == Outcome::Failed && check.note.is_some();
            guessed || !check.unread.is_empty() || check.counts
        });
        let nothing = self.checks.iter().all(|check| check.examined.values().sum::<u64>() == 0);
        if unread || nothing { Verdict::Unproven.exit_code() } else { Verdict::Passed.exit_code() }
    }

    /// Whether somebody interrupted the run, so that the report is of what was read until then.
    pub fn is_interrupted(&self) -> bool {
        let runs = std::iter::once(&self.run.evidence).chain(&self.run.baseline);
        runs.filter_map(|run| run.failure.as_ref()).any(|failure| failure.kind == ErrorKind::Cancelled)
    }

    /// How many findings there are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings().iter().filter(|finding| finding.severity() == severity).count()
    }

    /// The JSON form, the same bytes in every language.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if the text is not a report, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "report")
    }

    /// Reads the JSON form from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read; else as [`Report::from_json`].
    pub fn load(path: impl AsRef<std::path::Path>) -> Result<Self> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::unreadable("the report", path, error))?;
        Self::from_json(&text).map_err(|error| error.context("file", path.display().to_string()))
    }
}

/// What the scope and the tenancy of the plan came to, where that is less than its author meant.
struct Looked<'c> {
    context: Context<'c>,
}

impl<'c> Looked<'c> {
    fn at(context: Context<'c>) -> Self {
        Self { context }
    }

    /// Whether the catalog was read, and holds no table that is looked at.
    fn is_nothing(&self) -> bool {
        self.context.plan.scope.tables(&self.context.now.catalog).is_ok_and(|tables| tables.is_empty())
    }

    /// The tables that hold rows which nothing asked for.
    fn out_of_scope(&self) -> Vec<QualifiedName> {
        let Context { plan, now, .. } = self.context;
        let Some(relations) = now.catalog.relations.read() else { return Vec::new() };
        let in_scope: BTreeSet<&QualifiedName> = match plan.scope.tables(&now.catalog) {
            Ok(tables) => tables.into_iter().map(|table| &table.name).collect(),
            Err(_) => return Vec::new(),
        };
        let counted = |name| now.scans.tables.get(name).is_some_and(|scan| !scan.rows.is_not_asked());
        relations
            .iter()
            .filter(|relation| relation.kind.is_table() && !relation.is_partition)
            .map(|relation| &relation.name)
            .filter(|name| !in_scope.contains(name) && !counted(name))
            .cloned()
            .collect()
    }

    fn notes(&self) -> Vec<String> {
        let Context { plan, now, then, .. } = self.context;
        let mut notes = Vec::new();
        if self.is_nothing() {
            let database = now.run.server.as_ref().map_or("the database", |server| server.database.as_str());
            notes.push(if plan.scope.schemas.is_empty() && plan.scope.exclude.is_empty() {
                format!("{database} holds no table: is it the right database?")
            } else {
                format!("[scope] leaves no table of {database} to look at")
            });
        }
        for schema in &plan.scope.schemas {
            let there =
                |evidence: &Evidence| match evidence.catalog.schemas.read() {
                    Some(schemas) => schemas.iter().any(|found| &found.name == schema),
                    None => evidence.catalog.relations.read().is_none_or(|relations| {
                        relations.iter().any(|relation| &relation.name.schema == schema)
                    }),
                };
            if !there(now) && !then.is_some_and(there) {
                notes.push(format!("[scope] there is no schema {}", ident(schema)));
            }
        }
        if let (Some(tenancy), Some(columns)) = (&plan.tenancy, now.catalog.columns.read())
            && !columns.iter().any(|column| column.name == tenancy.column)
        {
            let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let close = crate::suggest::close(&tenancy.column, names);
            let meant = if close.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", close.join(" or "))
            };
            notes.push(format!("[tenancy] no table has a column {:?}{meant}", tenancy.column));
        }
        notes
    }
}

/// `out of scope, rows not counted: auth (4 tables), storage.migrations`.
fn left_out(tables: &[QualifiedName]) -> Option<String> {
    let mut schemas: BTreeMap<&str, Vec<&QualifiedName>> = BTreeMap::new();
    for table in tables {
        schemas.entry(&table.schema).or_default().push(table);
    }
    let of_schema = |(schema, tables): (&str, Vec<&QualifiedName>)| match tables.as_slice() {
        [one] => one.to_string(),
        [one, other] => format!("{one}, {other}"),
        several => format!("{} ({})", ident(schema), plural(several.len() as u64, "table")),
    };
    let schemas: Vec<String> = schemas.into_iter().map(of_schema).collect();
    (!schemas.is_empty()).then(|| format!("out of scope, rows not counted: {}", schemas.join(", ")))
}

fn judge_check<'p>(
    check: &checks::Check,
    context: Context<'p>,
    only: &[String],
    acceptances: &mut Acceptances<'p>,
) -> CheckResult {
    if !only.is_empty() && !only.iter().any(|id| id == check.id) {
        return CheckResult::left_out(check.id, Reason::NotSelected, "left out by --only");
    }
    if let Some(reason) = context.plan.skipped(check.id) {
        return CheckResult::left_out(check.id, Reason::Skipped, reason);
    }
    let mut judgement = (check.judge)(context);
    if let Some(failure) = context.now.failure() {
        // The run as a whole ended early: say why, not that somebody did not ask.
        for unread in &mut judgement.unread {
            if unread.cause.kind == crate::evidence::CauseKind::NotCollected {
                unread.cause = failure.cause();
            }
        }
    }
    if let Some(cause) = context.now.run.unfinished_restore() {
        // Whatever was found is there; that nothing else was proves nothing.
        judgement.could_not_read("the database as a whole", cause);
    }
    let mut accepted = Vec::new();
    let at = context.now.run.taken_at;
    judgement.findings.retain(|finding| match acceptances.of_finding(finding, at) {
        Some(accept) => {
            accepted.push(Accepted::new(finding.clone(), &accept.reason));
            false
        }
        None => true,
    });
    // What was looked at and accepted was looked at.
    if judgement.examined.is_empty() && !accepted.is_empty() {
        judgement.examine("accepted", accepted.len() as u64);
    }
    CheckResult::derive(check.id, judgement, accepted, context.plan.names(check.id))
}

/// What became of the acceptances of the plan.
struct Acceptances<'p> {
    plan: &'p Plan,
    used: Vec<bool>,
    /// Those that name a finding and do not cover it.
    beyond: Vec<String>,
}

impl<'p> Acceptances<'p> {
    fn of(plan: &'p Plan) -> Self {
        Self { plan, used: vec![false; plan.accept.len()], beyond: Vec::new() }
    }

    /// The one that covers the finding, if one still does.
    fn of_finding(&mut self, finding: &Finding, at: Timestamp) -> Option<&'p Accept> {
        let mut beyond = Vec::new();
        for (accept, used) in self.plan.accept.iter().zip(&mut self.used) {
            if accept.finding != finding.id() {
                continue;
            }
            *used = true;
            match accept.covers(finding, at) {
                Ok(()) => return Some(accept),
                Err(why) => beyond.push(format!("[[accept]] {} does not hold: {why}", accept.finding)),
            }
        }
        self.beyond.append(&mut beyond);
        None
    }

    fn notes(self) -> impl Iterator<Item = String> {
        let unused = self.plan.accept.iter().zip(self.used).filter(|(_, used)| !used);
        let unused = unused.map(|(accept, _)| format!("[[accept]] {} accepts nothing now", accept.finding));
        self.beyond.into_iter().chain(unused)
    }
}

fn verdict(checks: &[CheckResult]) -> Verdict {
    let examined: u64 = checks.iter().flat_map(|check| check.examined.values()).sum();
    if checks.iter().any(|check| check.outcome == Outcome::Failed) {
        Verdict::Failed
    } else if examined == 0 || checks.iter().any(|check| check.outcome == Outcome::NotRun && check.counts) {
        Verdict::Unproven
    } else {
        Verdict::Passed
    }
}

fn examined(now: &Evidence) -> BTreeMap<String, u64> {
    let rows: Vec<u64> = now.scans.tables.values().filter_map(|scan| scan.rows.read().copied()).collect();
    let mut examined = BTreeMap::new();
    if !rows.is_empty() {
        examined.insert("tables".to_owned(), rows.len() as u64);
        examined.insert("rows".to_owned(), rows.iter().sum());
    }
    examined
}

impl Plan {
    /// Judges all checks. A pure function: no database, no clock, no environment.
    pub fn judge(&self, now: &Evidence, then: Option<&Evidence>) -> Report {
        Report::judge(self, now, then, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Judgement, Unread};
    use crate::evidence::{Cause, CauseKind};
    use crate::finding::{Common, Custom};

    fn report(severity: Severity, unread: bool) -> Report {
        let mut judgement = Judgement::default();
        judgement.examine("tables", 1);
        judgement.find(Finding::Custom(Custom {
            common: Common::new("mine", "custom", "x", severity, "m"),
            count: None,
            data: serde_json::Map::new(),
        }));
        if unread {
            judgement.unread.push(Unread::new("y", Cause::new(CauseKind::Permission, "denied")));
        }
        let checks = vec![CheckResult::derive("mine", judgement, Vec::new(), false)];
        Report {
            format: Report::FORMAT.to_owned(),
            verdict: verdict(&checks),
            examined: BTreeMap::new(),
            checks,
            notes: Vec::new(),
            out_of_scope: Vec::new(),
            run: ReportRun { plan: None, evidence: Run::new(Timestamp::UNIX_EPOCH), baseline: None },
        }
    }

    #[test]
    fn fail_on_changes_the_exit_code_and_never_makes_unproven_green() {
        assert_eq!(report(Severity::Warning, false).exit_code(Severity::Warning), 1);
        assert_eq!(report(Severity::Warning, false).exit_code(Severity::Critical), 0);
        assert_eq!(report(Severity::Warning, true).exit_code(Severity::Critical), 3);
        assert_eq!(report(Severity::Critical, true).exit_code(Severity::Critical), 1);
        assert_eq!(report(Severity::Info, true).exit_code(Severity::Critical), 3);
        assert_eq!(report(Severity::Warning, false).verdict, Verdict::Failed);
    }

    #[test]
    fn an_interrupted_run_is_130_whatever_was_found() {
        let mut report = report(Severity::Critical, false);
        report.run.evidence.failure = Some((&Error::new(ErrorKind::Cancelled, "cancelled")).into());
        assert_eq!(report.exit_code(Severity::Critical), 130);
    }

    #[test]
    fn every_check_is_in_one_group() {
        let all =
            [report(Severity::Warning, false), report(Severity::Info, true), report(Severity::Info, false)];
        for report in all {
            let total: usize = report.tally().iter().map(|(_, count)| count).sum();
            assert_eq!(total, report.checks.len());
        }
    }
}
