//! Words and numbers as people read them.

/// `48210` as `48,210`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `12 rows`, `2 policies`.
pub fn plural(number: u64, noun: &str) -> String {
    let number_text = count(number);
    if number == 1 {
        return format!("{number_text} {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{number_text} {stem}ies"),
        _ => format!("{number_text} {noun}s"),
    }
}

/// `940 B`, `12.3 kB`, `4.5 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", count(bytes / unit), bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

/// `2026-11-19 02:00:03Z`.
pub(crate) fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// How long ago, to the unit that matters: `40 s`, `25 min`, `25 h`, `9 days`.
pub(crate) fn age(span: std::time::Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..259_200 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// How long ago it was, for programs.
pub(crate) fn milliseconds(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A length of time in its two largest units: `20 s`, `1 h 3 min`, `2 d 4 h`.
pub(crate) fn length(seconds: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let largest = UNITS.iter().position(|(_, unit)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (name, unit) = UNITS[largest];
    let first = format!("{} {name}", count(seconds / unit));
    match UNITS.get(largest + 1) {
        Some((next, small)) if seconds % unit / small > 0 => {
            format!("{first} {} {next}", seconds % unit / small)
        }
        _ => first,
    }
}

/// How long something took: `0.4 s`, `6.2 s`, `12 min 5 s`.
pub(crate) fn seconds(ms: u64) -> String {
    match ms {
        0..100_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `48 MB`, `1.2 GB`, `512 bytes`.
pub(crate) fn bytes(number: u64) -> String {
    let unit = Unit::of(number);
    format!("{} {}", unit.number(number), unit.name)
}

/// What bytes are counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    bytes: u64,
}

impl Unit {
    /// The largest of which there is one.
    pub(crate) fn of(bytes: u64) -> Self {
        let units = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
        let (name, size) = units.into_iter().find(|(_, size)| bytes >= *size).unwrap_or(("bytes", 1));
        Self { name, bytes: size }
    }

    pub(crate) fn number(self, bytes: u64) -> String {
        match (bytes / self.bytes, bytes % self.bytes * 10 / self.bytes) {
            (whole @ 0..10, tenth) if self.bytes > 1 => format!("{whole}.{tenth}"),
            (whole, _) => count(whole),
        }
    }
}

/// `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// A key that may be a name or an address, so that it is known and does not leave: `INV-2024-17`
/// becomes `INV-…(8f3a)`.
pub(crate) fn masked(text: &str) -> String {
    use sha2::{Digest, Sha256};
    mask(beginning(text), &Sha256::digest(text.as_bytes()))
}

/// What may be told of a text that is masked: four characters, of more than eight.
pub(crate) fn beginning(text: &str) -> &str {
    if text.chars().count() <= 8 {
        return "";
    }
    text.char_indices().nth(4).map_or("", |(end, _)| &text[..end])
}

/// As [`masked`], of what is left of a text: its beginning, and its hash.
pub(crate) fn mask(beginning: &str, hash: &[u8]) -> String {
    let digits: String = hash.iter().take(2).map(|byte| format!("{byte:02x}")).collect();
    format!("{beginning}…({digits})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_nouns() {
        assert_eq!(count(2_104_332), "2,104,332");
        assert_eq!(count(999), "999");
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(plural(1200, "policy"), "1,200 policies");
        assert_eq!(plural(2, "key"), "2 keys");
    }

    #[test]
    fn text_keys_are_masked() {
        assert!(masked("INV-2024-000017").starts_with("INV-…("));
        assert!(!masked("ab@x.io").contains('@'));
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (12_345_678, "12.3 MB"),
            (4_999_999_999, "4.9 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times() {
        assert_eq!(instant(jiff::Timestamp::UNIX_EPOCH), "1970-01-01 00:00:00Z");
        assert_eq!(age(std::time::Duration::from_secs(25 * 3600 + 1)), "25 h");
        assert_eq!(age(std::time::Duration::from_secs(9 * 86_400)), "9 days");
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (3_780, "1 h 3 min"), (3_601, "1 h"), (187_200, "2 d 4 h")]
        {
            assert_eq!(length(seconds), text);
        }
        assert_eq!(seconds(6_249), "6.2 s");
        assert_eq!(seconds(725_000), "12 min 5 s");
    }
}
