//! Content: what the rows of a table hold, as a fingerprint that two tables share only if a dump
//! of one would restore the other.
//!
//! # What is equal
//!
//! Equality is *dump fidelity*: two rows are the same if `pg_dump` would write the same values for
//! them. `1.0` is not `1.00`, `-0.0` is not `0.0`, `'1 day'` is not `'24:00'`, NULL is not `''`, and
//! `jsonb` is compared as it is printed. What a dump does not carry makes no difference: the physical
//! order of rows and columns, dropped columns, storage and compression, the bits of a NaN, the OIDs of
//! types, and every setting, collation and encoding of either side.
//!
//! # How it is computed
//!
//! Method 1, the number that [`Content::method`] keeps, so that fingerprints made in another way are
//! never compared:
//!
//! 1. Columns are taken in the order of their names, byte by byte.
//! 2. Each value is the bytes of its type's *send* function where the type is built in and those bytes
//!    are what a dump carries; else it is the text that its *output* function gives under pinned
//!    settings ([`ContentColumn::form`] says which). Domains count as what they are based on.
//! 3. A row is framed as `record_send` frames it: the number of columns, and for each the OID of the
//!    form, the length (−1 for NULL) and the bytes. Its hash is the first 128 bits of the SHA-256 of that.
//! 4. The fingerprint is the sum of the rows' hashes, each half modulo 2⁶⁴, beside the number of rows.
//!    A sum and not an exclusive or, in which two equal rows would cancel out.
//!
//! The server can do all of this (`sha256(record_send(row(…)))`) and so can we, from a binary `COPY`;
//! the fingerprints are equal, so the way follows what the link costs.
//!
//! Sources: `record_send` in PostgreSQL's `src/backend/utils/adt/rowtypes.c`; the binary format in the
//! documentation of `COPY`.

mod blocks;
mod form;
mod key;
mod keyset;
mod layout;
mod probe;
mod rows;
mod scan;
mod sketch;
mod sketches;
mod tally;

use std::fmt;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use blocks::{Blocks, Coverage};
pub(crate) use form::Form;
pub(crate) use key::{Key, KeyForm};
pub(crate) use keyset::{KeyList, KeySet, KeyShape, Room, is_collated};
pub(crate) use layout::Layout;
pub(crate) use probe::{Probe, Probed, SampleForm};
pub(crate) use rows::{CopyRows, Row, other_columns};
pub(crate) use scan::{Besides, ContentScan, Copied, Scanner, Scratch, has_extremes};
pub(crate) use sketch::{Difference, RowHash, Sketch};
pub use sketches::SketchFile;
pub(crate) use sketches::Sketches;
pub(crate) use tally::{Tally, has_hours, has_tenants};

/// The method by which fingerprints are made here.
pub(crate) const METHOD: u32 = 1;

/// Where the hashes of rows are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ContentWay")]
#[non_exhaustive]
pub enum ContentWay {
    /// By the server, which sends few bytes: for slow or metered links.
    Server,
    /// Here, from every row: for local servers and fast networks.
    Stream,
}

/// How the content of tables was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ContentLink")]
#[non_exhaustive]
pub struct ContentLink {
    /// Where the hashes of rows were computed.
    pub way: ContentWay,
    /// How long a round trip to the server took, in microseconds: what the way follows where nobody says.
    pub round_trip_us: u64,
}

impl ContentLink {
    /// A round trip within a machine or a local network takes less than this.
    const LOCAL_US: u64 = 2_000;

    /// The way that was asked for, else the one that suits the link. A server behind a socket is near
    /// even where the machine is so busy that it answers late.
    pub(crate) fn new(wanted: Option<ContentWay>, here: bool, round_trip: std::time::Duration) -> Self {
        let round_trip_us = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        let near = here || round_trip_us < Self::LOCAL_US;
        let suited = if near { ContentWay::Stream } else { ContentWay::Server };
        Self { way: wanted.unwrap_or(suited), round_trip_us }
    }
}

/// What the rows of a table hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Content")]
#[non_exhaustive]
pub struct Content {
    /// The method of the fingerprint; those of different methods are never compared.
    pub method: u32,
    /// How many rows.
    pub rows: u64,
    /// The sum of the rows' hashes.
    pub fingerprint: Fingerprint,
    /// The columns that are in it, in the order in which they are.
    pub columns: Vec<ContentColumn>,
    /// The columns of the primary key, by which differing rows are named; empty where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
}

/// A column that is in a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ContentColumn")]
#[non_exhaustive]
pub struct ContentColumn {
    /// Its name, unquoted.
    pub name: String,
    /// The built-in type whose bytes its values were taken as, such as `uuid`; `output` where it is the
    /// text that the type's output function gives.
    pub form: String,
}

/// The sum of the hashes of a table's rows: 128 bits, in two halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    high: u64,
    low: u64,
}

impl Fingerprint {
    /// Of these halves.
    pub(crate) fn new(high: u64, low: u64) -> Self {
        Self { high, low }
    }
}

impl AddAssign<RowHash> for Fingerprint {
    fn add_assign(&mut self, hash: RowHash) {
        let (high, low) = hash.halves();
        self.high = self.high.wrapping_add(high);
        self.low = self.low.wrapping_add(low);
    }
}

impl AddAssign for Fingerprint {
    fn add_assign(&mut self, other: Self) {
        self.high = self.high.wrapping_add(other.high);
        self.low = self.low.wrapping_add(other.low);
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.high, self.low)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let half = |range: std::ops::Range<usize>| {
            text.get(range).and_then(|digits| u64::from_str_radix(digits, 16).ok())
        };
        match (text.len(), half(0..16), half(16..32)) {
            (32, Some(high), Some(low)) => Ok(Self { high, low }),
            _ => Err(serde::de::Error::custom("a fingerprint has 32 hexadecimal digits")),
        }
    }
}

impl JsonSchema for Fingerprint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "title": "Fingerprint",
            "description": "The sum of the hashes of a table's rows: 32 hexadecimal digits.",
            "type": "string",
            "pattern": "^[0-9a-f]{32}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_text_of_32_digits() {
        let fingerprint = Fingerprint::new(1, u64::MAX);
        let text = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(text, "\"0000000000000001ffffffffffffffff\"");
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), fingerprint);
        for wrong in
            ["\"\"", "\"1\"", "\"é00000000000001ffffffffffffffff\"", "\"0000000000000001fffffffffffffffg\""]
        {
            assert!(serde_json::from_str::<Fingerprint>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn equal_rows_do_not_cancel_out() {
        let hash = RowHash::of(b"row");
        let mut twice = Fingerprint::default();
        twice += hash;
        twice += hash;
        assert_ne!(twice, Fingerprint::default());
    }
}
