//! Looking up the parents of a table's rows while the rows go by: how many have none, and who they are.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::Row;
use super::form::Form;
use super::key::text;
use super::keyset::{KeySet, KeyShape};
use super::tally;
use crate::error::{Error, ErrorKind, Result};

/// Missing parents that are told apart at most; where more are missing, the server says who the orphans are.
const MISSING: usize = 10_000;

/// How the parents of a table's rows are looked up.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    parents: Arc<KeySet>,
    shape: KeyShape,
    /// The places of the columns that refer.
    places: Vec<usize>,
    match_full: bool,
    sample: Option<SampleForm>,
}

/// What a sample of orphans shows.
#[derive(Clone, Debug)]
pub(crate) struct SampleForm {
    /// The places of the primary key's columns, and their forms.
    key: Vec<(usize, Form)>,
    /// The place of the tenant's column, and the name of its form.
    tenant: Option<(usize, &'static str)>,
    /// How many keys are shown at most.
    keys: usize,
    /// How many tenants are told apart at most.
    tenants: usize,
}

impl SampleForm {
    /// None where the order of keys does not follow from their bytes, or these do not read as text.
    pub(crate) fn new(
        key: Vec<(usize, Form)>,
        tenant: Option<(usize, &'static str)>,
        keys: usize,
        tenants: usize,
    ) -> Option<Self> {
        let ordered = |(_, form): &(usize, Form)| {
            matches!(form.name(), "int2" | "int4" | "int8" | "uuid" | "date" | "timestamp" | "timestamptz")
        };
        key.iter().all(ordered).then_some(Self { key, tenant, keys, tenants })
    }

    /// The key of a row, so that keys are in the order of their bytes.
    fn key_of(&self, row: Row<'_>) -> Option<Vec<u8>> {
        let mut key = Vec::new();
        for (at, form) in &self.key {
            let value = row.value(*at).filter(|value| Some(value.len()) == form.size())?;
            let begin = key.len();
            key.extend_from_slice(value);
            if form.name() != "uuid" {
                key[begin] ^= 0x80;
            }
        }
        Some(key)
    }

    /// The values of what [`key_of`](Self::key_of) gave, as the server writes them.
    fn values(&self, mut key: &[u8]) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for (_, form) in &self.key {
            let (value, rest) = key.split_at_checked(form.size()?)?;
            key = rest;
            let mut value = value.to_vec();
            if form.name() != "uuid" {
                value[0] ^= 0x80;
            }
            // What has no text, such as infinity, is shown in hexadecimal digits.
            values.push(Some(text(*form, &value)).filter(|text| !text.starts_with('\\'))?);
        }
        Some(values)
    }
}

/// What looking up the parents of some rows came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Probed {
    /// Rows whose whole key is there and whose parent is not.
    pub(crate) rows: u64,
    /// Rows of MATCH FULL some of whose columns are NULL, and others not.
    pub(crate) half_null: u64,
    who: Who,
}

/// Who the orphans are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Who {
    /// There are more than are told apart here, or what cannot be shown.
    overflowed: bool,
    missing: HashSet<u128>,
    /// The smallest keys, in order.
    keys: Vec<Vec<u8>>,
    tenants: BTreeMap<Box<[u8]>, u64>,
}

/// Who the orphans are, as a sample shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sampled {
    /// How many distinct parents are missing.
    pub(crate) missing: u64,
    /// Some keys, in order.
    pub(crate) keys: Vec<Vec<String>>,
    /// How many orphans each tenant has; none where nobody asked.
    pub(crate) tenants: Option<BTreeMap<String, u64>>,
}

impl Probe {
    /// Of the columns in these places.
    pub(crate) fn new(
        parents: Arc<KeySet>,
        shape: KeyShape,
        places: Vec<usize>,
        match_full: bool,
        sample: Option<SampleForm>,
    ) -> Self {
        Self { parents, shape, places, match_full, sample }
    }

    /// Looks up the parent of a row.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if a value has other bytes than its type.
    #[inline]
    pub(crate) fn see(&self, row: Row<'_>, probed: &mut Probed) -> Result<()> {
        let nulls = self.places.iter().filter(|at| row.value(**at).is_none()).count();
        if nulls > 0 {
            if self.match_full && nulls < self.places.len() {
                probed.half_null += 1;
            }
            return Ok(());
        }
        let values = self.places.iter().filter_map(|at| row.value(*at));
        let key = self.shape.key(values).ok_or_else(|| {
            Error::new(ErrorKind::Connection, "the server's binary copy has a value of another type")
        })?;
        if !self.parents.contains(key) {
            probed.rows += 1;
            probed.who.see(self.sample.as_ref(), key, row);
        }
        Ok(())
    }

    /// Who the orphans are; none where that has to be asked of the server.
    pub(crate) fn sampled(&self, probed: &Probed) -> Option<Sampled> {
        let Who { overflowed, missing, keys, tenants } = &probed.who;
        let sample = self.sample.as_ref().filter(|_| !overflowed)?;
        let keys: Option<Vec<_>> = keys.iter().map(|key| sample.values(key)).collect();
        let tenants: Option<BTreeMap<String, u64>> = match sample.tenant {
            Some((_, form)) => Some(
                tenants
                    .iter()
                    .map(|(tenant, rows)| Some((tally::text(form, tenant)?, *rows)))
                    .collect::<Option<_>>()?,
            ),
            None => None,
        };
        Some(Sampled { missing: missing.len() as u64, keys: keys?, tenants })
    }
}

impl Probed {
    /// Adds what the rows of another part came to.
    pub(crate) fn add(&mut self, other: Self, probe: &Probe) {
        self.rows += other.rows;
        self.half_null += other.half_null;
        let who = &mut self.who;
        who.overflowed |= other.who.overflowed;
        who.missing.extend(other.who.missing);
        for key in other.who.keys {
            who.keep(key);
        }
        for (tenant, rows) in other.who.tenants {
            *who.tenants.entry(tenant).or_default() += rows;
        }
        who.limit(probe.sample.as_ref());
    }
}

impl Who {
    fn see(&mut self, sample: Option<&SampleForm>, key: u128, row: Row<'_>) {
        let Some(sample) = sample.filter(|_| !self.overflowed) else { return };
        self.missing.insert(key);
        match sample.key_of(row) {
            Some(key) if !sample.key.is_empty() => self.keep(key),
            Some(_) => {}
            None => self.overflowed = true,
        }
        if let Some(tenant) = sample.tenant.and_then(|(at, _)| row.value(at)) {
            *self.tenants.entry(tenant.into()).or_default() += 1;
        }
        self.limit(Some(sample));
    }

    fn keep(&mut self, key: Vec<u8>) {
        let at = self.keys.partition_point(|known| *known < key);
        self.keys.insert(at, key);
    }

    fn limit(&mut self, sample: Option<&SampleForm>) {
        let Some(sample) = sample else { return };
        self.keys.truncate(sample.keys);
        if self.overflowed || self.missing.len() > MISSING || self.tenants.len() > sample.tenants {
            *self = Self { overflowed: true, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyset::{KeyList, Room};
    use super::*;
    use crate::content::CopyRows;
    use crate::content::rows::tests::copy;

    /// A value, or NULL.
    fn int(number: impl Into<Option<i32>>) -> Option<Vec<u8>> {
        number.into().map(|number: i32| number.to_be_bytes().to_vec())
    }

    /// Of rows `(id, parent, tenant)`.
    fn probe(parents: &[i32]) -> Probe {
        let int = Form::named("int4");
        let shape = KeyShape::of([(int, int)]).unwrap();
        let room = Room::new(1 << 20);
        let mut list = KeyList::new(&room);
        for parent in parents {
            assert!(list.push(shape.key([&parent.to_be_bytes()[..]].into_iter()).unwrap()));
        }
        let sample = SampleForm::new(vec![(0, int)], Some((2, "int4")), 3, 4);
        Probe::new(Arc::new(list.finish(&shape)), shape, vec![1], false, sample)
    }

    fn see(probe: &Probe, rows: &[[Option<Vec<u8>>; 3]]) -> Probed {
        let mut probed = Probed::default();
        let rows: Vec<Vec<Option<Vec<u8>>>> = rows.iter().map(|row| row.to_vec()).collect();
        CopyRows::default().feed(&copy(&rows), |row| probe.see(row, &mut probed).unwrap()).unwrap();
        probed
    }

    #[test]
    fn orphans_are_counted_and_the_first_are_named() {
        let probe = probe(&[1, 2, 3]);
        let rows: Vec<_> = [(-5, 9, 1), (7, 9, 1), (1, 1, 1), (4, 8, 2), (9, 7, 2)]
            .map(|(id, parent, tenant)| [int(id), int(parent), int(tenant)])
            .into_iter()
            .chain([[int(2), int(None), int(1)], [int(3), int(0), int(None)]])
            .collect();
        let whole = see(&probe, &rows);
        let texts = |ids: [&str; 3]| ids.map(|id| vec![id.to_owned()]).to_vec();
        let expected = Sampled {
            missing: 4,
            keys: texts(["-5", "3", "4"]),
            tenants: Some([("1".to_owned(), 2), ("2".to_owned(), 2)].into()),
        };
        assert_eq!((whole.rows, probe.sampled(&whole).unwrap()), (5, expected.clone()));
        for cut in 0..=rows.len() {
            let mut first = see(&probe, &rows[..cut]);
            first.add(see(&probe, &rows[cut..]), &probe);
            assert_eq!((first.rows, probe.sampled(&first).unwrap()), (5, expected.clone()));
        }
    }

    #[test]
    fn more_than_can_be_told_apart_is_left_to_the_server() {
        let probe = probe(&[]);
        let of_tenants = |tenants: i32| -> Vec<_> {
            (0..tenants).map(|tenant| [int(tenant), int(7), int(tenant)]).collect()
        };
        assert!(probe.sampled(&see(&probe, &of_tenants(4))).is_some());
        let five = see(&probe, &of_tenants(5));
        assert_eq!((five.rows, probe.sampled(&five)), (5, None));
        let mut sum = see(&probe, &of_tenants(1));
        sum.add(five, &probe);
        assert_eq!((sum.rows, probe.sampled(&sum)), (6, None));
        // A value of another type is no key.
        let mut probed = Probed::default();
        let odd = copy(&[vec![int(1), Some(vec![1, 2, 3]), int(1)]]);
        let mut failed = None;
        CopyRows::default().feed(&odd, |row| failed = probe.see(row, &mut probed).err()).unwrap();
        assert_eq!(failed.unwrap().kind(), ErrorKind::Connection);
    }
}
