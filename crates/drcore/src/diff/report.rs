//! What a comparison came to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::locate::Passing;
use super::objects::DiffStructure;
use crate::error::{ErrorKind, Result};
use crate::evidence::{Cause, Run};
use crate::spool::{Rows, Spool};
use crate::sql::QualifiedName;

/// Rows that differ, one after the other.
pub type DiffRows = Rows<DiffRow>;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "DiffVerdict")]
#[non_exhaustive]
pub enum DiffVerdict {
    /// Something differs; more may, where something could not be read.
    Different,
    /// Every table that was compared was read on both sides and holds the same, and nothing is unread.
    Same,
    /// Nothing was found to differ, and not everything could be read.
    Unproven,
}

impl DiffVerdict {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Same => "same",
            Self::Unproven => "unproven",
        }
    }
}

/// What differs between two sides, A and B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffReport")]
#[non_exhaustive]
pub struct DiffReport {
    /// Always `drcore.diff/1`.
    pub format: String,
    /// What it comes to.
    pub verdict: DiffVerdict,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Each table that both sides have: those that differ first.
    pub tables: Vec<DiffTable>,
    /// Tables that only A has.
    pub only_in_a: Vec<LoneTable>,
    /// Tables that only B has.
    pub only_in_b: Vec<LoneTable>,
    /// Tables that were not compared because somebody said so, or because they are no data of the application.
    pub left_out: Vec<OmittedTable>,
    /// What differs in the structure, where that is what was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structure: Option<DiffStructure>,
    /// What could not be read or compared.
    pub unread: Vec<DiffUnread>,
    /// The one side.
    pub a: DiffSide,
    /// The other side.
    pub b: DiffSide,
    /// All rows that differ.
    #[serde(skip)]
    pub(super) spool: Spool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "SideKind")]
#[non_exhaustive]
pub enum SideKind {
    /// Stored Evidence.
    Baseline,
    /// A live database.
    Database,
}

/// One of the two sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffSide")]
#[non_exhaustive]
pub struct DiffSide {
    /// What it is.
    pub kind: SideKind,
    /// The file, where it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How it was collected: from where, and when.
    pub run: Run,
}

/// Whether a table is the same on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "DiffOutcome")]
#[non_exhaustive]
pub enum DiffOutcome {
    /// Rows or columns differ.
    Different,
    /// It could not be read or compared; the list of what is unread says why.
    Unread,
    /// The same rows.
    Same,
}

/// A table that both sides have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffTable")]
#[non_exhaustive]
pub struct DiffTable {
    /// The table.
    pub table: QualifiedName,
    /// Whether it is the same.
    pub outcome: DiffOutcome,
    /// How many rows A has: exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_a: Option<u64>,
    /// How many rows B has: exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_b: Option<u64>,
    /// How many rows only A has; none where it could not be told which rows differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in_a: Option<u64>,
    /// How many rows only B has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in_b: Option<u64>,
    /// How many rows have the same key and hold something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// Why it could not be told which rows differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// The columns by which rows are told apart; empty where the table has no primary key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// How many rows differed at first and did not when they were read again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub settled: u64,
    /// How many rows differed at each reading, and another way each time, since somebody writes to them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_motion: u64,
    /// Whether all that differed at first was the same when it was read again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled_whole: bool,
    /// In how many of the changed rows each column differs; rows of which it was not told are in none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_columns: Vec<ChangedColumn>,
    /// Columns that were not compared.
    #[serde(default, skip_serializing_if = "DiffColumns::is_empty")]
    pub columns: DiffColumns,
    /// Some of the rows that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<DiffRow>,
}

impl DiffTable {
    /// Says what became of what differed at first.
    pub(super) fn settle(&mut self, passing: Passing) {
        self.settled = passing.settled;
        self.in_motion = passing.in_motion;
        let differing: u64 = [self.only_in_a, self.only_in_b, self.changed].into_iter().flatten().sum();
        if differing > 0 {
            return;
        }
        if passing.in_motion > 0 {
            self.outcome = DiffOutcome::Unread;
            [self.only_in_a, self.only_in_b, self.changed] = [None; 3];
        } else {
            self.outcome = DiffOutcome::Same;
            self.settled_whole = true;
        }
    }
}

/// Columns in which a table's two sides differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffColumns")]
#[non_exhaustive]
pub struct DiffColumns {
    /// Columns that only A has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_in_a: Vec<String>,
    /// Columns that only B has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_in_b: Vec<String>,
    /// Columns that are of different types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retyped: Vec<String>,
}

impl DiffColumns {
    /// Whether both sides have the same ones.
    pub fn is_empty(&self) -> bool {
        self.only_in_a.is_empty() && self.only_in_b.is_empty() && self.retyped.is_empty()
    }
}

/// In how many rows a column differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ChangedColumn")]
#[non_exhaustive]
pub struct ChangedColumn {
    /// The column.
    pub column: String,
    /// How many rows.
    pub rows: u64,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "RowChange")]
#[non_exhaustive]
pub enum RowChange {
    /// Both sides have the key, and hold something else under it.
    Changed,
    /// Only A has it.
    OnlyInA,
    /// Only B has it.
    OnlyInB,
}

impl RowChange {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::OnlyInA => "only_in_a",
            Self::OnlyInB => "only_in_b",
        }
    }
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffRow")]
#[non_exhaustive]
pub struct DiffRow {
    /// The table.
    pub table: QualifiedName,
    /// How it differs.
    pub change: RowChange,
    /// Its key, by column. Values that may be names or addresses are masked; empty where the table has no key.
    pub key: BTreeMap<String, Option<String>>,
    /// How many such rows: more than one only where nothing tells them apart.
    pub times: u64,
    /// The columns in which a changed row differs; empty where it was not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Values in A, where they were wanted: of a changed row those of the key and those that differ, else all.
    /// Long ones are cut, and what looks like a secret is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<BTreeMap<String, Option<String>>>,
    /// Values in B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<BTreeMap<String, Option<String>>>,
}

impl DiffRow {
    /// The same without its values.
    #[must_use]
    pub fn without_values(&self) -> Self {
        Self { a: None, b: None, ..self.clone() }
    }

    /// The JSON form, in one line.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json_line(&self) -> Result<String> {
        crate::wire::to_json_line(self)
    }
}

/// A table that only one side has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "LoneTable")]
#[non_exhaustive]
pub struct LoneTable {
    /// The table.
    pub table: QualifiedName,
    /// How many rows it has, where that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A table that was not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "OmittedTable")]
#[non_exhaustive]
pub struct OmittedTable {
    /// The table.
    pub table: QualifiedName,
    /// Why.
    pub reason: String,
}

/// Something that could not be read or compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffUnread")]
#[non_exhaustive]
pub struct DiffUnread {
    /// What it is, as a user would type it.
    pub object: String,
    /// On which side: `a` or `b`; none where it is about both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// Why.
    pub cause: Cause,
}

impl DiffReport {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.diff/1";

    /// Of two sides of which nothing is known yet.
    pub(super) fn new(a: DiffSide, b: DiffSide) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            verdict: DiffVerdict::Unproven,
            notes: Vec::new(),
            tables: Vec::new(),
            only_in_a: Vec::new(),
            only_in_b: Vec::new(),
            left_out: Vec::new(),
            structure: None,
            unread: Vec::new(),
            a,
            b,
            spool: Spool::default(),
        }
    }

    /// Says what it comes to, and brings everything into its order.
    pub(super) fn conclude(&mut self) {
        self.tables.sort_by(|a, b| a.outcome.cmp(&b.outcome).then_with(|| a.table.cmp(&b.table)));
        let structure = self.structure.as_ref();
        let differs = self.tables.iter().any(|table| table.outcome == DiffOutcome::Different)
            || structure.is_some_and(|structure| !structure.objects.is_empty());
        let compared = self.tables.iter().any(|table| table.outcome == DiffOutcome::Same)
            || structure.is_some_and(|structure| !structure.compared.is_empty());
        let unread = !self.unread.is_empty()
            || self.tables.iter().any(|table| table.outcome == DiffOutcome::Unread)
            || [&self.a, &self.b].iter().any(|side| side.run.failure.is_some());
        self.verdict = if differs || !self.only_in_a.is_empty() || !self.only_in_b.is_empty() {
            DiffVerdict::Different
        } else if unread || !compared {
            DiffVerdict::Unproven
        } else {
            DiffVerdict::Same
        };
        if !unread && self.tables.is_empty() && self.verdict == DiffVerdict::Unproven {
            let what = if structure.is_some() { "an object" } else { "a table" };
            self.notes.push(format!("neither side has {what} that is compared: nothing is proven"));
        }
    }

    /// The exit code that the command would end with: 0 the same, 1 different, 3 unproven, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        if self.is_interrupted() {
            return 130;
        }
        match self.verdict {
            DiffVerdict::Same => 0,
            DiffVerdict::Different => 1,
            DiffVerdict::Unproven => 3,
        }
    }

    /// Whether somebody interrupted it, so that it is of what was read until then.
    pub fn is_interrupted(&self) -> bool {
        let failures = [&self.a, &self.b].into_iter().filter_map(|side| side.run.failure.as_ref());
        failures.into_iter().any(|failure| failure.kind == ErrorKind::Cancelled)
    }

    /// How many tables come to this.
    pub fn count(&self, outcome: DiffOutcome) -> usize {
        self.tables.iter().filter(|table| table.outcome == outcome).count()
    }

    /// The JSON form without values of rows, the same bytes in every language.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(&self.without_values())
    }

    /// The JSON form with the values of rows, where they were read.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json_with_values(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The same without values of rows.
    #[must_use]
    pub fn without_values(&self) -> Self {
        let mut report = self.clone();
        for row in report.tables.iter_mut().flat_map(|table| &mut table.rows) {
            *row = row.without_values();
        }
        report
    }

    /// Every row that differs, table by table; what the report shows of each table is its beginning.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the report was read from JSON, which does not hold all of them.
    pub fn rows(&self) -> Result<DiffRows> {
        if let Some(rows) = self.spool.rows() {
            return Ok(rows);
        }
        let shown = |table: &&DiffTable| table.rows.iter().map(|row| row.times).sum::<u64>();
        let counted = |table: &DiffTable| {
            [table.only_in_a, table.only_in_b, table.changed].into_iter().flatten().sum::<u64>()
        };
        if self.tables.iter().any(|table| shown(&table) < counted(table)) {
            let message = "a report that was read from JSON holds only some of the rows that differ";
            return Err(crate::Error::new(ErrorKind::Usage, message)
                .hint("Take them from where it was made: drcore diff … -o rows.ndjson."));
        }
        Ok(DiffRows::of(self.tables.iter().flat_map(|table| table.rows.clone()).collect()))
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if the text is no comparison, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "a comparison")
    }
}
