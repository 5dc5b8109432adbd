//! Decimal numbers of any length, compared exactly: a `numeric` has more digits than a float.

use std::cmp::Ordering;

/// A decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without leading zeros.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

/// Longer exponents are text: `1e999999999` would be a gigabyte of zeros.
const LARGEST_EXPONENT: i32 = 400;

impl Decimal {
    /// Reads `12`, `-0.5`, `.5`, `1e+20`; anything else is no number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (digits, exponent) = match digits.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
            return None;
        }
        if exponent.abs() > LARGEST_EXPONENT {
            return None;
        }
        let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
        for _ in 0..exponent {
            whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        }
        for _ in exponent..0 {
            fraction.insert(0, whole.pop().unwrap_or('0'));
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        Some(Self { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sizes = || {
            let whole = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(&other.whole));
            whole.then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_numbers() {
        let sorted = ["-1e3", "-10.5", "-10.25", "-9", "0", ".5", "0.55", "1.5e0", "9", "10", "1e+20"];
        for pair in sorted.windows(2) {
            let (a, b) = (Decimal::parse(pair[0]).unwrap(), Decimal::parse(pair[1]).unwrap());
            assert_eq!((a.cmp(&b), b.cmp(&a)), (Ordering::Less, Ordering::Greater), "{pair:?}");
        }
        for (a, b) in
            [("1.10", "1.1"), ("-0", "0"), ("007", "7"), ("1.5e1", "15"), ("15e-1", "1.5"), ("+3", "3")]
        {
            assert_eq!(Decimal::parse(a), Decimal::parse(b));
        }
        // A float would call these equal.
        assert_ne!(Decimal::parse("12345678901234567890.1"), Decimal::parse("12345678901234567890.2"));
        for text in ["", "-", ".", "1.2.3", "1e", "1e9999", "NaN", "Infinity", "0x10", "1 2", "1,000"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }
}
