//! The first lines: the verdict, and what it is about.

use super::page::{Page, Tone};
use crate::evidence::{Failure, PasswordFrom, Run};
use crate::report::{Report, Verdict};
use crate::text::{plural, seconds};

/// The verdict, what was read, what it was compared with, how long it took.
pub(super) fn subject(page: &mut Page, report: &Report) {
    let run = &report.run.evidence;
    let mut parts = Vec::new();
    match (&run.project, &run.host) {
        (Some(project), _) => parts.push(format!("project {project}")),
        (None, Some(host)) => parts.push(host.clone()),
        (None, None) => {}
    }
    if let Some(server) = &run.server {
        parts.push(format!("db {}", server.database));
    }
    parts.extend(run.standby_sentence());
    let examined = |what: &str| report.examined.get(what).copied().unwrap_or_default();
    if report.examined.is_empty() {
        parts.push("no table was counted".to_owned());
    } else {
        let rows = plural(examined("rows"), "row");
        parts.push(format!("{}, {rows}", plural(examined("tables"), "table")));
    }
    let (word, tone) = verdict(report.verdict);
    if report.verdict != Verdict::Passed {
        page.labelled(word, tone, &std::mem::take(&mut parts).join(" · "));
    }
    parts.push(
        report.compared_with().map_or("without a baseline".to_owned(), |with| format!("against {with}")),
    );
    if let Some(plan) = &report.run.plan {
        parts.push(format!("plan {plan}"));
    }
    parts.push(format!("took {}", seconds(run.elapsed_ms)));
    // Good news is one line.
    if report.verdict == Verdict::Passed {
        page.labelled(word, tone, &parts.join(" · "));
    } else {
        page.more(&parts.join(" · "));
    }

    if let Some(warning) = run.standby_warning() {
        page.more(warning);
    }
    if let Some(failure) = &run.failure {
        page.more(&format!("ended early: {}; what was not read by then is not judged", failure.message));
    }
    if let Some(failure) = report.run.baseline.as_ref().and_then(|baseline| baseline.failure.as_ref()) {
        page.more(&format!("the baseline could not be read in full: {}", failure.message));
    }
}

/// The screen of a run that read nothing: what was tried, what is likely, what to do.
pub(super) fn nothing_read(page: &mut Page, run: &Run, failure: &Failure) {
    let (word, tone) = verdict(Verdict::Unproven);
    let host = run.host.as_deref().unwrap_or("the database");
    page.labelled(word, tone, &format!("nothing was read from {host}"));
    // The host is in the line above.
    page.more(&failure.message.replace(&format!(" (host: {host})"), ""));
    let mut tried = vec!["1 time".to_owned(), seconds(run.elapsed_ms)];
    if let Some(access) = &run.access {
        tried.push(format!("sslmode {}", access.sslmode));
        tried.push(match (access.password, &access.password_place) {
            (None, _) => "no password".to_owned(),
            (Some(_), Some(place)) => format!("password from {place}"),
            (Some(PasswordFrom::ConnectionString), None) => "password from the connection string".to_owned(),
            (Some(PasswordFrom::Environment), None) => "password from PGPASSWORD".to_owned(),
            (Some(PasswordFrom::PasswordFile), None) => "password from a password file".to_owned(),
            (Some(PasswordFrom::ServiceFile), None) => "password from a service file".to_owned(),
        });
    }
    page.field("tried", FIELD, &tried.join(", "));
    if let Some(likely) = failure.likely() {
        page.field("likely", FIELD, likely);
    }
    if let Some(hint) = &failure.hint {
        page.field("do", FIELD, hint);
    }
}

const FIELD: usize = 9;

fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Failed => ("FAILED", Tone::Bad),
        Verdict::Passed => ("PASSED", Tone::Good),
        Verdict::Unproven => ("UNPROVEN", Tone::Unsure),
    }
}
