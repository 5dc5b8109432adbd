//! One pass over a table: everything that its rows answer at once.

use std::sync::Arc;

use super::{CopyRows, Fingerprint, KeyForm, Layout, Probe, Probed, RowHash, Sketch, Tally, other_columns};
use crate::error::Result;
use crate::evidence::Extremes;

/// What one pass over a table showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContentScan {
    pub(crate) rows: u64,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) sketch: Option<Sketch>,
    /// Of the columns that were asked for, in their order.
    pub(crate) ranges: Vec<Range>,
    /// Rows per tenant and hour, where that was asked for.
    pub(crate) tally: Option<Tally>,
    /// Rows without a parent, of each reference that was asked for.
    pub(crate) probed: Vec<Probed>,
}

impl ContentScan {
    /// Adds what another part of the same table showed. Says whether the two belong together.
    #[must_use]
    pub(crate) fn add(&mut self, other: Self, probes: &[Probe]) -> bool {
        let sketched = match (&mut self.sketch, other.sketch) {
            (Some(sketch), Some(other)) => sketch.add(&other),
            (None, None) => true,
            _ => false,
        };
        if !sketched
            || self.ranges.len() != other.ranges.len()
            || self.tally.is_some() != other.tally.is_some()
            || [self.probed.len(), other.probed.len()] != [probes.len(); 2]
        {
            return false;
        }
        for ((probed, other), probe) in self.probed.iter_mut().zip(other.probed).zip(probes) {
            probed.add(other, probe);
        }
        if let Some((tally, other)) = self.tally.as_mut().zip(other.tally) {
            tally.add(other);
        }
        self.rows += other.rows;
        self.fingerprint += other.fingerprint;
        for (range, other) in self.ranges.iter_mut().zip(&other.ranges) {
            range.add(other);
        }
        true
    }

    /// Of all parts of a table: its sketch has as many cells as suit its rows, now that they are counted.
    #[must_use]
    pub(crate) fn settled(mut self) -> Self {
        let bits = Sketch::bits_for(self.rows);
        self.sketch =
            self.sketch.map(|sketch| if bits < sketch.bits() { sketch.folded(bits) } else { sketch });
        self
    }
}

/// What the rows of a copy hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copied {
    /// Every column of the layout, which are not those of the fingerprint.
    Columns,
    /// The key, and the row's hash as the server computed it.
    Hashes,
    /// Every column of the layout.
    Rows,
}

/// What is wanted of the rows besides their content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Besides {
    /// The places of columns whose extremes are wanted.
    pub(crate) extremes: Vec<usize>,
    pub(crate) tally: Option<Tally>,
    pub(crate) probes: Arc<[Probe]>,
}

/// Takes in a table as it comes in a binary copy.
#[derive(Debug)]
pub(crate) struct Scanner {
    layout: Layout,
    key_form: KeyForm,
    copied: Copied,
    copy: CopyRows,
    sums: ContentScan,
    probes: Arc<[Probe]>,
}

impl Scanner {
    /// Of a copy that [`Layout::copy`] or [`Layout::hashes`] asked for, with a sketch of 2^`bits` cells a part, or none.
    pub(crate) fn new(layout: Layout, copied: Copied, bits: Option<u32>, besides: Besides) -> Self {
        let Besides { extremes, tally, probes } = besides;
        let key_form = layout.key_form();
        let sketch = bits.map(|bits| Sketch::new(bits, key_form.width()));
        let ranges = extremes.iter().map(|at| Range::new(*at, layout.forms()[*at].name())).collect();
        let probed = vec![Probed::default(); probes.len()];
        Self {
            layout,
            key_form,
            copied,
            copy: CopyRows::default(),
            sums: ContentScan { sketch, ranges, tally, probed, ..ContentScan::default() },
            probes,
        }
    }

    /// Takes in what came next.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if it is not what was asked for.
    pub(crate) fn feed(&mut self, chunk: &[u8], scratch: &mut Scratch) -> Result<()> {
        let Self { layout, key_form, copied, copy, sums, probes } = self;
        let (forms, key) = (layout.forms(), layout.key());
        let expected = match copied {
            Copied::Rows | Copied::Columns => forms.len(),
            Copied::Hashes => key.len() + 1,
        };
        // Else the key stays empty.
        let is_named = sums.sketch.is_some() && !key.is_empty();
        let mut failed = None;
        copy.feed(chunk, |row| {
            if row.len() != expected {
                failed.get_or_insert_with(other_columns);
                return;
            }
            let hash = match copied {
                Copied::Columns => None,
                Copied::Rows => {
                    if is_named {
                        key_form.encode(key.iter().map(|at| row.value(*at)), &mut scratch.key);
                    }
                    Some(row.hash(forms, &mut scratch.frame))
                }
                Copied::Hashes => {
                    if is_named {
                        key_form.encode((0..key.len()).map(|at| row.value(at)), &mut scratch.key);
                    }
                    let Some(Ok(hash)) = row.value(key.len()).map(TryInto::try_into) else {
                        failed.get_or_insert_with(other_columns);
                        return;
                    };
                    Some(RowHash::from_bytes(hash))
                }
            };
            sums.rows += 1;
            if let Some(hash) = hash {
                sums.fingerprint += hash;
                if let Some(sketch) = &mut sums.sketch {
                    sketch.insert(hash, &scratch.key);
                }
            }
            for range in &mut sums.ranges {
                range.see(row.value(range.at));
            }
            if let Some(tally) = &mut sums.tally {
                tally.see(|at| row.value(at));
            }
            for (probe, probed) in probes.iter().zip(&mut sums.probed) {
                if let Err(error) = probe.see(row, probed) {
                    failed.get_or_insert(error);
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// All of it, if it came to its end.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if rows are missing.
    pub(crate) fn finish(self) -> Result<ContentScan> {
        self.copy.finish()?;
        Ok(self.sums)
    }
}

/// Memory that is used again for every row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    frame: Vec<u8>,
    key: Vec<u8>,
}

/// Smallest and largest value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    at: usize,
    unit: Unit,
    /// The smallest and the largest.
    ends: Option<(i64, i64)>,
}

/// What the integers of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    Microseconds,
    One,
}

/// Whether [`Scanner`] can find the extremes of columns of this form.
pub(crate) fn has_extremes(form: &str) -> bool {
    matches!(form, "int2" | "int4" | "int8" | "date" | "timestamp" | "timestamptz")
}

impl Range {
    fn new(at: usize, form: &str) -> Self {
        let unit = match form {
            "date" => Unit::Days,
            "timestamp" | "timestamptz" => Unit::Microseconds,
            _ => Unit::One,
        };
        Self { at, unit, ends: None }
    }

    fn see(&mut self, value: Option<&[u8]>) {
        let number = match value {
            Some(&[a, b]) => i64::from(i16::from_be_bytes([a, b])),
            Some(&[a, b, c, d]) => {
                let number = i32::from_be_bytes([a, b, c, d]);
                if self.unit == Unit::Days && (number == i32::MIN || number == i32::MAX) {
                    return;
                }
                i64::from(number)
            }
            Some(value) => match value.try_into() {
                Ok(bytes) => i64::from_be_bytes(bytes),
                Err(_) => return,
            },
            None => return,
        };
        // Infinity is no instant.
        if self.unit == Unit::Microseconds && (number == i64::MIN || number == i64::MAX) {
            return;
        }
        self.widen((number, number));
    }

    fn widen(&mut self, ends: (i64, i64)) {
        let (min, max) = self.ends.get_or_insert(ends);
        *min = ends.0.min(*min);
        *max = ends.1.max(*max);
    }

    fn add(&mut self, other: &Self) {
        if let Some(ends) = other.ends {
            self.widen(ends);
        }
    }

    pub(crate) fn extremes(&self) -> Extremes {
        let text = |number: i64| match self.unit {
            Unit::One => number.to_string(),
            Unit::Days => instant(i128::from(number) * MICROSECONDS_A_DAY),
            Unit::Microseconds => instant(i128::from(number)),
        };
        Extremes::new(self.ends.map(|(min, _)| text(min)), self.ends.map(|(_, max)| text(max)))
    }
}

const MICROSECONDS_A_DAY: i128 = 86_400_000_000;

/// As `to_char(…, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')` writes microseconds since 2000-01-01.
fn instant(microseconds: i128) -> String {
    let (days, rest) =
        (microseconds.div_euclid(MICROSECONDS_A_DAY), microseconds.rem_euclid(MICROSECONDS_A_DAY));
    let (year, month, day) = civil(days + 730_425);
    // There is no year 0: to_char writes 1 BC as 0001.
    let year = if year <= 0 { 1 - year } else { year };
    let (seconds, microseconds) = (rest / 1_000_000, rest % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{microseconds:06}Z")
}

/// Year, month and day of a number of days since 0000-03-01, in the proleptic Gregorian calendar.
///
/// Source: H. Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`.
fn civil(days: i128) -> (i128, i128, i128) {
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i128::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_server_writes_them() {
        assert_eq!(instant(0), "2000-01-01T00:00:00.000000Z");
        assert_eq!(instant(-1), "1999-12-31T23:59:59.999999Z");
        assert_eq!(instant(59 * MICROSECONDS_A_DAY + 3_723_000_007), "2000-02-29T01:02:03.000007Z");
        assert_eq!(instant(9_808 * MICROSECONDS_A_DAY), "2026-11-08T00:00:00.000000Z");
        assert_eq!(instant(-730_119 * MICROSECONDS_A_DAY), "0001-01-01T00:00:00.000000Z");
        assert_eq!(instant(-730_120 * MICROSECONDS_A_DAY), "0001-12-31T00:00:00.000000Z");
    }
}
