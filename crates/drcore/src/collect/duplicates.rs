//! How duplicates of keys are counted, and who they are.

use std::collections::BTreeMap;

use super::answer::{not_understood, number};
use super::job::{KeyColumn, SAMPLE, TENANTS};
use crate::connect::Rows;
use crate::evidence::catalog::Catalog;
use crate::evidence::{Cause, DuplicateSample, Duplicates, Fact, RowKeys, Scans};
use crate::sql::{QualifiedName, quote, quote_list};
use crate::unique::{HEAP_ONLY, UniqueKey};

/// All keys of one table, in one statement, which fails as a whole where one of them cannot be read.
#[derive(Clone, Debug)]
pub(super) struct CountDuplicates {
    pub(super) table: QualifiedName,
    pub(super) keys: Vec<UniqueKey>,
}

/// Which values of a key stand in several rows.
#[derive(Clone, Debug)]
pub(super) struct SampleDuplicates {
    pub(super) key: UniqueKey,
    /// How its parts are shown.
    shown: Vec<KeyColumn>,
    tenant: Option<String>,
}

impl CountDuplicates {
    pub(super) fn sql(&self) -> String {
        let counts: Vec<String> =
            self.keys.iter().enumerate().map(|(at, key)| key.duplicates_sql(at)).collect();
        counts.join("\nunion all\n") + "\norder by 1"
    }

    pub(super) fn settings(&self) -> Vec<String> {
        settings(&self.table, self.keys.iter().any(UniqueKey::is_computed))
    }

    /// Each key by itself.
    pub(super) fn split(&self) -> Vec<Self> {
        if self.keys.len() < 2 {
            return Vec::new();
        }
        self.keys.iter().map(|key| Self { table: self.table.clone(), keys: vec![key.clone()] }).collect()
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, scans: &mut Scans) {
        let counts = answer.and_then(|rows| self.understand(&rows));
        for (at, key) in self.keys.iter().enumerate() {
            let fact = match &counts {
                Ok(counts) => Fact::Read(counts[at].clone()),
                Err(cause) => Fact::Unread(cause.clone()),
            };
            scans.duplicates.insert(key.key(), fact);
        }
    }

    /// `number, keys, rows`, one for each key.
    fn understand(&self, rows: &Rows) -> Result<Vec<Duplicates>, Cause> {
        let counts = rows.iter().enumerate().map(|(at, row)| match row.as_slice() {
            [place, keys, rows] if number::<usize>(place.as_deref())? == at => {
                Ok(Duplicates::new(number(keys.as_deref())?, number(rows.as_deref())?))
            }
            _ => Err(not_understood()),
        });
        let counts = counts.collect::<Result<Vec<_>, Cause>>()?;
        if counts.len() == self.keys.len() { Ok(counts) } else { Err(not_understood()) }
    }
}

impl SampleDuplicates {
    pub(super) fn new(key: UniqueKey, tenant: Option<String>, catalog: &Catalog) -> Self {
        let shown = key.parts.iter().map(|part| match &part.column {
            Some(column) => KeyColumn::of(&key.table, column, catalog),
            None => KeyColumn { name: part.label(), plain: false },
        });
        Self { shown: shown.collect(), key, tenant }
    }

    pub(super) fn settings(&self) -> Vec<String> {
        settings(&self.key.table, self.key.is_computed())
    }

    /// Rows of `(what, values…)`: how many rows are copies in every column, some keys, and the tenants.
    pub(super) fn sql(&self) -> String {
        let aliases = self.key.aliases();
        let mut further: Vec<String> = self
            .tenant
            .iter()
            .map(|tenant| format!("{}::pg_catalog.text as tenant", quote(tenant)))
            .collect();
        further.extend(["tableoid as place".to_owned(), "ctid as line".to_owned()]);
        let keys: Vec<String> = aliases.iter().map(|alias| format!("{alias}::pg_catalog.text")).collect();
        let mut parts = vec![
            format!(
                "select 'identical', array[coalesce(pg_catalog.sum(i.copies \
                   operator(pg_catalog.-) 1), 0)::pg_catalog.text] from (\n\
                   select pg_catalog.count(*) as copies from copy w join {} c \
                   on c.ctid operator(pg_catalog.=) w.line and c.tableoid operator(pg_catalog.=) w.place\n\
                   group by pg_catalog.sha256(pg_catalog.textsend((c.*)::pg_catalog.text))\n) i",
                self.key.table_sql()
            ),
            format!(
                "(select 'key', array[{keys}] from copy where number operator(pg_catalog.=) 1 \
                 order by copies desc, {keys} limit {SAMPLE})",
                keys = keys.join(", ")
            ),
        ];
        if self.tenant.is_some() {
            let surplus = "from copy where number operator(pg_catalog.>) 1";
            parts.push(format!(
                "select 'tenants', array[pg_catalog.count(distinct tenant)::pg_catalog.text] {surplus}"
            ));
            parts.push(format!(
                "(select 'tenant', array[tenant, pg_catalog.count(*)::pg_catalog.text] \
                 {surplus} and tenant is not null \
                 group by tenant order by pg_catalog.count(*) desc, tenant limit {TENANTS})"
            ));
        }
        // As JSON, because an array of text has no simple form.
        format!(
            "with copy as materialized (\n\
               select q.* from (\n\
                 select r.*, pg_catalog.count(*) over w as copies, \
                   pg_catalog.row_number() over (w order by place, line) as number\n\
                 from ({}) r\n\
                 where {}\n\
                 window w as (partition by {})\n\
               ) q where q.copies operator(pg_catalog.>) 1\n\
             )\n\
             select w.what, pg_catalog.to_json(w.cells)::pg_catalog.text from (\n{}\n) w (what, cells)",
            self.key.rows_sql(&further),
            self.key.comparable_sql(),
            aliases.join(", "),
            parts.join("\nunion all\n")
        )
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, scans: &mut Scans) {
        let fact = answer.and_then(|rows| self.understand(rows));
        scans.duplicate_samples.insert(self.key.key(), fact.into());
    }

    fn understand(&self, rows: Rows) -> Result<DuplicateSample, Cause> {
        let columns = self.shown.iter().map(|column| column.name.clone()).collect();
        let mut sample = DuplicateSample {
            keys: RowKeys { columns, rows: Vec::new() },
            identical: 0,
            tenants: BTreeMap::new(),
            tenants_total: None,
        };
        for row in rows {
            let [Some(what), Some(cells)] = row.as_slice() else { return Err(not_understood()) };
            let cells: Vec<Option<String>> = serde_json::from_str(cells).map_err(|_| not_understood())?;
            match (what.as_str(), cells.as_slice()) {
                ("identical", [Some(count)]) => sample.identical = number(Some(count))?,
                ("tenants", [Some(count)]) => sample.tenants_total = Some(number(Some(count))?),
                ("tenant", [Some(tenant), Some(count)]) => {
                    sample.tenants.insert(tenant.clone(), number(Some(count))?);
                }
                ("key", cells) if cells.len() == self.shown.len() => {
                    let shown = self.shown.iter().zip(cells);
                    sample.keys.rows.push(shown.map(|(column, cell)| column.show(cell.as_deref())).collect());
                }
                _ => return Err(not_understood()),
            }
        }
        Ok(sample)
    }
}

/// What holds for one statement: the table itself is read, and the user's own expressions find what they name
/// without a schema, as they do while the application runs.
fn settings(table: &QualifiedName, computed: bool) -> Vec<String> {
    let mut settings: Vec<String> = HEAP_ONLY.iter().map(|&setting| setting.to_owned()).collect();
    if computed {
        let path = quote_list(&[table.schema.as_str(), "public", "extensions"]);
        settings.push(format!("set local search_path = {path}"));
    }
    settings
}
