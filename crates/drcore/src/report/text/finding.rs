//! Findings, worst first: what, the consequence, what puts it right, the id.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, Tone};
use crate::finding::{Finding, Severity};
use crate::remedy::{Choose, Remedy, RemedyClass, Statements};
use crate::report::Report;
use crate::text::{count, plural};

/// How many findings are shown without `-v`.
const MOST: usize = 20;
/// How many statements of one fix are shown without `-v`.
const STATEMENTS: usize = 6;

/// Shows the findings. Says whether all are shown in full.
pub(super) fn all(page: &mut Page, report: &Report, verbose: bool) -> bool {
    let findings = report.findings();
    let numbers: BTreeMap<&str, usize> =
        report.fixes().into_iter().map(|(number, finding, _)| (finding.id(), number)).collect();
    let shown = if verbose { findings.len() } else { findings.len().min(MOST) };
    let (shown, rest) = findings.split_at(shown);
    let mut told = BTreeSet::new();
    for finding in shown {
        let number = numbers.get(finding.id()).copied();
        let again = number.is_some_and(|number| !told.insert(number));
        one(page, finding, number, again, verbose);
    }
    if !rest.is_empty() {
        let objects: BTreeSet<&str> = rest.iter().map(|finding| finding.common().object.as_str()).collect();
        let objects = plural(objects.len() as u64, "object");
        page.blank();
        page.plain(&format!(
            "+ {} more: {} on {objects} (-v, or -o report.html)",
            count(rest.len() as u64),
            severities(rest)
        ));
    }
    page.blank();
    rest.is_empty()
}

/// `3 critical, 1 warning`.
pub(in crate::report) fn severities(findings: &[&Finding]) -> String {
    let number = |severity| findings.iter().filter(|finding| finding.severity() == severity).count() as u64;
    let parts = [Severity::Critical, Severity::Warning, Severity::Info].map(|severity| {
        match (severity, number(severity)) {
            (_, 0) => None,
            (Severity::Warning, number) => Some(plural(number, "warning")),
            (severity, number) => Some(format!("{} {}", count(number), severity.as_str())),
        }
    });
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `again`: its fix was shown for a finding above.
fn one(page: &mut Page, finding: &Finding, number: Option<usize>, again: bool, verbose: bool) {
    let common = finding.common();
    let (word, tone) = match common.severity {
        Severity::Critical => ("CRITICAL", Tone::Bad),
        Severity::Warning => ("WARNING", Tone::Warn),
        Severity::Info => ("INFO", Tone::Plain),
    };
    page.labelled(word, tone, &common.sentence());
    if let Some(hint) = &common.hint {
        page.more(hint);
    }
    match &common.remedy {
        Some(Remedy::Sql(_)) if again => page.more(&format!("fix {}, as above", number.unwrap_or_default())),
        Some(Remedy::Sql(statements)) => fix(page, statements, number.unwrap_or_default(), verbose),
        Some(Remedy::Choose(choose)) => choices(page, choose),
        None => {}
    }
    if let Some(query) = common.query.as_ref().filter(|_| verbose) {
        page.sql("query  ", query);
    }
    page.id(&common.id);
}

fn fix(page: &mut Page, fix: &Statements, number: usize, verbose: bool) {
    let name = format!("fix {number} [{}]  ", fix.class.label());
    let shown = if verbose { fix.statements.len() } else { fix.statements.len().min(STATEMENTS) };
    for (at, statement) in fix.statements.iter().take(shown).enumerate() {
        let name = if at == 0 { name.clone() } else { " ".repeat(name.len()) };
        let statement = statement.trim_end();
        let end = if statement.ends_with(';') { "" } else { ";" };
        page.sql(&name, &format!("{statement}{end}"));
    }
    let rest = fix.statements.len() - shown;
    if rest > 0 {
        page.field("", name.len(), &format!("+ {} (-v shows all)", plural(rest as u64, "more statement")));
    }
    if let Some(note) = &fix.note {
        page.field("", name.len(), note);
    }
}

fn choices(page: &mut Page, choose: &Choose) {
    let ways: Vec<String> = choose
        .choices
        .iter()
        .map(|choice| match choice.class {
            RemedyClass::Safe => choice.summary.clone(),
            class => format!("{} [{}]", choice.summary, class.label()),
        })
        .collect();
    page.field("choose", "choose  ".len(), &ways.join(" | "));
}
