//! The history of drills, for a person.

use std::time::Duration;

use super::super::report::Step;
use super::super::text::cut;
use super::{DrillHistory, DrillTrend, PastDrill, RecordProblem, TrendTime};
use crate::report::{terminal, without_commands};
use crate::text::{age, bytes, instant, plural, seconds};

/// Drills that are shown of each thing; the JSON has all.
const SHOWN: usize = 20;
/// The steps that have a column.
const COLUMNS: [(Step, &str); 4] =
    [(Step::Fetch, "fetch"), (Step::Start, "start"), (Step::Restore, "restore"), (Step::Verify, "verify")];

impl DrillHistory {
    /// Each drill with its times, whether the newest took longer than those before it, and what could not be read.
    pub fn to_text(&self) -> String {
        let mut text = self.head();
        let mut of: Vec<(String, Option<&str>)> = Vec::new();
        for drill in &self.drills {
            let series = (drill.of(), drill.database.as_deref());
            if !of.contains(&series) {
                of.push(series);
            }
        }
        for (of, database) in of {
            let drills: Vec<&PastDrill> = self
                .drills
                .iter()
                .filter(|drill| drill.of() == of && drill.database.as_deref() == database)
                .collect();
            let name = database.map_or_else(String::new, |database| format!("db {database} from "));
            text.push('\n');
            text.push_str(&cut(&format!("{name}{of}")));
            text.push_str(&table(&drills));
            let trend =
                self.trends.iter().find(|trend| trend.of == of && trend.database.as_deref() == database);
            text.push_str(&trend.map_or_else(
                || "  the first one: there is nothing to compare it with\n".to_owned(),
                DrillTrend::to_text,
            ));
        }
        if !self.left_out.is_empty() {
            text.push('\n');
        }
        for left_out in &self.left_out {
            let word = match left_out.problem {
                RecordProblem::Duplicate => "TWICE",
                _ => "NOT READ",
            };
            text.push_str(&cut(&format!("{word:<8} {}", left_out.record)));
            text.push_str(&format!(
                "         {}: {}\n",
                left_out.problem.as_str(),
                terminal(&left_out.cause)
            ));
        }
        without_commands(&text).into_owned()
    }

    fn head(&self) -> String {
        let passed = self.drills.iter().filter(|drill| drill.verdict == crate::Verdict::Passed).count();
        let drills = match self.drills.len() {
            0 => "none is recorded".to_owned(),
            number => format!("{}, {passed} passed", plural(number as u64, "drill")),
        };
        let mut text = cut(&format!("DRILLS   {drills} · {}", self.place));
        let last = match self.last_passed_at {
            Some(at) => {
                let ago = self.read_at.duration_since(at);
                let ago = Duration::from_secs(u64::try_from(ago.as_secs()).unwrap_or(0));
                format!("the last that passed was begun {}, {} ago", instant(at), age(ago))
            }
            None => "none of them passed".to_owned(),
        };
        text.push_str(&cut(&format!("         {last}")));
        let unread =
            self.left_out.iter().filter(|left_out| left_out.problem != RecordProblem::Duplicate).count();
        if unread > 0 {
            let unread = plural(unread as u64, "thing");
            text.push_str(&format!("         {unread} among the records could not be read: see below\n"));
        }
        text
    }
}

impl DrillTrend {
    /// The newest drill beside the median of those before it.
    pub fn to_text(&self) -> String {
        let mut text = format!("  newest, beside the median of {}\n", plural(self.earlier, "earlier drill"));
        let mut line = |what: &str, now: String, then: String, change: String| {
            text.push_str(&cut(&format!("  {what:<9}{now:>12}  {then:>12}  {change}")));
        };
        let changed = |time: TrendTime, word: &str| {
            let (now, then) = (i128::from(time.now_ms), i128::from(time.median_ms));
            let percent = ((now - then) * 100).checked_div(then);
            let change = percent.map_or_else(String::new, |percent| format!("{percent:+} %"));
            if time.longer { format!("{change} {word}") } else { change }
        };
        line("RTO", seconds(self.rto.now_ms), seconds(self.rto.median_ms), changed(self.rto, "SLOWER"));
        for step in &self.steps {
            let name = COLUMNS.iter().find(|(known, _)| *known == step.step);
            let name = name.map_or(step.step.label(), |(_, name)| name);
            line(name, seconds(step.time.now_ms), seconds(step.time.median_ms), changed(step.time, "SLOWER"));
        }
        if let Some(rpo) = self.rpo {
            let span = |ms| age(Duration::from_millis(ms));
            line("RPO", span(rpo.now_ms), span(rpo.median_ms), changed(rpo, "OLDER"));
        }
        let (now, then) = (i128::from(self.bytes), i128::from(self.bytes_median));
        let grown = ((now - then) * 100).checked_div(then);
        let grown = grown.map_or_else(String::new, |percent| format!("{percent:+} %"));
        line("dump", bytes(self.bytes), bytes(self.bytes_median), grown);
        text
    }
}

fn table(drills: &[&PastDrill]) -> String {
    let columns: String = COLUMNS.iter().map(|(_, name)| format!("{name:>8}")).collect();
    let mut text = format!("  {:<17}{:<9}{:>8}{columns}  RPO\n", "begun (UTC)", "verdict", "RTO");
    for drill in drills.iter().take(SHOWN) {
        let step =
            |step| drill.steps.iter().find(|time| time.step == step).map(|time| brief(time.elapsed_ms));
        let steps: String =
            COLUMNS.iter().map(|(of, _)| format!("{:>8}", step(*of).unwrap_or_default())).collect();
        let begun = drill.started_at.strftime("%Y-%m-%d %H:%M").to_string();
        let verdict = drill.verdict.as_str().to_uppercase();
        let rpo = drill.rpo_ms.map_or_else(|| "?".to_owned(), |ms| age(Duration::from_millis(ms)));
        text.push_str(&cut(&format!("  {begun:<17}{verdict:<9}{:>8}{steps}  {rpo}", brief(drill.rto_ms))));
        if let Some(problem) = drill.problems.first() {
            let more = match drill.problems.len() - 1 {
                0 => String::new(),
                more => format!(" (+ {more} more)"),
            };
            text.push_str(&cut(&format!("    {problem}{more}")));
        }
    }
    if let Some(more) = drills.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("  + {}\n", plural(more as u64, "earlier drill")));
    }
    text
}

/// How long something took, in a column: `36.5 s`, `12m 5s`, `3h 20m`.
fn brief(ms: u64) -> String {
    match ms {
        0..100_000 => seconds(ms),
        100_000..3_600_000 => format!("{}m {}s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{}h {}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fit_their_columns() {
        for (ms, is) in
            [(36_500, "36.5 s"), (99_999, "99.9 s"), (3_599_999, "59m 59s"), (86_340_000, "23h 59m")]
        {
            assert_eq!(brief(ms), is);
            assert!(brief(ms).len() < 8);
        }
    }
}
