//! What happened when, and what went otherwise than it should, as far as records know.

use std::time::Duration;

use jiff::Timestamp;

use super::Review;
use crate::connect::Write;
use crate::drill::Rehearsal;
use crate::report::Report;
use crate::restore::Restored;
use crate::text::{plural, seconds};

/// One line of the timeline.
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) what: String,
    /// The record that knows it.
    pub(super) from: &'static str,
}

impl Review {
    /// Everything that has an instant, in order.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut add = |at, what: String, from| events.push(Event { at, what, from });
        for Rehearsal { run, backup, verdict, .. } in &self.rehearsals {
            if let Some(at) = backup.at {
                add(at, format!("{} was taken", backup.name), "drill");
            }
            add(run.started_at, format!("the drill on {} began", backup.name), "drill");
            let mut passed = 0;
            for time in &run.steps {
                passed += time.elapsed_ms;
                let what = format!("done: {}, in {}", time.step.label(), seconds(time.elapsed_ms));
                add(after(run.started_at, passed), what, "drill");
            }
            let end = format!("the drill ended: {}", verdict.as_str().to_uppercase());
            add(after(run.started_at, passed), end, "drill");
        }
        for restored in &self.restored {
            if let Some(baseline) = baseline(restored) {
                add(baseline, "the backup was taken that was restored".to_owned(), "restore");
            }
            let (run, target) = (&restored.run, &restored.plan.target.project);
            add(run.started_at, format!("restoring into {target} began"), "restore");
            let failed = restored.failures().count() as u64 + restored.missing_rows.len() as u64;
            let came = match failed {
                0 => "everything came back".to_owned(),
                _ => format!("{} did not come back", plural(failed, "thing")),
            };
            let what = format!("restoring into {target} ended: {came}");
            add(after(run.started_at, run.elapsed_ms), what, "restore");
        }
        for (from, writes) in self.writes() {
            if let (Some(first), Some(last)) = (writes.first(), writes.last()) {
                let what =
                    format!("{} written to {}", plural(writes.len() as u64, "statement"), first.project);
                let what =
                    if first.at == last.at { what } else { format!("{what}, until {}", time(last.at)) };
                add(first.at, what, from);
            }
        }
        for (from, report) in self.reports() {
            let run = &report.run.evidence;
            let name =
                run.project.clone().or_else(|| run.server.as_ref().map(|server| server.database.clone()));
            let name = name.unwrap_or_else(|| "a database that did not answer".to_owned());
            let what =
                format!("the state of {name} that verify says {} of", report.verdict.as_str().to_uppercase());
            add(run.taken_at, what, from);
        }
        for gap in &self.gaps {
            add(gap.since, "the instant that was gone back to".to_owned(), "gap");
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// What was written by drcore, by record.
    pub(super) fn writes(&self) -> Vec<(&'static str, &[Write])> {
        let restored = self.restored.iter().filter_map(|restored| restored.after.as_ref()?.repaired.as_ref());
        let after = restored.map(|repaired| ("restore", repaired.writes.as_slice()));
        after.chain(self.repaired.iter().map(|repaired| ("repair", repaired.writes.as_slice()))).collect()
    }

    /// What records know to have gone wrong, one sentence each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<String> =
            self.rehearsals.iter().flat_map(|rehearsal| rehearsal.problems.iter().cloned()).collect();
        for restored in &self.restored {
            let failures = restored.failures();
            troubles.extend(
                failures
                    .map(|failure| format!("{} could not be restored: {}", failure.object, failure.message)),
            );
            troubles.extend(restored.missing_rows.iter().map(|rows| format!("{rows} did not come back")));
            for table in restored.loaded.iter().filter(|table| !table.dropped.is_empty()) {
                let columns = crate::text::list(&table.dropped);
                troubles.push(format!(
                    "the target does not have {columns} of {}: their values are lost",
                    table.table
                ));
            }
            match &restored.after {
                None => {
                    troubles.push("there was no baseline: the restored database was not verified".to_owned());
                }
                Some(after) => troubles.extend(after.failure.iter().map(|failure| {
                    format!("what a dump does not bring could not be put right: {}", failure.message)
                })),
            }
        }
        for gap in self.gaps.iter().filter(|gap| gap.exit_code() != 0) {
            let why = gap.notes.first().map_or_else(String::new, |note| format!(": {note}"));
            troubles.push(format!("what was lost could not be counted as a whole{why}"));
        }
        troubles.extend(self.reports().iter().filter_map(|(_, report)| unread(report)));
        troubles.dedup();
        troubles
    }

    /// Of each restore: how long it took until it was verified, and of how long before it the data is.
    pub(super) fn times(&self) -> Vec<(u64, Option<Duration>)> {
        let times = |restored: &Restored| {
            let began = restored.run.started_at;
            let verified = restored.after.as_ref().map(|after| {
                let run = &after.report().run.evidence;
                after_start(began, run.taken_at).saturating_add(run.elapsed_ms)
            });
            let behind = baseline(restored).map(|taken| Duration::from_millis(after_start(taken, began)));
            (verified.unwrap_or(0).max(restored.run.elapsed_ms), behind)
        };
        self.restored.iter().map(times).collect()
    }
}

/// Of when the data is that was restored, as the baseline of its backup says.
fn baseline(restored: &Restored) -> Option<Timestamp> {
    Some(restored.after.as_ref()?.report().run.baseline.as_ref()?.taken_at)
}

fn unread(report: &Report) -> Option<String> {
    let could_not = report.checks.iter().filter(|check| check.counts || !check.unread.is_empty());
    let ids: Vec<&str> = could_not.map(|check| check.id.as_str()).collect();
    (!ids.is_empty()).then(|| format!("verify could not find out everything: {}", crate::text::list(&ids)))
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    at.checked_add(Duration::from_millis(ms)).unwrap_or(at)
}

/// Milliseconds from the one to the other; none where it was before.
fn after_start(start: Timestamp, end: Timestamp) -> u64 {
    u64::try_from(end.as_millisecond().saturating_sub(start.as_millisecond())).unwrap_or(0)
}

fn time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}
