//! The names of a repository's objects: how ours are made, and what those of others say.
//!
//! Ours are `YYYY/MM/DD/backup-YYYYMMDD-HHMMSS` (`salvage-…`) and what they end in: `.dump`, or `.dir/` and the files
//! of the directory format; `.baseline.json` and `.baseline.sketches`; `.begun.json` from the first moment, until
//! `.manifest.json`, which is written last; `.verified.json` where somebody looked. Instants are UTC.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::manifest::BackupKind;

pub(crate) const BASELINE: &str = ".baseline.json";
pub(crate) const BEGUN: &str = ".begun.json";
pub(crate) const DIRECTORY: &str = ".dir";
/// What records of drills lie below, which belong to no backup.
pub(crate) const DRILLS: &str = "drills";
pub(crate) const DUMP: &str = ".dump";
pub(crate) const MANIFEST: &str = ".manifest.json";
pub(crate) const SKETCHES: &str = ".baseline.sketches";
pub(crate) const VERIFIED: &str = ".verified.json";

/// What an object of ours is to its backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Baseline,
    Begun,
    Data,
    Manifest,
    Verified,
}

/// What an object's name says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It belongs to the backup of this name, if that is one of ours.
    Part(String, Part),
    /// It is, or belongs to, a dump that somebody else made.
    Foreign(Foreign),
    Other,
}

/// What the name of a foreign dump says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// By which it is picked: that of the object, or of the directory.
    pub(super) name: String,
    pub(super) format: DumpFormat,
    pub(super) wrapped: Option<Wrapped>,
}

/// How a dump is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "DumpFormat")]
#[non_exhaustive]
pub enum DumpFormat {
    /// `pg_dump --format=custom`: one file with a table of contents.
    Custom,
    /// `pg_dump --format=directory`: a file a table.
    Directory,
    /// SQL, for `psql`.
    Plain,
    /// `pg_dump --format=tar`.
    Tar,
}

/// What a dump was packed with by whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Wrapped")]
#[non_exhaustive]
pub enum Wrapped {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

/// From what it is known of when a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "InstantFrom")]
#[non_exhaustive]
pub enum InstantFrom {
    /// The manifest: the instant of the snapshot, by the server's clock.
    Snapshot,
    /// The name, in UTC.
    Name,
    /// When the object was written, by the store's clock. Of a copy that is when it was copied.
    Modified,
}

/// The name of a backup that is begun now.
pub(super) fn name(kind: BackupKind, at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    let word = match kind {
        BackupKind::Backup => "backup",
        BackupKind::Salvage => "salvage",
    };
    format!("{}/{word}-{}", at.strftime("%Y/%m/%d"), at.strftime("%Y%m%d-%H%M%S"))
}

/// The last part of a name.
pub(crate) fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether an object is the record of a drill.
pub(super) fn is_record(object: &str) -> bool {
    let inner = object.strip_prefix(DRILLS).and_then(|rest| rest.strip_prefix("/drill-"));
    inner.and_then(|rest| rest.strip_suffix(".json")).is_some_and(|rest| !rest.contains('/'))
}

/// Whether a name is that of a backup, or of an object of one, rather than of a place where some are.
pub(super) fn is_backup(name: &str) -> bool {
    let ours =
        ["backup-", "salvage-"].iter().any(|word| name.starts_with(word)) && instant_in(name).is_some();
    ours || read(name) != Named::Other
}

/// What the name of an object says.
pub(super) fn read(object: &str) -> Named {
    for (ending, part) in [
        (MANIFEST, Part::Manifest),
        (BASELINE, Part::Baseline),
        (SKETCHES, Part::Baseline),
        (BEGUN, Part::Begun),
        (VERIFIED, Part::Verified),
    ] {
        if let Some(name) = object.strip_suffix(ending)
            && !file_name(name).is_empty()
        {
            return Named::Part(name.to_owned(), part);
        }
    }
    if let Some((name, file)) = in_directory(object) {
        // Only the table of contents makes a directory a dump; what else lies there belongs to it.
        return match (name.strip_suffix(DIRECTORY), file) {
            (Some(stem), _) => Named::Part(stem.to_owned(), Part::Data),
            (None, "toc.dat" | "toc.dat.gz") => Named::Foreign(Foreign {
                name: name.to_owned(),
                format: DumpFormat::Directory,
                wrapped: None,
            }),
            (None, _) => Named::Other,
        };
    }
    foreign(object).map_or(Named::Other, Named::Foreign)
}

/// Of a file of the directory format, the directory and the file's name in it.
fn in_directory(object: &str) -> Option<(&str, &str)> {
    let (directory, file) = object.rsplit_once('/')?;
    let stem = file.split('.').next().unwrap_or_default();
    let is_data = stem.bytes().all(|byte| byte.is_ascii_digit()) && !stem.is_empty() && file.contains(".dat");
    let is_blob = stem.starts_with("blob_") || stem == "blobs";
    let is_one = file.starts_with("toc.dat") || is_data || is_blob;
    // Below a directory of ours everything is its own.
    (is_one || directory.ends_with(DIRECTORY)).then_some((directory, file))
}

fn foreign(object: &str) -> Option<Foreign> {
    let (inner, wrapped) = match object.rsplit_once('.') {
        Some((inner, "gz" | "gzip")) => (inner, Some(Wrapped::Gzip)),
        Some((inner, "zst" | "zstd")) => (inner, Some(Wrapped::Zstd)),
        _ => (object, None),
    };
    let (name, ending) = inner.rsplit_once('.')?;
    let format = match ending {
        "dump" | "pgdump" | "pg_dump" | "custom" | "dmp" | "fc" => DumpFormat::Custom,
        // The second is Supabase's own: what pg_dumpall writes.
        "sql" | "backup" => DumpFormat::Plain,
        "tar" => DumpFormat::Tar,
        _ => return None,
    };
    (!file_name(name).is_empty()).then(|| Foreign { name: object.to_owned(), format, wrapped })
}

/// The instant in a name, in UTC: `…20261120-020000`, `2026-11-20T02:00:00`, `2026_11_20`, `20-11-2026@02-00-00` (as
/// Supabase names its downloads), else the day of `2026/11/20/…`.
pub(super) fn instant_in(name: &str) -> Option<Timestamp> {
    let (directory, file) = name.rsplit_once('/').unwrap_or(("", name));
    let numbers = numbers(file);
    let whole = (0..numbers.len()).find_map(|at| instant_at(&numbers[at..]));
    whole.or_else(|| {
        let parts: Vec<&str> = directory.rsplit('/').take(3).collect();
        let [day, month, year] = parts.as_slice() else { return None };
        civil(date(year, month, day)?, None)
    })
}

/// Runs of digits.
fn numbers(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect()
}

/// The instant that these runs of digits begin with.
fn instant_at(runs: &[&str]) -> Option<Timestamp> {
    let split = |run: &str, at: &[usize]| -> Option<Vec<String>> {
        let mut from = 0;
        let parts: Option<Vec<String>> = at
            .iter()
            .map(|length| {
                let part = run.get(from..from + length)?;
                from += length;
                Some(part.to_owned())
            })
            .collect();
        parts.filter(|_| from == run.len())
    };
    let first = *runs.first()?;
    // 20261120020000
    if let Some(parts) = split(first, &[4, 2, 2, 2, 2, 2]) {
        return civil(date(&parts[0], &parts[1], &parts[2])?, time(&parts[3], &parts[4], &parts[5]));
    }
    let (day, rest) = if let Some(parts) = split(first, &[4, 2, 2]) {
        (date(&parts[0], &parts[1], &parts[2])?, &runs[1..])
    } else {
        let [a, b, c, rest @ ..] = runs else { return None };
        match (a.len(), b.len(), c.len()) {
            (4, 2, 2) => (date(a, b, c)?, rest),
            (2, 2, 4) => (date(c, b, a)?, rest),
            _ => return None,
        }
    };
    let time = match rest {
        [run, ..] if run.len() == 6 => split(run, &[2, 2, 2]).and_then(|t| time(&t[0], &t[1], &t[2])),
        [run, ..] if run.len() == 4 => split(run, &[2, 2]).and_then(|t| time(&t[0], &t[1], "00")),
        [h, m, s, ..] if [h, m, s].iter().all(|run| run.len() == 2) => time(h, m, s),
        [h, m, ..] if [h, m].iter().all(|run| run.len() == 2) => time(h, m, "00"),
        _ => None,
    };
    civil(day, time)
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    // Nobody dumped PostgreSQL before; and other numbers are no years.
    let year = year.parse::<i16>().ok().filter(|year| (1990..=2200).contains(year))?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn time(hour: &str, minute: &str, second: &str) -> Option<Time> {
    Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()
}

fn civil(date: Date, time: Option<Time>) -> Option<Timestamp> {
    let at = DateTime::from_parts(date, time.unwrap_or(Time::midnight()));
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn our_names_read_back() {
        let now = at("2026-11-20T02:00:07Z");
        for (kind, is) in [
            (BackupKind::Backup, "2026/11/20/backup-20261120-020007"),
            (BackupKind::Salvage, "2026/11/20/salvage-20261120-020007"),
        ] {
            let name = name(kind, now);
            assert_eq!(name, is);
            assert_eq!(instant_in(&name), Some(now));
            for (ending, part) in [
                (MANIFEST, Part::Manifest),
                (BASELINE, Part::Baseline),
                (SKETCHES, Part::Baseline),
                (BEGUN, Part::Begun),
                (VERIFIED, Part::Verified),
                (".dir/toc.dat", Part::Data),
                (".dir/3412.dat.zst", Part::Data),
            ] {
                assert_eq!(read(&format!("{name}{ending}")), Named::Part(name.clone(), part), "{ending}");
            }
        }
    }

    #[test]
    fn dumps_of_others_are_known_by_their_names() {
        let gzip = Some(Wrapped::Gzip);
        for (object, format, wrapped) in [
            ("2026/11/20/backup-20261120-020000.dump", DumpFormat::Custom, None),
            ("2026/11/20/backup-20261120-020000.dump.gz", DumpFormat::Custom, gzip),
            ("db/prod.sql.gz", DumpFormat::Plain, gzip),
            ("prod.sql.zst", DumpFormat::Plain, Some(Wrapped::Zstd)),
            ("prod.tar", DumpFormat::Tar, None),
            ("db_cluster-20-11-2026@02-00-00.backup.gz", DumpFormat::Plain, gzip),
            ("nightly/2026-11-20/toc.dat", DumpFormat::Directory, None),
        ] {
            let name = object.strip_suffix("/toc.dat").unwrap_or(object).to_owned();
            let foreign = Foreign { name, format, wrapped };
            assert_eq!(read(object), Named::Foreign(foreign), "{object}");
        }
        for other in ["README.md", ".dump", "a/.sql", "nightly/2026-11-20/3412.dat.gz", "notes.txt", "x", ""]
        {
            assert_eq!(read(other), Named::Other, "{other}");
        }
    }

    #[test]
    fn instants_are_read_as_people_write_them() {
        for (name, is) in [
            ("backup-20261120-020000", "2026-11-20T02:00:00Z"),
            ("backup_2026-11-20T02:03:04Z", "2026-11-20T02:03:04Z"),
            ("v15_prod_20261120_0203", "2026-11-20T02:03:00Z"),
            ("prod.20261120020304", "2026-11-20T02:03:04Z"),
            ("db_cluster-20-11-2026@02-03-04", "2026-11-20T02:03:04Z"),
            ("2026_11_20", "2026-11-20T00:00:00Z"),
            ("2026/11/20/prod", "2026-11-20T00:00:00Z"),
            ("x/2026/11/20/0000-12-44", "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(instant_in(name), Some(at(is)), "{name}");
        }
        for name in ["prod", "prod-15", "2026/13/40/prod", "backup-99999999-999999", "12345678"] {
            assert_eq!(instant_in(name), None, "{name}");
        }
    }
}
