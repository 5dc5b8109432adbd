//! Which rows of a database differ from those of a live source that it is verified against.

use super::locate::{FoundRow, Live, Located, Locator, Passing, Sink};
use super::report::{ChangedColumn, RowChange};
use crate::collect::Stop;
use crate::content::{Content, KeyForm, METHOD};
use crate::error::Result;
use crate::evidence::{Evidence, LocatedRows, RowKeys};
use crate::plan::Plan;

/// Keys of each sort that are kept.
const SAMPLE: usize = 20;

/// Reads again what differs between the source and the database, and keeps in the database's Evidence which rows
/// do. Where that cannot be, what the sketches tell stands.
pub(crate) async fn locate(
    source: (&str, &Evidence),
    database: (&str, &mut Evidence),
    plan: &Plan,
    stop: &Stop,
) {
    let (url, now) = database;
    let Ok(tables) = plan.compared_tables(&source.1.catalog) else { return };
    for relation in tables {
        let name = &relation.name;
        let content = |evidence: &'_ Evidence| evidence.scans.tables.get(name)?.content.read().cloned();
        let (Some(was), Some(is)) = (content(source.1), content(now)) else { continue };
        let comparable = was.method == METHOD && is.method == METHOD && was.columns == is.columns;
        if !comparable || was.key != is.key || (was.rows, was.fingerprint) == (is.rows, is.fingerprint) {
            continue;
        }
        let located = {
            let sides = [Live { url: source.0, evidence: source.1 }, Live { url, evidence: now }];
            let locator = Locator { sides, limits: &plan.limits, stop, values: false };
            let known = [source.1, now].map(|evidence| evidence.sketched.get(name));
            let known = match known {
                [Some(was), Some(is)] => was.minus(is).map(crate::content::Sketch::peel),
                _ => None,
            };
            let known = known.filter(|known| known.whole).map(|known| known.rows);
            let table = Located { name, contents: [&was, &is], known: known.as_deref() };
            let mut keeper = Keeper::new(&was);
            match Box::pin(locator.locate(&table, &mut keeper)).await {
                Ok(passing) => Some(keeper.finish(passing)),
                Err(error) => {
                    tracing::warn!(table = %name, kind = %error.kind(), "the rows that differ were not read again");
                    None
                }
            }
        };
        if let Some(located) = located {
            now.scans.located.insert(name.clone(), located);
        }
    }
}

/// Keeps what is found of one table.
struct Keeper<'c> {
    content: &'c Content,
    form: KeyForm,
    rows: LocatedRows,
    columns: std::collections::BTreeMap<usize, u64>,
}

impl<'c> Keeper<'c> {
    fn new(content: &'c Content) -> Self {
        let form = KeyForm::named(&content.columns, &content.key);
        Self { content, form, rows: LocatedRows::default(), columns: std::collections::BTreeMap::new() }
    }

    fn finish(mut self, passing: Passing) -> LocatedRows {
        self.rows.settled = passing.settled;
        self.rows.in_motion = passing.in_motion;
        for (at, rows) in self.columns {
            let column = self.content.columns[at].name.clone();
            self.rows.changed_columns.push(ChangedColumn { column, rows });
        }
        self.rows.changed_columns.sort_by_key(|column| std::cmp::Reverse(column.rows));
        self.rows
    }
}

impl Sink for Keeper<'_> {
    fn row(&mut self, row: FoundRow) -> Result<()> {
        let (total, keys): (&mut u64, &mut RowKeys) = match row.change {
            RowChange::OnlyInA => (&mut self.rows.missing, &mut self.rows.missing_keys),
            RowChange::OnlyInB => (&mut self.rows.extra, &mut self.rows.extra_keys),
            RowChange::Changed => (&mut self.rows.changed, &mut self.rows.changed_keys),
        };
        *total += row.times;
        if let Some(key) = row.key
            && keys.rows.len() < SAMPLE
        {
            keys.columns.clone_from(&self.content.key);
            keys.rows.push(self.form.masked(&key));
        }
        for at in row.columns {
            *self.columns.entry(at).or_default() += 1;
        }
        Ok(())
    }
}
