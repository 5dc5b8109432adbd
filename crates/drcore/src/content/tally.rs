//! Counting rows per tenant and per hour, in the pass over a table that its content comes from.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::evidence::{HourRows, Spread, TenantRows};

/// Tenants, or hours, that are counted at most: beyond, memory would depend on the data.
const MOST: usize = 100_000;
/// Bytes of all tenants together, at most.
const BYTES: usize = 16 << 20;
/// Hours from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH: i64 = 262_968;
const MICROSECONDS: i64 = 3_600_000_000;
/// The years 1 to 9998, in days since 2000-01-01: what instants are taken from.
const DAYS: std::ops::Range<i64> = -730_119..2_921_575;

/// Whether tenants can be counted here by columns of this form: their text follows from their bytes.
pub(crate) fn has_tenants(form: &str) -> bool {
    matches!(form, "int2" | "int4" | "int8" | "text" | "uuid" | "varchar")
}

/// Whether hours can be counted here by columns of this form.
pub(crate) fn has_hours(form: &str) -> bool {
    matches!(form, "date" | "timestamp" | "timestamptz")
}

/// How many rows each tenant and each hour has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The place of the tenant's column, and the name of its form.
    tenant: Option<(usize, &'static str)>,
    hour: Option<(usize, &'static str)>,
    tenants: HashMap<Option<Box<[u8]>>, u64>,
    bytes: usize,
    hours: BTreeMap<i64, u64>,
    undated: u64,
    /// There are more than can be counted, or what cannot be understood.
    overflowed: bool,
}

impl Tally {
    /// By columns in these places, of these forms.
    pub(crate) fn new(tenant: Option<(usize, &'static str)>, hour: Option<(usize, &'static str)>) -> Self {
        Self { tenant, hour, ..Self::default() }
    }

    /// Counts a row.
    pub(crate) fn see<'r>(&mut self, value: impl Fn(usize) -> Option<&'r [u8]>) {
        if self.overflowed {
            return;
        }
        if let Some((at, _)) = self.tenant {
            self.count(value(at).map(Box::from), 1);
        }
        if let Some((at, form)) = self.hour {
            match value(at).and_then(|value| hour(form, value)) {
                Some(hour) => *self.hours.entry(hour).or_default() += 1,
                None => self.undated += 1,
            }
        }
        self.limit();
    }

    /// Adds what another part of the same table came to.
    pub(crate) fn add(&mut self, other: Self) {
        self.overflowed |= other.overflowed;
        for (tenant, rows) in other.tenants {
            self.count(tenant, rows);
        }
        for (hour, rows) in other.hours {
            *self.hours.entry(hour).or_default() += rows;
        }
        self.undated += other.undated;
        self.limit();
    }

    fn count(&mut self, tenant: Option<Box<[u8]>>, rows: u64) {
        let length = tenant.as_ref().map_or(0, |tenant| tenant.len());
        match self.tenants.entry(tenant) {
            Entry::Occupied(mut counted) => *counted.get_mut() += rows,
            Entry::Vacant(first) => {
                first.insert(rows);
                self.bytes += length;
            }
        }
    }

    fn limit(&mut self) {
        let most = self.tenants.len().max(self.hours.len());
        if self.overflowed || most > MOST || self.bytes > BYTES {
            self.overflowed = true;
            self.tenants = HashMap::new();
            self.hours = BTreeMap::new();
        }
    }

    /// The lists, with the names of their columns; none where there were more than can be counted.
    pub(crate) fn spread(
        &self,
        tenant_column: Option<String>,
        hour_column: Option<String>,
    ) -> Option<Spread> {
        if self.overflowed {
            return None;
        }
        let mut spread = Spread {
            tenants_total: self.tenants.len() as u64,
            tenant_column,
            hour_column,
            hours_total: self.hours.len() as u64,
            undated: self.undated,
            ..Spread::default()
        };
        let form = self.tenant.map_or("", |(_, form)| form);
        for (tenant, rows) in &self.tenants {
            let tenant = match tenant {
                Some(bytes) => Some(text(form, bytes)?),
                None => None,
            };
            spread.tenants.push(TenantRows::new(tenant, *rows));
        }
        for (hour, rows) in &self.hours {
            spread.hours.push(HourRows::new(Timestamp::from_second(hour * 3_600).ok()?, *rows));
        }
        spread.settle();
        Some(spread)
    }
}

/// Hours since 1970; none for an instant that is none, or beyond all calendars.
fn hour(form: &str, value: &[u8]) -> Option<i64> {
    let hours = if form == "date" {
        i64::from(i32::from_be_bytes(value.try_into().ok()?)) * 24
    } else {
        i64::from_be_bytes(value.try_into().ok()?).div_euclid(MICROSECONDS)
    };
    DAYS.contains(&hours.div_euclid(24)).then_some(hours + EPOCH)
}

/// As the type's output function writes it; none where these are no bytes of the type.
pub(super) fn text(form: &str, bytes: &[u8]) -> Option<String> {
    Some(match form {
        "int2" => i16::from_be_bytes(bytes.try_into().ok()?).to_string(),
        "int4" => i32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        "int8" => i64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        "text" | "varchar" => std::str::from_utf8(bytes).ok()?.to_owned(),
        "uuid" => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let part = |range: std::ops::Range<usize>| digits.get(range);
            format!(
                "{}-{}-{}-{}-{}",
                part(0..8)?,
                part(8..12)?,
                part(12..16)?,
                part(16..20)?,
                part(20..32).filter(|_| digits.len() == 32)?
            )
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_can_be_counted_is_no_list() {
        let mut tally = Tally::new(Some((0, "int4")), None);
        for tenant in 0..=u32::try_from(MOST).unwrap() {
            let bytes = tenant.to_be_bytes();
            tally.see(|_| Some(&bytes));
        }
        assert_eq!(tally.spread(None, None), None);
        let mut long = Tally::new(Some((0, "text")), None);
        for tenant in 0..=u8::MAX {
            let bytes = vec![tenant; BYTES / 200];
            long.see(|_| Some(&bytes));
        }
        assert_eq!(long.spread(None, None), None, "nor is more than memory is set aside for");
        let mut fine = Tally::new(Some((0, "int4")), None);
        fine.see(|_| Some(&[0, 0, 0, 7]));
        assert_eq!(fine.spread(None, None).unwrap().tenants[0].tenant.as_deref(), Some("7"));
        fine.add(tally);
        assert_eq!(fine.spread(None, None), None);
    }

    #[test]
    fn hours_begin_where_they_should() {
        let at = |microseconds: i64| hour("timestamptz", &microseconds.to_be_bytes());
        assert_eq!(at(0), Some(EPOCH));
        assert_eq!(at(-1), Some(EPOCH - 1));
        assert_eq!(at(MICROSECONDS - 1), Some(EPOCH));
        assert_eq!((at(i64::MAX), at(i64::MIN)), (None, None));
        assert_eq!(hour("date", &1_i32.to_be_bytes()), Some(EPOCH + 24));
        assert_eq!(hour("date", &i32::MAX.to_be_bytes()), None);
        assert_eq!(hour("date", &[1]), None);
        assert_eq!(text("uuid", &[0xab; 16]).unwrap(), "abababab-abab-abab-abab-abababababab");
        assert_eq!(text("uuid", &[0xab; 17]), None);
    }
}
