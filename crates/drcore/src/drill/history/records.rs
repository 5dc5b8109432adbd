//! Where records of drills lie: `drills/` in a repository or a directory, one object each, written once.

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::{DrillHistory, LeftOutRecord, RecordProblem, TrendOptions};
use crate::backup::{DRILLS, Put, Repository, hexadecimal};
use crate::drill::{DrillReport, Rehearsal};
use crate::error::Result;
use crate::finding::Severity;
use crate::report::Verdict;

/// How many records are read at once.
const AT_ONCE: usize = 8;
/// How many digits of its SHA-256 a record has in its name.
const SUM: usize = 16;

/// The place of the records of drills.
#[derive(Clone, Debug)]
pub struct DrillRecords(Repository);

impl DrillRecords {
    /// Those in this repository or directory, or the directory `drills` of one. Keys come from the environment. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open(place: &str) -> Result<Self> {
        Repository::open(place)?.above(DRILLS).map(Self)
    }

    /// Where they lie.
    pub fn place(&self) -> String {
        format!("{}/{DRILLS}/", self.0.url().to_string().trim_end_matches('/'))
    }

    /// Whether the place answers, before hours are spent on what could not be written down.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<()> {
        self.0.shelf().list(&below()).await.map(drop)
    }

    /// Writes the record of a drill. Gives its name.
    ///
    /// # Errors
    /// Why it could not be written; nothing of it is there then.
    pub async fn add(&self, rehearsal: &Rehearsal) -> Result<String> {
        let text = rehearsal.to_json()? + "\n";
        let begun = rehearsal.run.started_at.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
        let name = format!("{}drill-{begun}-{}.json", below(), sum(text.as_bytes()));
        // One that is there already has this sum, and so is this one.
        self.0.shelf().put(&name, Bytes::from(text), Put::New).await?;
        Ok(name)
    }

    /// All of them, and what lies among them.
    ///
    /// # Errors
    /// Why they could not be listed. One that cannot be read is in [`DrillHistory::left_out`], with the cause.
    pub async fn history(&self, options: &TrendOptions) -> Result<DrillHistory> {
        let read_at = Timestamp::now();
        let objects = self.0.shelf().list(&below()).await?;
        let read = futures::stream::iter(objects)
            .map(|object| async move {
                let found = self.record(&object.name).await;
                (object.name, found)
            })
            .buffered(AT_ONCE);
        let read: Vec<_> = read.collect().await;
        let (mut records, mut left_out) = (Vec::new(), Vec::new());
        for (record, found) in read {
            match found {
                Ok(rehearsal) => records.push((record, rehearsal)),
                Err((problem, cause)) => left_out.push(LeftOutRecord { record, problem, cause }),
            }
        }
        Ok(DrillHistory::new(self.place(), read_at, records, left_out, *options))
    }

    async fn record(&self, name: &str) -> std::result::Result<Rehearsal, (RecordProblem, String)> {
        match self.0.shelf().get(name).await {
            Ok(Some(bytes)) => read(name, &bytes),
            Ok(None) => Err((RecordProblem::Unreadable, "it was gone before it could be read".to_owned())),
            Err(error) => Err((RecordProblem::Unreadable, error.to_string())),
        }
    }
}

fn below() -> String {
    format!("{DRILLS}/")
}

/// The beginning of the SHA-256 of a record.
fn sum(bytes: &[u8]) -> String {
    let mut sum = hexadecimal(&Sha256::digest(bytes));
    sum.truncate(SUM);
    sum
}

/// What is told of a record, or why it counts for nothing.
fn read(name: &str, bytes: &[u8]) -> std::result::Result<Rehearsal, (RecordProblem, String)> {
    let damaged = |cause: String| (RecordProblem::Damaged, cause);
    let named = name.strip_suffix(".json").and_then(|stem| stem.rsplit_once("drill-"));
    if let Some((_, written)) = named.and_then(|(_, stem)| stem.rsplit_once('-'))
        && written.len() == SUM
        && written.bytes().all(|digit| digit.is_ascii_hexdigit())
        && written != sum(bytes)
    {
        return Err(damaged("its bytes are not those that were written: its SHA-256 is another".to_owned()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err((RecordProblem::Foreign, "this is no text".to_owned()));
    };
    let format = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("format")?.as_str().map(str::to_owned));
    let rehearsal = Rehearsal::from_json(text).map_err(|error| {
        let problem = match format.as_deref() {
            Some(Rehearsal::FORMAT) => RecordProblem::Damaged,
            Some(format) if format.starts_with("drcore.rehearsal/") => RecordProblem::Unreadable,
            // What was cut off is no JSON any more.
            None if text.contains(Rehearsal::FORMAT) => RecordProblem::Damaged,
            _ => RecordProblem::Foreign,
        };
        let cause = match format.as_deref() {
            Some(DrillReport::FORMAT) => "this is a drill on the sample, not on a backup".to_owned(),
            _ => error.to_string(),
        };
        (problem, cause)
    })?;
    consistent(&rehearsal).map_err(damaged)?;
    Ok(rehearsal)
}

/// A record that says `passed`, and something else too, was changed by somebody.
fn consistent(rehearsal: &Rehearsal) -> std::result::Result<(), String> {
    if rehearsal.verdict != Verdict::Passed {
        return Ok(());
    }
    match rehearsal.report() {
        _ if !rehearsal.problems.is_empty() => Err("it says passed, and names problems".to_owned()),
        None => Err("it says passed, and nothing was verified".to_owned()),
        Some(report) if report.exit_code(Severity::Warning) != 0 => {
            Err(format!("it says passed, and its report {}", report.verdict.as_str()))
        }
        Some(_) => Ok(()),
    }
}
