//! Keys of rows: how a sketch holds them, and how people see them.
//!
//! Keys that may be names, addresses or tokens never leave: sketches are stored beside a baseline.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::ContentColumn;
use super::form::Form;
use crate::text::{beginning, mask};

/// The most bytes of a key that a cell holds; of longer ones it holds a hash.
const LONGEST: usize = 40;
/// How many bytes of hash stand for a longer key.
const HASHED: usize = 16;
/// Instead of the length, for a key of which there is only the hash.
const IS_HASH: u8 = u8::MAX;

/// How the keys of a table are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyForm {
    forms: Vec<Form>,
    /// Which of the values leave as they are.
    plain: Vec<bool>,
    /// Whether every key has as many bytes, so that lengths need not be held.
    fixed: bool,
    /// How many bytes a cell needs: the length and the key; none without a key.
    width: usize,
}

/// How many bytes of hash stand for a value that does not leave.
const VEILED: usize = 8;

/// A key as it came out of a sketch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// Its values, as text; those that do not leave are masked.
    Values(Vec<String>),
    /// It is too long to be held; this is the beginning of its hash, in hexadecimal digits.
    Hash(String),
}

impl KeyForm {
    /// Of columns that have these forms.
    pub(crate) fn new(forms: Vec<Form>) -> Self {
        let plain: Vec<bool> = forms.iter().map(|form| is_plain(*form)).collect();
        let sizes = forms.iter().zip(&plain).map(|(form, plain)| form.size().filter(|_| *plain));
        let size: Option<usize> = sizes.sum();
        let width =
            if forms.is_empty() { 0 } else { 1 + size.map_or(LONGEST, |size| size.clamp(HASHED, LONGEST)) };
        Self { forms, plain, fixed: size.is_some(), width }
    }

    /// Of these columns, as Evidence keeps their forms.
    pub(crate) fn named(columns: &[ContentColumn], key: &[String]) -> Self {
        let form = |name: &String| columns.iter().find(|column| column.name == *name);
        Self::new(key.iter().filter_map(form).map(|column| Form::named(&column.form)).collect())
    }

    /// Whether its values leave as they are, so that rows can be asked for by them.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain.iter().all(|plain| *plain)
    }

    /// The values of a key as samples show them: those that may be names or addresses are masked.
    pub(crate) fn shown(&self, key: &Key) -> Vec<Option<String>> {
        match key {
            Key::Values(values) => values.iter().cloned().map(Some).collect(),
            Key::Hash(digits) => {
                let mut shown = vec![None; self.forms.len()];
                if let Some(first) = shown.first_mut() {
                    *first = Some(format!("…({})", &digits[..4]));
                }
                shown
            }
        }
    }

    /// A key's values as samples show them, where they are known as text.
    pub(crate) fn masked(&self, values: &[Option<String>]) -> Vec<Option<String>> {
        let shown = |(plain, value): (&bool, &Option<String>)| match value {
            Some(value) if !plain => Some(crate::text::masked(value)),
            value => value.clone(),
        };
        self.plain.iter().zip(values).map(shown).collect()
    }

    /// How many bytes a cell needs: the length and the key; none without a key.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The bytes of one key, as long as [`width`](Self::width). NULLs, which no key has, count as empty.
    pub(crate) fn encode<'v>(&self, values: impl Iterator<Item = Option<&'v [u8]>>, into: &mut Vec<u8>) {
        into.clear();
        into.push(0);
        for ((form, plain), value) in self.forms.iter().zip(&self.plain).zip(values) {
            let value = value.unwrap_or_default();
            let value = if *plain { Cow::Borrowed(value) } else { Cow::Owned(veiled(*form, value)) };
            if !self.fixed {
                into.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes()[1..]);
            }
            into.extend_from_slice(&value);
        }
        if into.len() <= self.width {
            into[0] = u8::try_from(into.len() - 1).unwrap_or(IS_HASH);
        } else {
            let hash = Sha256::digest(&into[1..]);
            into.truncate(1);
            into[0] = IS_HASH;
            into.extend_from_slice(&hash[..HASHED]);
        }
        into.resize(self.width, 0);
    }

    /// What [`encode`](Self::encode) held; none where these bytes are not a key of this form.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Option<Key> {
        let (&length, rest) = bytes.split_first()?;
        if length == IS_HASH {
            return Some(Key::Hash(hex(rest.get(..HASHED)?)));
        }
        let mut rest = rest.get(..usize::from(length))?;
        let mut values = Vec::with_capacity(self.forms.len());
        for (form, plain) in self.forms.iter().zip(&self.plain) {
            let size = match form.size() {
                Some(size) if self.fixed => size,
                _ => {
                    let (length, after) = rest.split_at_checked(3)?;
                    rest = after;
                    u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize
                }
            };
            let (value, after) = rest.split_at_checked(size)?;
            rest = after;
            values.push(if *plain { text(*form, value) } else { unveiled(value)? });
        }
        rest.is_empty().then_some(Key::Values(values))
    }
}

/// What stands for a value that does not leave: how it begins, and a hash of it.
fn veiled(form: Form, value: &[u8]) -> Vec<u8> {
    let text = text(form, value);
    let mut veiled = beginning(&text).as_bytes().to_vec();
    veiled.extend_from_slice(&Sha256::digest(text.as_bytes())[..VEILED]);
    veiled
}

/// As [`masked`] shows it.
fn unveiled(veiled: &[u8]) -> Option<String> {
    let (beginning, hash) = veiled.split_at_checked(veiled.len().checked_sub(VEILED)?)?;
    Some(mask(std::str::from_utf8(beginning).ok()?, hash))
}

/// Whether values of this form are numbers, instants or made up, and name nobody.
fn is_plain(form: Form) -> bool {
    matches!(
        form.name(),
        "bool" | "int2" | "int4" | "int8" | "oid" | "numeric" | "uuid" | "date" | "timestamp" | "timestamptz"
    )
}

/// A value as people write it; types whose bytes do not read as text in hexadecimal digits.
pub(super) fn text(form: Form, value: &[u8]) -> String {
    let readable = match (form.name(), value.len()) {
        ("bool", 1) => Some(if value[0] == 0 { "f" } else { "t" }.to_owned()),
        ("int2" | "int4" | "int8", 1..=8) => Some(integer(value).to_string()),
        ("oid", 4) => Some((integer(value) & 0xffff_ffff).to_string()),
        ("uuid", 16) => Some(uuid(value)),
        ("date", 4) => date(integer(value)),
        ("timestamp", 8) => timestamp(integer(value), ""),
        ("timestamptz", 8) => timestamp(integer(value), "+00"),
        ("numeric", _) => numeric(value),
        ("text" | "varchar" | "bpchar" | "name" | "char" | "json" | "output", _) => {
            std::str::from_utf8(value).ok().map(str::to_owned)
        }
        _ => None,
    };
    readable.unwrap_or_else(|| format!("\\x{}", hex(value)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of up to eight bytes, signed.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| (number << 8) | i64::from(*byte))
}

fn uuid(bytes: &[u8]) -> String {
    let digits = hex(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// PostgreSQL counts from 2000-01-01.
const EPOCH: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

fn date(days: i64) -> Option<String> {
    let date = EPOCH.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    (date.year() > 0).then(|| date.to_string())
}

fn timestamp(microseconds: i64, zone: &str) -> Option<String> {
    let span = jiff::SignedDuration::from_micros(microseconds);
    let at = EPOCH.to_datetime(jiff::civil::Time::midnight()).checked_add(span).ok()?;
    (at.year() > 0).then(|| format!("{}{zone}", at.strftime("%Y-%m-%d %H:%M:%S%.f")))
}

/// Groups of four digits. Source: `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`.
fn numeric(bytes: &[u8]) -> Option<String> {
    let word = |at: usize| Some(i16::from_be_bytes([*bytes.get(2 * at)?, *bytes.get(2 * at + 1)?]));
    let (groups, weight, sign, scale) = (word(0)?, word(1)?, word(2)?.cast_unsigned(), word(3)?);
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xc000 => return Some("NaN".to_owned()),
        0xd000 => return Some("Infinity".to_owned()),
        0xf000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    // A group beyond those that were sent is all zeros.
    let group = |at: i32| match usize::try_from(at) {
        Ok(place) if at < i32::from(groups) => word(4 + place),
        _ => Some(0),
    };
    let mut text = String::new();
    for at in 0..=i32::from(weight) {
        text += &format!("{:04}", group(at)?);
    }
    let whole = text.trim_start_matches('0');
    let mut text = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    if scale > 0 {
        let mut fraction = String::new();
        let mut at = i32::from(weight) + 1;
        while fraction.len() < usize::try_from(scale).ok()? {
            fraction += &format!("{:04}", if at < 0 { 0 } else { group(at)? });
            at += 1;
        }
        fraction.truncate(usize::try_from(scale).ok()?);
        text = format!("{text}.{fraction}");
    }
    Some(if negative { format!("-{text}") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::masked;

    fn form(oid: u32) -> Form {
        Form::of(Some(oid))
    }

    fn round(forms: &[u32], values: &[&[u8]]) -> Key {
        let key = KeyForm::new(forms.iter().map(|oid| form(*oid)).collect());
        let mut bytes = Vec::new();
        key.encode(values.iter().map(|value| Some(*value)), &mut bytes);
        assert_eq!(bytes.len(), key.width());
        key.decode(&bytes).unwrap()
    }

    fn values(values: &[&str]) -> Key {
        Key::Values(values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn keys_read_as_people_write_them() {
        assert_eq!(round(&[20], &[&(-42_i64).to_be_bytes()]), values(&["-42"]));
        assert_eq!(round(&[23, 21], &[&7_i32.to_be_bytes(), &(-1_i16).to_be_bytes()]), values(&["7", "-1"]));
        let uuid = 0x7d2e_0000_0000_4000_8000_0000_0000_0001_u128.to_be_bytes();
        assert_eq!(round(&[2950], &[&uuid]), values(&["7d2e0000-0000-4000-8000-000000000001"]));
        assert_eq!(
            round(&[25, 20], &[b"INV-2024-17", &9_i64.to_be_bytes()]),
            values(&[&masked("INV-2024-17"), "9"])
        );
        assert_eq!(round(&[1082], &[&(-1_i32).to_be_bytes()]), values(&["1999-12-31"]));
        assert_eq!(round(&[1184], &[&1_500_000_i64.to_be_bytes()]), values(&["2000-01-01 00:00:01.5+00"]));
        // 12345.60 and -0.0042, as numeric_send gives them.
        let number = [0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 9, 41, 23, 112];
        assert_eq!(round(&[1700], &[&number]), values(&["12345.60"]));
        assert_eq!(round(&[1700], &[&[0, 1, 255, 255, 64, 0, 0, 4, 0, 42]]), values(&["-0.0042"]));
        assert_eq!(round(&[17], &[&[0xde, 0xad]]), values(&[&masked("\\xdead")]));
    }

    #[test]
    fn long_keys_leave_their_hash() {
        let long = "x".repeat(100);
        let two = round(&[25, 25, 25], &[long.as_bytes(), long.as_bytes(), b"y"]);
        assert!(matches!(two, Key::Hash(digits) if digits.len() == 2 * HASHED));
        assert_eq!(round(&[25], &[long.as_bytes()]), values(&[&masked(&long)]));
        assert_eq!(round(&[25], &[b""]), values(&[&masked("")]));
    }

    #[test]
    fn what_may_be_a_name_or_a_token_does_not_leave() {
        let key = KeyForm::new(vec![form(25)]);
        let mut bytes = Vec::new();
        key.encode([Some(&b"alice@example.com"[..])].into_iter(), &mut bytes);
        let held = String::from_utf8_lossy(&bytes);
        assert!(held.contains("alic") && !held.contains("alice"), "{held}");
        assert!(!key.is_plain() && KeyForm::new(vec![form(23), form(2950)]).is_plain());
    }

    #[test]
    fn bytes_that_are_no_key_are_none() {
        let key = KeyForm::new(vec![form(25)]);
        assert_eq!(key.decode(&[9; 41]), None);
        assert_eq!(key.decode(&[]), None);
        assert_eq!(KeyForm::new(Vec::new()).width(), 0);
    }
}
