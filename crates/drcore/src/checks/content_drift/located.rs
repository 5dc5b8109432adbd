//! Which rows differ, read off the sketches of both sides.

use std::collections::BTreeMap;

use crate::content::{Content, Difference, Key, KeyForm};
use crate::diff::ChangedColumn;
use crate::evidence::{Evidence, LocatedRows, RowKeys};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::{count, plural};

/// Keys of each sort that a finding keeps.
const SAMPLE: usize = 20;
/// Keys that a hint shows.
const SHOWN: usize = 3;

/// Which rows differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) numbers: Numbers,
    pub(super) missing: RowKeys,
    pub(super) extra: RowKeys,
    pub(super) changed: RowKeys,
    /// Conditions that pick rows of the sample that are there, where their keys may be shown.
    there: Vec<String>,
    /// The columns in which changed rows differ, where a live source was at hand.
    pub(super) columns: Vec<ChangedColumn>,
}

/// How many rows differ, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) missing: u64,
    pub(super) extra: u64,
    pub(super) changed: u64,
}

impl Located {
    /// What was read again of a live source and this database.
    pub(super) fn again(rows: &LocatedRows, was: &Content) -> Self {
        let LocatedRows { missing, extra, changed, .. } = *rows;
        let form = KeyForm::named(&was.columns, &was.key);
        let there = rows.changed_keys.rows.iter().chain(&rows.extra_keys.rows).take(SAMPLE);
        let there = there.filter(|_| form.is_plain()).filter_map(|key| {
            let equal = was.key.iter().zip(key);
            let equal: Option<Vec<String>> = equal
                .map(|(column, value)| Some(format!("{} = {}", ident(column), literal(value.as_ref()?))))
                .collect();
            Some(equal?.join(" and "))
        });
        Self {
            numbers: Numbers { missing, extra, changed },
            missing: rows.missing_keys.clone(),
            extra: rows.extra_keys.clone(),
            changed: rows.changed_keys.clone(),
            there: there.collect(),
            columns: rows.changed_columns.clone(),
        }
    }

    /// Takes the baseline's rows out of those that are there.
    ///
    /// # Errors
    /// Why they cannot be told apart, for people.
    pub(super) fn find(
        now: &Evidence,
        then: &Evidence,
        name: &QualifiedName,
        was: &Content,
    ) -> Result<Self, String> {
        let sketch = |evidence: &'_ Evidence, side: &str| {
            evidence.sketched.lost(name).map_or_else(
                || format!("{side} holds no sketch of the table"),
                |why| format!("{side} holds no sketch of the table ({why})"),
            )
        };
        let before = then.sketched.get(name).ok_or_else(|| sketch(then, "the baseline"))?;
        let after = now.sketched.get(name).ok_or_else(|| sketch(now, "what was collected"))?;
        let difference = after.minus(before).ok_or("the key is another than in the baseline")?;
        let capacity = difference.capacity();
        let found = difference.peel();
        if !found.whole {
            return Err(format!(
                "there are more than the {} differences that the baseline can tell apart",
                count(capacity)
            ));
        }
        Ok(Self::of(&found.rows, was))
    }

    fn of(rows: &[Difference], was: &Content) -> Self {
        let form = KeyForm::named(&was.columns, &was.key);
        let mut located = Self::default();
        // By key: a row that is missing and another that is there instead is one that changed.
        let mut keys: BTreeMap<&[u8], (u64, u64)> = BTreeMap::new();
        for row in rows {
            let times = row.count.unsigned_abs();
            match &row.key {
                Some(key) => {
                    let (missing, extra) = keys.entry(key.as_slice()).or_default();
                    *(if row.count < 0 { missing } else { extra }) += times;
                }
                None if row.count < 0 => located.numbers.missing += times,
                None => located.numbers.extra += times,
            }
        }
        for keys in [&mut located.missing, &mut located.extra, &mut located.changed] {
            keys.columns.clone_from(&was.key);
        }
        for (key, (missing, extra)) in keys {
            let changed = missing.min(extra);
            let key = form.decode(key);
            located.numbers.changed += changed;
            located.numbers.missing += missing - changed;
            located.numbers.extra += extra - changed;
            let Some(key) = key else { continue };
            let shown = form.shown(&key);
            for (times, sample) in [
                (missing - changed, &mut located.missing),
                (extra - changed, &mut located.extra),
                (changed, &mut located.changed),
            ] {
                if times > 0 && sample.rows.len() < SAMPLE {
                    sample.rows.push(shown.clone());
                }
            }
            if extra > 0
                && located.there.len() < SAMPLE
                && form.is_plain()
                && let Key::Values(values) = &key
            {
                let equal = was.key.iter().zip(values);
                let equal: Vec<String> =
                    equal.map(|(column, value)| format!("{} = {}", ident(column), literal(value))).collect();
                located.there.push(equal.join(" and "));
            }
        }
        for keys in [&mut located.missing, &mut located.extra, &mut located.changed] {
            if keys.rows.is_empty() {
                keys.columns.clear();
            }
        }
        located
    }

    /// `2 rows changed, 25 missing (10,000, were 10,025)`.
    pub(super) fn message(&self, now: &Content, was: &Content) -> String {
        let Numbers { missing, extra, changed } = self.numbers;
        let mut parts = Vec::new();
        for (number, what) in [(missing, "missing"), (changed, "changed"), (extra, "more")] {
            if number > 0 {
                let number = if parts.is_empty() { plural(number, "row") } else { count(number) };
                parts.push(format!("{number} {what}"));
            }
        }
        let rows = if now.rows == was.rows {
            count(now.rows)
        } else {
            format!("{}, were {}", count(now.rows), count(was.rows))
        };
        format!("{} ({rows})", parts.join(", "))
    }

    /// Which ones.
    pub(super) fn hint(&self) -> Option<String> {
        let sorts = [("missing", &self.missing), ("changed", &self.changed), ("more", &self.extra)];
        let mut parts: Vec<String> = sorts
            .into_iter()
            .filter(|(_, keys)| !keys.rows.is_empty())
            .map(|(what, keys)| {
                let shown: Vec<String> = keys
                    .rows
                    .iter()
                    .take(SHOWN)
                    .map(|row| {
                        let values: Vec<&str> =
                            row.iter().map(|value| value.as_deref().unwrap_or("…")).collect();
                        values.join("/")
                    })
                    .collect();
                format!("{what}, e.g. {} {}", keys.columns.join("/"), shown.join(", "))
            })
            .collect();
        if !self.columns.is_empty() {
            let shown = self.columns.iter().take(SHOWN);
            let shown: Vec<String> =
                shown.map(|column| format!("{} ({})", ident(&column.column), count(column.rows))).collect();
            let more = self.columns.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("columns that differ: {}{more}", shown.join(", ")));
        }
        (!parts.is_empty()).then(|| parts.join(" · "))
    }

    /// Shows the rows of the sample that are there.
    pub(super) fn query(&self, name: &QualifiedName) -> Option<String> {
        (!self.there.is_empty()).then(|| format!("select * from {name} where {}", self.there.join(" or ")))
    }
}
