//! The newest drill beside those before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::report::{Step, StepTime};
use super::PastDrill;
use crate::arguments::object;
use crate::error::{Error, ErrorKind, Result};
use crate::text::{age, bytes, plural, seconds};

/// What is longer by less is no trend, whatever share it is of the whole: a machine has other things to do too.
const NOISE_MS: u64 = 2_000;

/// When a drill counts as slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrendOptions {
    /// By more than so many per cent of the median (and by more than two seconds).
    pub slower_by: u32,
}

impl Default for TrendOptions {
    fn default() -> Self {
        Self { slower_by: 50 }
    }
}

impl TrendOptions {
    /// Reads `{"slower_by": 50}`, a number of per cent.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that is no such number.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut options = Self::default();
        if let Some(value) = object(text, &["slower_by"])?.remove("slower_by") {
            options.slower_by = percent(&value).ok_or_else(|| {
                Error::new(ErrorKind::Usage, "slower_by: expected a number of per cent from 1 to 10000")
            })?;
        }
        Ok(options)
    }
}

fn percent(value: &Value) -> Option<u32> {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| (1..=10_000).contains(number))
}

/// The newest drill on something, beside the median of all that were before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DrillTrend")]
#[non_exhaustive]
pub struct DrillTrend {
    /// What was rehearsed on: a repository, or the directory of the dumps.
    pub of: String,
    /// The database that was dumped, where the dumps say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The record of the newest drill.
    pub record: String,
    /// How many drills were before it.
    pub earlier: u64,
    /// From the beginning until the copy was verified.
    pub rto: TrendTime,
    /// The same of each step that earlier drills had too.
    pub steps: Vec<TrendStep>,
    /// How old the backup was; none where it is not known of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<TrendTime>,
    /// How many bytes the dump has.
    pub bytes: u64,
    /// How many it had, by the median.
    pub bytes_median: u64,
    /// What takes longer than it did, one sentence each.
    pub notes: Vec<String>,
}

/// A time and the median of the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TrendTime")]
#[non_exhaustive]
pub struct TrendTime {
    /// Of the newest drill, in milliseconds.
    pub now_ms: u64,
    /// The median of the earlier ones.
    pub median_ms: u64,
    /// Whether it is longer by more than was asked for.
    pub longer: bool,
}

/// A step of the newest drill, and the median of the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TrendStep")]
#[non_exhaustive]
pub struct TrendStep {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub time: TrendTime,
}

impl DrillTrend {
    /// Of the drills on one thing, the newest first; none where there is nothing to compare with.
    pub(super) fn new(
        of: String,
        database: Option<String>,
        drills: &[&PastDrill],
        options: TrendOptions,
    ) -> Option<Self> {
        let (newest, earlier) = drills.split_first()?;
        let time = |now: u64, then: Vec<u64>| Some(TrendTime::new(now, median(then)?, options));
        let rto = time(newest.rto_ms, earlier.iter().map(|drill| drill.rto_ms).collect())?;
        let step = |of: &StepTime| {
            let then = earlier.iter().flat_map(|drill| &drill.steps).filter(|time| time.step == of.step);
            let time = time(of.elapsed_ms, then.map(|time| time.elapsed_ms).collect())?;
            Some(TrendStep { step: of.step, time })
        };
        let rpo = newest
            .rpo_ms
            .and_then(|now| time(now, earlier.iter().filter_map(|drill| drill.rpo_ms).collect()));
        let mut trend = Self {
            of,
            database,
            record: newest.record.clone(),
            earlier: earlier.len() as u64,
            rto,
            steps: newest.steps.iter().filter_map(step).collect(),
            rpo,
            bytes: newest.backup.bytes,
            bytes_median: median(earlier.iter().map(|drill| drill.backup.bytes).collect())?,
            notes: Vec::new(),
        };
        trend.notes = trend.told();
        Some(trend)
    }

    /// What is longer than it was.
    fn told(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let drills = plural(self.earlier, "earlier drill");
        let mut slower = |what: &str, time: TrendTime| {
            if time.longer {
                let (now, then, more) = (seconds(time.now_ms), seconds(time.median_ms), time.more());
                notes.push(format!("{what} took {now}, {more} more than the median of {drills} ({then})"));
            }
        };
        slower("the whole drill", self.rto);
        for TrendStep { step, time } in &self.steps {
            slower(step.label(), *time);
        }
        if let Some(rpo) = self.rpo.filter(|rpo| rpo.longer) {
            let span = |ms| age(std::time::Duration::from_millis(ms));
            let (now, then) = (span(rpo.now_ms), span(rpo.median_ms));
            notes.push(format!("the backup was {now} old, the median of {drills} is {then}"));
        }
        if !notes.is_empty() && self.bytes > self.bytes_median {
            notes.push(format!("the dump has {}, it had {}", bytes(self.bytes), bytes(self.bytes_median)));
        }
        notes
    }
}

impl TrendTime {
    fn new(now_ms: u64, median_ms: u64, options: TrendOptions) -> Self {
        let more = u128::from(now_ms.saturating_sub(median_ms));
        let share = u128::from(median_ms) * u128::from(options.slower_by);
        Self { now_ms, median_ms, longer: more > u128::from(NOISE_MS) && more * 100 > share }
    }

    /// By how much it is longer, such as `80 %`.
    fn more(self) -> String {
        let more = u128::from(self.now_ms.saturating_sub(self.median_ms));
        match (more * 100).checked_div(u128::from(self.median_ms)) {
            Some(percent) => format!("{percent} %"),
            None => seconds(self.now_ms),
        }
    }
}

/// Of an even number, the mean of the two in the middle. None of none.
fn median(mut of: Vec<u64>) -> Option<u64> {
    of.sort_unstable();
    let middle = of.len() / 2;
    let upper = *of.get(middle)?;
    Some(if of.len() % 2 == 1 { upper } else { of[middle - 1].midpoint(upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (of, is) in [
            (vec![], None),
            (vec![7], Some(7)),
            (vec![9, 1], Some(5)),
            (vec![5, 1, 900], Some(5)),
            (vec![u64::MAX, u64::MAX], Some(u64::MAX)),
        ] {
            assert_eq!(median(of), is);
        }
    }

    #[test]
    fn longer_is_what_is_longer_by_more_than_the_share_and_than_noise() {
        let options = TrendOptions { slower_by: 50 };
        for (now, median, longer) in [
            (15_000, 10_000, false),
            (15_001, 10_000, true),
            (9_000, 10_000, false),
            // Three times as long, and nobody would notice.
            (300, 100, false),
            (5_000, 0, true),
            (u64::MAX, 1, true),
        ] {
            assert_eq!(TrendTime::new(now, median, options).longer, longer, "{now} {median}");
        }
        assert_eq!(TrendTime::new(15_001, 10_000, options).more(), "50 %");
        assert_eq!(TrendTime::new(5_000, 0, options).more(), "5.0 s");
    }

    #[test]
    fn options_are_read_and_mistakes_are_told() {
        assert_eq!(TrendOptions::from_json("{}").unwrap().slower_by, 50);
        assert_eq!(TrendOptions::from_json(r#"{"slower_by": 10}"#).unwrap().slower_by, 10);
        for text in [r#"{"slower_by": 0}"#, r#"{"slower_by": "50%"}"#, r#"{"slower": 5}"#] {
            assert_eq!(TrendOptions::from_json(text).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
