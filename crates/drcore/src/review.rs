//! The review of an incident or a drill, as far as records tell: a document that people finish.
//!
//! What a record knows stands in its place, with where it is from. What only people know is marked, so that
//! nobody takes an empty place for "nothing happened".

mod events;
mod markdown;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::drill::Rehearsal;
use crate::error::{Error, ErrorKind, Result};
use crate::gap::GapReport;
use crate::report::Report;
use crate::restore::{Repaired, Restored};

/// What the records of an incident say, or those of a drill.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Review {
    rehearsals: Vec<Rehearsal>,
    restored: Vec<Restored>,
    repaired: Vec<Repaired>,
    reports: Vec<Report>,
    gaps: Vec<GapReport>,
}

/// The review of an incident, in Markdown, from the JSON of what drcore recorded (drills, restores, repairs, reports and
/// gaps) and from files that hold such, in any order.
///
/// # Errors
/// As [`Review::of`].
pub fn review<S: AsRef<str>, P: AsRef<Path>>(records: &[S], files: &[P]) -> Result<String> {
    Review::of(records, files).map(|review| review.to_markdown())
}

impl Review {
    /// Reads records by their JSON, and from files.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is none; [`ErrorKind::Format`] if one is no record of a drill, a restore, a repair, a
    /// report or a gap, or of a newer version; [`ErrorKind::Io`] if a file cannot be read.
    pub fn of<S: AsRef<str>, P: AsRef<Path>>(records: &[S], files: &[P]) -> Result<Self> {
        let mut review = Self::default();
        for (at, record) in records.iter().enumerate() {
            review.add(record.as_ref()).map_err(|error| error.context("record", (at + 1).to_string()))?;
        }
        for path in files {
            let path = path.as_ref();
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::unreadable("the record", path, error))?;
            review.add(&text).map_err(|error| error.context("file", path.display().to_string()))?;
        }
        review.some()
    }

    fn some(self) -> Result<Self> {
        let Self { rehearsals, restored, repaired, reports, gaps } = &self;
        let all = rehearsals.len() + restored.len() + repaired.len() + reports.len() + gaps.len();
        if all > 0 {
            return Ok(self);
        }
        Err(Error::new(ErrorKind::Usage, "a review is made of at least one record")
            .hint("Give what -o FILE.json wrote: of drill, restore, repair, verify or gap."))
    }

    fn add(&mut self, text: &str) -> Result<()> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::new(ErrorKind::Format, format!("this is not JSON: {error}")))?;
        let format = value.get("format").and_then(Value::as_str).unwrap_or_default();
        let family = format.split_once('/').map_or(format, |(family, _)| family);
        match family {
            "drcore.rehearsal" => self.rehearsals.push(Rehearsal::from_json(text)?),
            "drcore.report" => self.reports.push(Report::from_json(text)?),
            "drcore.restored" => self.restored.push(read(text, Restored::FORMAT, "restore")?),
            "drcore.repaired" => self.repaired.push(read(text, Repaired::FORMAT, "repair")?),
            "drcore.gap" => self.gaps.push(read(text, GapReport::FORMAT, "gap")?),
            _ => {
                let is = if format.is_empty() {
                    "this has no format".to_owned()
                } else {
                    format!("this is {format:?}")
                };
                return Err(Error::new(ErrorKind::Format, format!("{is}: nothing that a review is made of"))
                    .hint(
                        "A review is made of drcore.rehearsal/1, restored/1, repaired/1, report/1 and gap/1.",
                    ));
            }
        }
        Ok(())
    }

    /// Whether it is all of drills: nothing happened in earnest.
    fn is_of_drills(&self) -> bool {
        let Self { rehearsals, restored, repaired, reports, gaps } = self;
        !rehearsals.is_empty()
            && restored.is_empty()
            && repaired.is_empty()
            && reports.is_empty()
            && gaps.is_empty()
    }

    /// Every report, also those within other records: the last one of each, the oldest first.
    fn reports(&self) -> Vec<(&'static str, &Report)> {
        let own = self.reports.iter().map(|report| ("verify", report));
        let restored =
            self.restored.iter().filter_map(|restored| Some(("restore", restored.after.as_ref()?.report())));
        let repaired = self.repaired.iter().map(|repaired| ("repair", &repaired.after));
        let rehearsed = self.rehearsals.iter().filter_map(|rehearsal| Some(("drill", rehearsal.report()?)));
        let mut all: Vec<_> = own.chain(restored).chain(repaired).chain(rehearsed).collect();
        all.sort_by_key(|(_, report)| report.run.evidence.taken_at);
        all
    }
}

fn read<T: DeserializeOwned>(text: &str, format: &str, what: &str) -> Result<T> {
    crate::wire::from_json(text, format, what)
}
