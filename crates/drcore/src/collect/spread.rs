//! Counting the rows of a table per tenant and per hour by SQL: one scan, two bounded lists.

use jiff::Timestamp;

use super::answer::{not_understood, number};
use crate::connect::Rows;
use crate::evidence::{Cause, HourRows, Spread, TenantRows};
use crate::sql::{QualifiedName, quote};

/// What is counted.
#[derive(Clone, Debug)]
pub(super) struct SpreadRows {
    pub(super) table: QualifiedName,
    /// As in a `from` clause.
    pub(super) from: String,
    pub(super) tenant: Option<String>,
    pub(super) hour: Option<String>,
}

impl SpreadRows {
    /// Two groupings in one scan. Tenants are told apart by their bytes, whatever the column's collation.
    pub(super) fn sql(&self) -> String {
        let tenant = match &self.tenant {
            Some(tenant) => format!("(c.{}::pg_catalog.text) collate pg_catalog.\"C\"", quote(tenant)),
            None => "null::pg_catalog.text".to_owned(),
        };
        let hour = match &self.hour {
            // Cut to hours before it becomes a number, which is less exact. The session's time zone is UTC.
            Some(hour) => {
                let hour = format!("c.{}", quote(hour));
                // A date may be later than any instant: it is compared as what it is.
                format!(
                    "case when {hour} >= '0001-01-01' and {hour} < '9999-01-01' then (pg_catalog.date_part('epoch', \
                     pg_catalog.date_trunc('hour', {hour}::pg_catalog.timestamptz)) / 3600)::pg_catalog.int8 end"
                )
            }
            None => "null::pg_catalog.int8".to_owned(),
        };
        let (tenants, hours) = (Spread::TENANTS, Spread::HOURS);
        format!(
            "with g as materialized (\n  \
               select grouping(s.tenant) as of_hour, s.tenant, s.hour, pg_catalog.count(*) as n\n  \
               from (select {tenant} as tenant, {hour} as hour from {} c) s\n  \
               group by grouping sets ((s.tenant), (s.hour))\n\
             )\n\
             select 'tenants', null, pg_catalog.count(*)::pg_catalog.text from g where g.of_hour = 0\n\
             union all select 'hours', null, pg_catalog.count(*)::pg_catalog.text from g \
             where g.of_hour = 1 and g.hour is not null\n\
             union all select 'undated', null, coalesce(pg_catalog.sum(g.n), 0)::pg_catalog.text from g \
             where g.of_hour = 1 and g.hour is null\n\
             union all (select 'tenant', g.tenant, g.n::pg_catalog.text from g \
             where g.of_hour = 0 order by g.n desc, g.tenant limit {tenants})\n\
             union all (select 'hour', g.hour::pg_catalog.text, g.n::pg_catalog.text from g \
             where g.of_hour = 1 and g.hour is not null order by g.hour desc limit {hours})",
            self.from
        )
    }

    /// Rows of `what, key, count`.
    pub(super) fn understand(&self, rows: &Rows) -> Result<Spread, Cause> {
        let mut spread = Spread::default();
        let mut totals = 0;
        for row in rows {
            let [Some(what), key, rows] = row.as_slice() else { return Err(not_understood()) };
            let rows = number(rows.as_deref())?;
            let total = match what.as_str() {
                "tenants" => &mut spread.tenants_total,
                "hours" => &mut spread.hours_total,
                "undated" => &mut spread.undated,
                "hour" => {
                    let hour: i64 = number(key.as_deref())?;
                    let hour = hour.checked_mul(3_600).and_then(|second| Timestamp::from_second(second).ok());
                    spread.hours.push(HourRows::new(hour.ok_or_else(not_understood)?, rows));
                    continue;
                }
                "tenant" => {
                    spread.tenants.push(TenantRows::new(key.clone(), rows));
                    continue;
                }
                _ => return Err(not_understood()),
            };
            *total = rows;
            totals += 1;
        }
        // The totals come in every answer, so one that lacks them is none.
        if totals != 3 {
            return Err(not_understood());
        }
        // A list that nobody asked for is all NULL.
        if self.tenant.is_none() {
            (spread.tenants, spread.tenants_total) = (Vec::new(), 0);
        }
        if self.hour.is_none() {
            spread.undated = 0;
        }
        spread.tenant_column.clone_from(&self.tenant);
        spread.hour_column.clone_from(&self.hour);
        spread.settle();
        Ok(spread)
    }
}
