//! From what was read of both sides to what differs: no database is asked.

use std::collections::BTreeMap;

use super::locate::{FoundRow, Sink};
use super::report::{DiffOutcome, DiffReport, DiffTable, DiffUnread, LoneTable, RowChange};
use super::structure::{Agreed, Agreement};
use crate::content::{Content, Difference, KeyForm, Layout, METHOD};
use crate::evidence::{Cause, CauseKind, Evidence};
use crate::sql::QualifiedName;
use crate::text::count;

/// The names of the sides.
const SIDES: [char; 2] = ['a', 'b'];

/// What was read of both sides.
pub(super) struct Comparison<'e> {
    pub(super) agreement: &'e Agreement,
    /// What was known of the structure when it was agreed upon.
    pub(super) structure: [&'e Evidence; 2],
    pub(super) read: [&'e Evidence; 2],
}

/// A table whose rows differ.
pub(super) struct Differing<'e> {
    /// Its place among the tables of the report.
    pub(super) place: usize,
    pub(super) name: &'e QualifiedName,
    pub(super) contents: [&'e Content; 2],
    /// The rows that A has oftener, or B; or why they cannot be told apart, for people.
    pub(super) found: Result<Vec<Difference>, String>,
}

impl Comparison<'_> {
    /// Says which tables differ; gives those whose rows do, by their place in the report, with what tells which.
    pub(super) fn report(&self, report: &mut DiffReport) -> Vec<Differing<'_>> {
        let mut differing = Vec::new();
        report.left_out.clone_from(&self.agreement.left_out);
        report.notes.extend(self.agreement.notes.iter().cloned());
        report.only_in_a = lone(&self.agreement.only_in_a, self.read[0]);
        report.only_in_b = lone(&self.agreement.only_in_b, self.read[1]);
        for (name, agreed) in &self.agreement.tables {
            let mut table = DiffTable::new(name, agreed);
            match self.table(name, agreed, &mut table) {
                Ok(None) => {}
                Ok(Some(contents)) => {
                    let found = self.differences(name, contents);
                    differing.push(Differing { place: report.tables.len(), name, contents, found });
                }
                Err((side, cause)) => {
                    let cause = self.told(side, cause);
                    report.unread.push(DiffUnread::new(name.to_string(), side, cause));
                }
            }
            report.tables.push(table);
        }
        differing
    }

    /// The run as a whole ended early: then that is why, and not that nobody asked.
    fn told(&self, side: Option<char>, cause: Cause) -> Cause {
        let at = SIDES.iter().position(|known| Some(*known) == side);
        match at.and_then(|at| self.read[at].failure()) {
            Some(failure) if cause.kind == CauseKind::NotCollected => failure.cause(),
            _ => cause,
        }
    }

    /// What both sides hold, where that differs.
    ///
    /// # Errors
    /// Why it could not be compared, and on which side.
    fn table(
        &self,
        name: &QualifiedName,
        agreed: &Agreed,
        table: &mut DiffTable,
    ) -> Result<Option<[&Content; 2]>, (Option<char>, Cause)> {
        agreed.comparable.clone()?;
        let contents = self.contents(name, agreed)?;
        let [of_a, of_b] = contents;
        (table.rows_a, table.rows_b) = (Some(of_a.rows), Some(of_b.rows));
        if (of_a.rows, of_a.fingerprint) == (of_b.rows, of_b.fingerprint) {
            if table.outcome == DiffOutcome::Unread {
                table.outcome = DiffOutcome::Same;
            }
            (table.only_in_a, table.only_in_b, table.changed) = (Some(0), Some(0), Some(0));
            return Ok(None);
        }
        table.outcome = DiffOutcome::Different;
        Ok(Some(contents))
    }

    /// What both sides hold, if that can be compared.
    fn contents(
        &self,
        name: &QualifiedName,
        agreed: &Agreed,
    ) -> Result<[&Content; 2], (Option<char>, Cause)> {
        let mut contents = Vec::new();
        for (at, side) in SIDES.into_iter().enumerate() {
            let on_side = |cause| (Some(side), cause);
            let scan = self.read[at].scans.tables.get(name);
            let content = scan.map_or_else(
                || Err(Cause::new(CauseKind::NotCollected, "was not collected")),
                |scan| scan.content.get(),
            );
            let content = content.map_err(on_side)?;
            if content.method != METHOD {
                let message = format!(
                    "its fingerprint is of method {}; this version of drcore compares method {METHOD}",
                    content.method
                );
                return Err(on_side(Cause::new(CauseKind::Unsupported, message)));
            }
            // What came in between was not agreed upon, and would be left out without a word.
            let structure = |evidence: &Evidence| {
                Layout::new(evidence.catalog.columns_of(name)?, &[])
                    .columns()
                    .into_iter()
                    .map(Ok)
                    .collect::<Result<Vec<_>, Cause>>()
            };
            let [before, after] = [self.structure[at], self.read[at]].map(structure);
            if before.map_err(on_side)? != after.map_err(on_side)? || content.columns != agreed.columns {
                let message = "its columns were changed while it was compared";
                return Err(on_side(Cause::new(CauseKind::Rewritten, message)));
            }
            contents.push(content);
        }
        match contents.as_slice() {
            [a, b] => Ok([a, b]),
            _ => Err((None, Cause::new(CauseKind::NotCollected, "was not collected"))),
        }
    }

    /// The rows that A has oftener, or B.
    ///
    /// # Errors
    /// Why they cannot be told apart, for people.
    fn differences(&self, name: &QualifiedName, contents: [&Content; 2]) -> Result<Vec<Difference>, String> {
        if contents[0].key != contents[1].key {
            return Err("the two sides tell rows apart by different keys".to_owned());
        }
        let sketch = |at: usize| {
            let sketches = &self.read[at].sketched;
            sketches.get(name).ok_or_else(|| match (sketches.lost(name), SIDES[at].to_ascii_uppercase()) {
                (Some(why), side) => format!("{side} holds no sketch of the table ({why})"),
                (None, side) => format!("{side} holds no sketch of the table"),
            })
        };
        let difference = sketch(0)?.minus(sketch(1)?).ok_or("the two sides hold keys in different ways")?;
        let capacity = difference.capacity();
        let found = difference.peel();
        if !found.whole {
            return Err(format!(
                "there are more than the {} differences that the sketches can tell apart",
                count(capacity)
            ));
        }
        Ok(found.rows)
    }
}

fn lone(names: &[QualifiedName], evidence: &Evidence) -> Vec<LoneTable> {
    let rows = |name| evidence.scans.tables.get(name).and_then(|scan| scan.rows.read().copied());
    names.iter().map(|name| LoneTable { table: name.clone(), rows: rows(name) }).collect()
}

impl DiffReport {
    /// Whether the structure of a side could not be read; says so.
    pub(super) fn unread_structure(&mut self, side: &str, evidence: &Evidence) -> bool {
        let catalog = &evidence.catalog;
        let causes = [
            ("the list of tables", catalog.relations.get().err()),
            ("the columns of tables", catalog.columns.get().err()),
            ("the keys of tables", catalog.keys.get().err()),
        ];
        let mut unread = false;
        for (object, cause) in causes {
            let Some(cause) = cause else { continue };
            unread = true;
            let cause = match evidence.failure() {
                Some(failure) if cause.kind == CauseKind::NotCollected => failure.cause(),
                _ => cause,
            };
            let side = side.chars().next();
            // One cause is told once.
            if self.unread.last().is_none_or(|last| last.cause != cause) {
                self.unread.push(DiffUnread::new(object, side, cause));
            }
        }
        unread
    }
}

impl DiffUnread {
    pub(super) fn new(object: impl Into<String>, side: Option<char>, cause: Cause) -> Self {
        Self { object: object.into(), side: side.map(String::from), cause }
    }
}

impl DiffTable {
    fn new(name: &QualifiedName, agreed: &Agreed) -> Self {
        // Columns that differ are a difference, unless somebody said to compare the others.
        let differs = !agreed.differing.is_empty() && agreed.comparable.is_err();
        Self {
            table: name.clone(),
            outcome: if differs { DiffOutcome::Different } else { DiffOutcome::Unread },
            rows_a: None,
            rows_b: None,
            only_in_a: None,
            only_in_b: None,
            changed: None,
            untold: None,
            key: agreed.key.clone(),
            columns: agreed.differing.clone(),
            settled: 0,
            in_motion: 0,
            settled_whole: false,
            changed_columns: Vec::new(),
            rows: Vec::new(),
        }
    }
}

/// What sketches tell: the rows of each key, and of those without one.
///
/// # Errors
/// Why the sink takes no more.
pub(super) fn tell(differences: &[Difference], content: &Content, sink: &mut dyn Sink) -> crate::Result<()> {
    let form = KeyForm::named(&content.columns, &content.key);
    // By key: a row that only A has and another that only B has under it is one that changed.
    let mut keys: BTreeMap<Option<&[u8]>, [u64; 2]> = BTreeMap::new();
    for row in differences {
        let times = keys.entry(row.key.as_deref()).or_default();
        times[usize::from(row.count < 0)] += row.count.unsigned_abs();
    }
    for (key, [of_a, of_b]) in keys {
        let changed = if key.is_some() { of_a.min(of_b) } else { 0 };
        let key = key.and_then(|key| form.decode(key)).map(|key| form.shown(&key));
        let sorts = [
            (RowChange::OnlyInA, of_a - changed),
            (RowChange::OnlyInB, of_b - changed),
            (RowChange::Changed, changed),
        ];
        for (change, times) in sorts {
            if times > 0 {
                let (key, columns, values) = (key.clone(), Vec::new(), [None, None]);
                sink.row(FoundRow { change, key, times, columns, values })?;
            }
        }
    }
    Ok(())
}
