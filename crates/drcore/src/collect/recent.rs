//! Counting what was created after an instant: one scan of the table, two bounded lists.

use jiff::Timestamp;

use super::answer::{not_understood, number};
use crate::connect::Rows;
use crate::evidence::{Cause, HourRows, Recent, TenantRows};
use crate::sql::{QualifiedName, literal, quote};

/// Tenants that are listed, the largest first.
const TENANTS: usize = 1_000;
/// Hours that are listed, the earliest first.
const HOURS: usize = 2_000;

/// What is counted.
#[derive(Clone, Debug)]
pub(super) struct RecentRows {
    pub(super) table: QualifiedName,
    /// As in a `from` clause.
    pub(super) from: String,
    pub(super) column: String,
    pub(super) since: Timestamp,
    pub(super) tenant: Option<String>,
    /// Whether the column has no time zone, and is taken as UTC.
    pub(super) zoneless: bool,
}

impl RecentRows {
    /// The rows of the window are read once and kept; both lists are made of them. Never tenant × hour:
    /// over a long window that product has more groups than rows are worth.
    pub(super) fn sql(&self) -> String {
        let column = format!("c.{}", quote(&self.column));
        let since = format!("{}::pg_catalog.timestamptz", literal(&self.since.to_string()));
        // The session's time zone is UTC.
        let since = if self.zoneless { format!("{since}::pg_catalog.timestamp") } else { since };
        let tenant = self
            .tenant
            .as_ref()
            .map_or_else(|| "null::pg_catalog.text".to_owned(), |tenant| format!("c.{}", quote(tenant)));
        let mut sql = format!(
            "with w as materialized (\n  \
               select {tenant} as tenant, \
                 pg_catalog.floor(pg_catalog.date_part('epoch', {column}) / 3600)::pg_catalog.int8 as hour\n  \
               from {} c\n  \
               where ({column} > {since} and pg_catalog.isfinite({column})) or {column} is null\n\
             ),\n\
             h as materialized (select w.hour, pg_catalog.count(*) as n from w group by w.hour),\n\
             t as materialized (\n  \
               select w.tenant::pg_catalog.text as tenant, pg_catalog.count(*) as n from w\n  \
               where w.hour is not null and {} group by w.tenant\n\
             )\n\
             select 'rows', null, coalesce(pg_catalog.sum(h.n), 0)::pg_catalog.text from h where h.hour is not null\n\
             union all select 'undated', null, coalesce(pg_catalog.sum(h.n), 0)::pg_catalog.text from h where h.hour is null\n\
             union all select 'hours', null, pg_catalog.count(*)::pg_catalog.text from h where h.hour is not null\n\
             union all select 'tenants', null, pg_catalog.count(t.tenant)::pg_catalog.text from t",
            self.from,
            self.tenant.is_some(),
        );
        sql.push_str(&format!(
            "\nunion all (select 'hour', h.hour::pg_catalog.text, h.n::pg_catalog.text from h \
             where h.hour is not null order by h.hour limit {HOURS})\n\
             union all (select 'tenant', t.tenant, t.n::pg_catalog.text from t order by t.n desc, t.tenant limit {TENANTS})"
        ));
        sql
    }
}

/// Rows of `what, key, count`.
pub(super) fn understand(rows: &Rows) -> Result<Recent, Cause> {
    let mut recent = Recent::default();
    for row in rows {
        let [Some(what), key, count] = row.as_slice() else { return Err(not_understood()) };
        let count = number(count.as_deref())?;
        match what.as_str() {
            "rows" => recent.rows = count,
            "undated" => recent.undated = count,
            "hours" => recent.hours_total = count,
            "tenants" => recent.tenants_total = count,
            "hour" => {
                let hour: i64 = number(key.as_deref())?;
                let hour = hour.checked_mul(3_600).and_then(|second| Timestamp::from_second(second).ok());
                recent.hours.push(HourRows::new(hour.ok_or_else(not_understood)?, count));
            }
            "tenant" => recent.tenants.push(TenantRows::new(key.clone(), count)),
            _ => return Err(not_understood()),
        }
    }
    // The totals come in every answer, so one that lacks them is none.
    if rows.len() < 4 { Err(not_understood()) } else { Ok(recent) }
}
