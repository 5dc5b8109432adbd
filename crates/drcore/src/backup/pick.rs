//! Which backup is meant.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::layout;
use super::list::{BackupEntry, BackupList, BackupState};
use super::manifest::BackupKind;
use crate::error::{Error, ErrorKind, Result};
use crate::text::{instant, plural};

/// Which backup of a repository is meant.
///
/// Those that are unfinished, damaged or salvaged are only meant by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pick {
    /// The newest.
    #[default]
    Newest,
    /// The newest that is of this instant or earlier.
    Before(Timestamp),
    /// The newest of this day, in UTC.
    Day(Date),
    /// The one of this name, or the last part of it, or the name of one of its objects.
    Name(String),
}

impl Pick {
    /// Reads `newest`, a day (`2026-11-20` or `2026/11/20`), an instant with its offset, or else a name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is empty.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim().trim_matches('/');
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no backup was named")
                .hint("Write newest, a day (2026-11-20), an instant (2026-11-20T02:00:00Z) or a name."));
        }
        if matches!(text, "newest" | "latest") {
            return Ok(Self::Newest);
        }
        if let Ok(instant) = text.parse() {
            return Ok(Self::Before(instant));
        }
        let day = text.replace('/', "-");
        if day.len() == 10
            && let Ok(day) = day.parse()
        {
            return Ok(Self::Day(day));
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// The one that is meant.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is none or several of that name, with what there is.
    pub fn of<'l>(&self, list: &'l BackupList) -> Result<&'l BackupEntry> {
        let found = match self {
            Self::Newest => list.usable().next(),
            Self::Before(at) => list.usable().find(|entry| entry.at <= *at),
            Self::Day(day) => list.usable().find(|entry| entry.at.to_zoned(TimeZone::UTC).date() == *day),
            Self::Name(name) => return named(name, list),
        };
        found.ok_or_else(|| self.missing(list))
    }

    fn missing(&self, list: &BackupList) -> Error {
        let place = &list.repository;
        let message = match self {
            Self::Before(at) => format!("{place} has no backup of {} or earlier", instant(*at)),
            Self::Day(day) => format!("{place} has no backup of {day}"),
            _ => format!("{place} has no backup"),
        };
        let error = Error::new(ErrorKind::Usage, message);
        let mut usable = list.usable();
        let hint = match (usable.next(), usable.last()) {
            (Some(newest), oldest) => {
                let oldest = oldest.unwrap_or(newest);
                format!("There are some from {} to {}.", instant(oldest.at), instant(newest.at))
            }
            (None, _) if list.backups.is_empty() && list.other_objects == 0 => {
                "Nothing lies there at all: check bucket and prefix, or take one with drcore backup take."
                    .to_owned()
            }
            (None, _) if list.backups.is_empty() => format!(
                "{} lie there, and none is a backup: check the prefix.",
                plural(list.other_objects, "object")
            ),
            (None, _) => {
                let states: Vec<String> =
                    [BackupState::Damaged, BackupState::Unfinished, BackupState::Unreadable]
                        .into_iter()
                        .filter_map(|state| {
                            let count = list.backups.iter().filter(|entry| entry.state == state).count();
                            (count > 0).then(|| format!("{count} {}", state.as_str()))
                        })
                        .collect();
                let salvaged = list.backups.iter().filter(|entry| entry.kind == BackupKind::Salvage).count();
                let salvaged = (salvaged > 0).then(|| format!("{salvaged} salvaged"));
                let what: Vec<String> = states.into_iter().chain(salvaged).collect();
                format!("What is there is only picked by name: {}.", what.join(", "))
            }
        };
        error.hint(hint)
    }
}

fn named<'l>(name: &str, list: &'l BackupList) -> Result<&'l BackupEntry> {
    let exact = list.backups.iter().find(|entry| entry.name == name);
    if let Some(entry) = exact {
        return Ok(entry);
    }
    let fits = |entry: &&BackupEntry| {
        layout::file_name(&entry.name) == name
            || entry.objects.iter().any(|object| object.name == name || layout::file_name(&object.name) == name)
            // As one would type it, of a foreign dump: without what says its format.
            || layout::file_name(&entry.name).strip_prefix(layout::file_name(name)).is_some_and(|rest| rest.starts_with('.'))
    };
    let found: Vec<&BackupEntry> = list.backups.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let names: Vec<&str> = list.backups.iter().map(|entry| layout::file_name(&entry.name)).collect();
            let error = Error::new(ErrorKind::Usage, format!("{} has no backup {name}", list.repository));
            let close = crate::suggest::close(name, names.iter().copied());
            Err(error.hint(if close.is_empty() {
                "drcore backup list shows what there is.".to_owned()
            } else {
                format!("Did you mean {}?", close.join(" or "))
            }))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|entry| entry.name.as_str()).collect();
            Err(Error::new(ErrorKind::Usage, format!("{name} may be any of {}", names.join(", ")))
                .hint("Give the whole name."))
        }
    }
}
