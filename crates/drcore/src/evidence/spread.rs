//! How the rows of a table are spread over tenants and hours: what tells for whom rows were lost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, HourRows, TenantRows};
use crate::sql::QualifiedName;
use crate::text::{count, masked, plural};

/// How the rows of a table are spread over tenants and hours: two bounded lists, never their product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Spread")]
#[non_exhaustive]
pub struct Spread {
    /// The column that says which tenant a row belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_column: Option<String>,
    /// How many rows each tenant has: the thousand with the most. One of more than a hundred characters is
    /// masked: `a lo…(8f3a)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRows>,
    /// How many tenants there are; rows of none count as one.
    #[serde(default)]
    pub tenants_total: u64,
    /// The column that says when a row was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_column: Option<String>,
    /// How many rows each hour has: the newest two thousand hours that have any, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HourRows>,
    /// How many hours have any.
    #[serde(default)]
    pub hours_total: u64,
    /// How many rows do not say when they were created, or not between the years 1 and 9998.
    #[serde(default)]
    pub undated: u64,
}

impl Spread {
    /// Tenants that are listed, at most.
    pub(crate) const TENANTS: usize = 1_000;
    /// Hours that are listed, at most.
    pub(crate) const HOURS: usize = 2_000;

    /// Characters of a tenant that is kept as it is, at most.
    const LONGEST: usize = 100;

    /// In the order in which they are listed, and no more than that.
    pub(crate) fn settle(&mut self) {
        // As the server sorts: by bytes, and NULL last.
        self.tenants.sort_by(|a, b| {
            (Reverse(a.rows), a.tenant.is_none(), &a.tenant).cmp(&(
                Reverse(b.rows),
                b.tenant.is_none(),
                &b.tenant,
            ))
        });
        self.tenants.truncate(Self::TENANTS);
        for tenant in self.tenants.iter_mut().filter_map(|tenant| tenant.tenant.as_mut()) {
            if tenant.chars().count() > Self::LONGEST {
                *tenant = masked(tenant);
            }
        }
        self.hours.sort_by_key(|hour| hour.hour);
        self.hours.drain(..self.hours.len().saturating_sub(Self::HOURS));
    }

    fn has_all_tenants(&self) -> bool {
        self.tenants.len() as u64 == self.tenants_total
    }

    fn has_all_hours(&self) -> bool {
        self.hours.len() as u64 == self.hours_total
    }

    /// From when on every hour is listed; none where all are.
    fn hours_from(&self) -> Option<Timestamp> {
        if self.has_all_hours() { None } else { self.hours.first().map(|hour| hour.hour) }
    }
}

/// Whose rows are fewer or more than they were, and of when: the most affected first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Affected")]
#[non_exhaustive]
pub struct Affected {
    /// Tenants with fewer or more rows than they had: the twenty with the largest difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantChange>,
    /// How many tenants have fewer or more rows than they had, of those of which it is known.
    #[serde(default)]
    pub tenants_total: u64,
    /// Hours with fewer or more rows than they had: the twenty with the largest difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HourChange>,
    /// How many hours have fewer or more rows than they had, of those of which it is known.
    #[serde(default)]
    pub hours_total: u64,
    /// Whether the lists that were compared are whole; else there may be more tenants and hours than these.
    pub whole: bool,
}

/// How many rows a tenant has, and had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TenantChange")]
#[non_exhaustive]
pub struct TenantChange {
    /// The tenant; none for rows that belong to none.
    pub tenant: Option<String>,
    /// How many rows there are.
    pub rows: u64,
    /// How many rows there were.
    pub were: u64,
}

/// How many rows are of an hour, and were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "HourChange")]
#[non_exhaustive]
pub struct HourChange {
    /// Its beginning, in UTC.
    pub hour: Timestamp,
    /// How many rows there are.
    pub rows: u64,
    /// How many rows there were.
    pub were: u64,
}

impl Affected {
    /// Changes that are listed, at most.
    const LISTED: usize = 20;
    /// Changes that a message names, at most.
    const NAMED: usize = 3;

    /// What is known from both lists; none where there is nothing to tell.
    ///
    /// Who is in a list that was cut is compared; who is not in it may have been cut off.
    pub(crate) fn between(now: &Spread, then: &Spread) -> Option<Self> {
        let mut affected = Self { whole: true, ..Self::default() };
        if now.tenant_column.is_some() && now.tenant_column == then.tenant_column {
            let of = |spread: &Spread| -> BTreeMap<Option<String>, u64> {
                spread.tenants.iter().map(|tenant| (tenant.tenant.clone(), tenant.rows)).collect()
            };
            affected.whole &= now.has_all_tenants() && then.has_all_tenants();
            let changes = changes(&of(now), &of(then), now.has_all_tenants(), then.has_all_tenants());
            affected.tenants_total = changes.len() as u64;
            affected.tenants = changes
                .into_iter()
                .take(Self::LISTED)
                .map(|(tenant, rows, were)| TenantChange { tenant, rows, were })
                .collect();
        }
        if now.hour_column.is_some() && now.hour_column == then.hour_column {
            let from = now.hours_from().max(then.hours_from());
            let of = |spread: &Spread| -> BTreeMap<Timestamp, u64> {
                let hours = spread.hours.iter().filter(|hour| from.is_none_or(|from| hour.hour >= from));
                hours.map(|hour| (hour.hour, hour.rows)).collect()
            };
            affected.whole &= from.is_none();
            // From there on both are whole.
            let changes = changes(&of(now), &of(then), true, true);
            affected.hours_total = changes.len() as u64;
            affected.hours = changes
                .into_iter()
                .take(Self::LISTED)
                .map(|(hour, rows, were)| HourChange { hour, rows, were })
                .collect();
        }
        (affected.tenants_total + affected.hours_total > 0).then_some(affected)
    }

    /// `; of 3 tenants: acme −10, beta −2, gamma +1; of 1 hour: 2026-11-20T02:00Z −11`.
    pub(crate) fn clause(&self) -> String {
        let tenants = self.tenants.iter().map(|change| {
            (change.tenant.as_deref().map_or_else(|| "none".to_owned(), said), change.rows, change.were)
        });
        let hours = self
            .hours
            .iter()
            .map(|change| (change.hour.strftime("%Y-%m-%dT%H:%MZ").to_string(), change.rows, change.were));
        list("tenant", self.tenants_total, tenants) + &list("hour", self.hours_total, hours)
    }
}

impl Evidence {
    /// Whose rows of a table are fewer or more than they were; none where it is not known.
    pub(crate) fn affected(&self, then: &Self, table: &QualifiedName) -> Option<Affected> {
        let spread = |evidence: &'_ Self| -> Option<Spread> {
            evidence.scans.tables.get(table)?.spread.read().cloned()
        };
        Affected::between(&spread(self)?, &spread(then)?)
    }
}

/// As a sentence can hold it: short, and in one line.
fn said(tenant: &str) -> String {
    let is_plain =
        tenant.chars().count() <= 40 && !tenant.chars().any(char::is_control) && !tenant.is_empty();
    if is_plain { tenant.to_owned() } else { masked(tenant).replace(char::is_control, "?") }
}

fn list(what: &str, total: u64, changes: impl Iterator<Item = (String, u64, u64)>) -> String {
    if total == 0 {
        return String::new();
    }
    let named: Vec<String> = changes
        .take(Affected::NAMED)
        .map(|(name, rows, were)| {
            let sign = if rows < were { '−' } else { '+' };
            format!("{name} {sign}{}", count(rows.abs_diff(were)))
        })
        .collect();
    let rest = if total > named.len() as u64 { ", …" } else { "" };
    format!("; of {}: {}{rest}", plural(total, what), named.join(", "))
}

/// What differs, with how many there are and were, the largest difference first.
fn changes<K: Clone + Ord>(
    now: &BTreeMap<K, u64>,
    then: &BTreeMap<K, u64>,
    now_is_whole: bool,
    then_is_whole: bool,
) -> Vec<(K, u64, u64)> {
    let all: BTreeSet<&K> = now.keys().chain(then.keys()).collect();
    let mut changes: Vec<(K, u64, u64)> = all
        .into_iter()
        .filter_map(|key| {
            let rows = now.get(key).copied().or(now_is_whole.then_some(0))?;
            let were = then.get(key).copied().or(then_is_whole.then_some(0))?;
            (rows != were).then(|| (key.clone(), rows, were))
        })
        .collect();
    changes.sort_by_key(|(_, rows, were)| Reverse(rows.abs_diff(*were)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(tenants: &[(&str, u64)], total: u64, hours: &[(i64, u64)], hours_total: u64) -> Spread {
        let mut spread = Spread {
            tenant_column: Some("tenant_id".to_owned()),
            tenants: tenants
                .iter()
                .map(|(tenant, rows)| TenantRows::new(Some((*tenant).to_owned()), *rows))
                .collect(),
            tenants_total: total,
            hour_column: Some("created_at".to_owned()),
            hours: hours
                .iter()
                .map(|(hour, rows)| HourRows::new(Timestamp::from_second(hour * 3_600).unwrap(), *rows))
                .collect(),
            hours_total,
            undated: 0,
        };
        spread.settle();
        spread
    }

    #[test]
    fn who_lost_most_comes_first() {
        let then = spread(&[("a", 10), ("b", 5), ("c", 1)], 3, &[(0, 8), (1, 8)], 2);
        let now = spread(&[("a", 9), ("c", 1), ("d", 2)], 3, &[(0, 8), (1, 3), (2, 1)], 3);
        let affected = Affected::between(&now, &then).unwrap();
        assert_eq!(
            affected.clause(),
            "; of 3 tenants: b −5, d +2, a −1; of 2 hours: 1970-01-01T01:00Z −5, 1970-01-01T02:00Z +1"
        );
        assert!(affected.whole);
        assert_eq!(Affected::between(&then, &then), None);
        let odd =
            spread(&[("two\nlines of it", 1), (&"long".repeat(20), 2), (&"longer".repeat(20), 3)], 3, &[], 0);
        let clause = Affected::between(&odd, &spread(&[], 0, &[], 0)).unwrap().clause();
        assert!(!clause.contains('\n') && clause.len() < 90, "{clause}");
        assert!(clause.contains("…("), "{clause}");
        let other = Spread { tenant_column: Some("org".to_owned()), hour_column: None, ..then.clone() };
        assert_eq!(Affected::between(&now, &other), None);
    }

    #[test]
    fn who_was_cut_off_is_not_taken_for_lost() {
        let then = spread(&[("a", 10), ("b", 5)], 3, &[(5, 1), (6, 1)], 9);
        let now = spread(&[("a", 10), ("c", 6)], 3, &[(4, 7), (5, 1), (6, 1)], 9);
        // Of b and c nobody knows; nor of hours before 5.
        assert_eq!(Affected::between(&now, &then), None);
        let now = spread(&[("a", 9), ("c", 6)], 2, &[(4, 7), (6, 1)], 2);
        let affected = Affected::between(&now, &then).unwrap();
        let tenants: Vec<_> = affected
            .tenants
            .iter()
            .map(|change| (change.tenant.as_deref(), change.rows, change.were))
            .collect();
        assert_eq!(tenants, [(Some("b"), 0, 5), (Some("a"), 9, 10)]);
        assert_eq!((affected.hours_total, affected.hours[0].rows, affected.whole), (1, 0, false));
    }
}
