//! What is wrong at each look, and counts.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::found::Keeper;
use super::layout::Place;
use super::sorted::{Mark, Sorted, Sorter, View};
use crate::error::Result;
use crate::evidence::{Files, OddFiles};

/// What of the second look can be told already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// Files that were written until then, by the clock of the store, are of no upload that is still open.
    pub(super) files: Option<Timestamp>,
    /// Whether what nobody knows the age of has been there for long enough.
    pub(super) undated: bool,
    /// Whether all who wrote rows at the first look are done with it.
    pub(super) rows: bool,
}

impl Settled {
    fn has(&self, seen: View<'_>) -> bool {
        if !seen.mark.is_unreferenced() {
            // A row that says nothing of its bytes may have been there before them.
            return self.rows && (seen.size.is_some() || self.undated);
        }
        match (seen.modified, self.files) {
            (Some(modified), Some(until)) => modified <= until.as_millisecond(),
            _ => self.undated,
        }
    }
}

/// Counts what is wrong both times it was looked at: of these, what the second look says. Gives what cannot be told yet.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if the temporary files fail.
pub(super) fn confirm(
    files: &mut Files,
    first: &Sorted,
    second: &Sorted,
    settled: Settled,
    keeper: &mut Keeper,
) -> Result<Sorted> {
    let (mut first, mut second) = (first.read()?, second.read()?);
    let mut open = Sorter::default();
    while let (Some(was), Some(is)) = (first.place(), second.place()) {
        match was.cmp(is) {
            Ordering::Less => first.pass()?,
            Ordering::Greater => second.pass()?,
            Ordering::Equal => {
                if let (Some(before), Some(seen)) = (first.head()?, second.head()?) {
                    // Bytes that had no row, and then a row that has no bytes: an upload that was overwritten since.
                    let same = before.mark.is_unreferenced() == seen.mark.is_unreferenced();
                    if same && settled.has(seen) {
                        count(files, seen, keeper)?;
                    } else {
                        open.push_view(seen)?;
                    }
                }
                // What is left of this place in the first look is passed when the second is beyond it.
                second.pass()?;
            }
        }
    }
    open.finish()
}

fn count(files: &mut Files, seen: View<'_>, keeper: &mut Keeper) -> Result<()> {
    let place = Place::from_bytes(seen.place.to_vec());
    let bucket = files.buckets.entry(place.bucket()).or_default();
    let odd = match seen.mark {
        Mark::Missing => &mut bucket.missing,
        Mark::Failing => {
            bucket.failing += 1;
            &mut bucket.missing
        }
        Mark::Superseded => {
            bucket.superseded += 1;
            &mut bucket.missing
        }
        Mark::Unreferenced | Mark::UnreferencedSeparated => &mut bucket.unreferenced,
        Mark::Size => &mut bucket.size_differs,
        Mark::Checksum => &mut bucket.checksum_differs,
        Mark::None | Mark::Separated | Mark::Unfinished | Mark::Unknown | Mark::Unversioned => {
            return Ok(());
        }
    };
    odd.files += 1;
    odd.bytes += seen.size.unwrap_or(0);
    date(odd, seen.modified.and_then(|modified| Timestamp::from_millisecond(modified).ok()));
    if odd.samples.len() < keeper.samples {
        let mut sample = place.in_bucket();
        if let Some(words) = seen.etag {
            sample = format!("{sample} ({})", String::from_utf8_lossy(words));
        }
        odd.samples.push(sample);
    }
    keeper.wrong(&place, seen)
}

fn date(odd: &mut OddFiles, modified: Option<Timestamp>) {
    let Some(modified) = modified else { return };
    odd.oldest = Some(odd.oldest.map_or(modified, |oldest| oldest.min(modified)));
    odd.newest = Some(odd.newest.map_or(modified, |newest| newest.max(modified)));
}

/// When the newest file that no row knows was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    /// There is none.
    None,
    /// In milliseconds since 1970, by the clock of the store.
    Of(i64),
    /// Nobody knows.
    Undated,
}

impl Newest {
    /// With one more file.
    pub(super) fn and(self, modified: Option<i64>) -> Self {
        match (self, modified) {
            (Self::Undated, _) | (_, None) => Self::Undated,
            (Self::None, Some(modified)) => Self::Of(modified),
            (Self::Of(newest), Some(modified)) => Self::Of(newest.max(modified)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sorted::Entry;
    use super::*;

    fn sorted(entries: &[(&str, Mark, Option<i64>)]) -> Sorted {
        let mut sorter = Sorter::default();
        for (path, mark, modified) in entries {
            let place = Place::listed(path).0;
            let entry = Entry { place, size: Some(1), etag: None, modified: *modified, mark: *mark };
            sorter.push(&entry).unwrap();
        }
        sorter.finish().unwrap()
    }

    #[test]
    fn what_is_wrong_once_is_not_counted_and_what_is_not_settled_is_looked_at_again() {
        let first = sorted(&[
            ("b/back", Mark::Missing, None),
            ("b/gone", Mark::Missing, None),
            ("b/old", Mark::Unreferenced, Some(1_000)),
            ("b/undated", Mark::Unreferenced, None),
            ("b/young", Mark::Unreferenced, Some(9_000)),
        ]);
        let second = sorted(&[
            ("b/gone", Mark::Superseded, None),
            ("b/new", Mark::Unreferenced, Some(9_500)),
            ("b/old", Mark::Unreferenced, Some(1_000)),
            ("b/undated", Mark::Unreferenced, None),
            ("b/young", Mark::Unreferenced, Some(9_000)),
        ]);
        let until = Timestamp::from_millisecond(5_000).ok();
        let counted = |settled: Settled| {
            let mut files = Files::default();
            let open =
                confirm(&mut files, &first, &second, settled, &mut Keeper::new(9, false).unwrap()).unwrap();
            let bucket = files.buckets.remove("b").unwrap_or_default();
            (bucket.missing.files, bucket.superseded, bucket.unreferenced.samples, open.len())
        };
        let samples = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            counted(Settled { files: until, undated: false, rows: true }),
            (1, 1, samples(&["old"]), 2)
        );
        assert_eq!(
            counted(Settled { files: until, undated: true, rows: false }),
            (0, 0, samples(&["old", "undated"]), 2)
        );
        // Without a clock, what was waited for is all there is.
        assert_eq!(
            counted(Settled { files: None, undated: true, rows: true }),
            (1, 1, samples(&["old", "undated", "young"]), 0)
        );
    }

    #[test]
    fn an_upload_that_is_overwritten_between_its_row_and_its_bytes_is_in_motion() {
        let first = sorted(&[("b/came", Mark::Unreferenced, Some(1_000)), ("b/went", Mark::Missing, None)]);
        let second = sorted(&[("b/came", Mark::Missing, None), ("b/went", Mark::Unreferenced, Some(1_000))]);
        let settled = Settled { files: Timestamp::from_millisecond(5_000).ok(), undated: true, rows: true };
        let (mut files, mut keeper) = (Files::default(), Keeper::new(9, false).unwrap());
        let open = confirm(&mut files, &first, &second, settled, &mut keeper).unwrap();
        assert_eq!((files.buckets.len(), open.len()), (0, 2));
        // What stays as it is counts.
        let open = confirm(&mut files, &open, &second, settled, &mut keeper).unwrap();
        assert_eq!(
            (files.buckets["b"].missing.files, files.buckets["b"].unreferenced.files, open.len()),
            (1, 1, 0)
        );
    }

    #[test]
    fn the_newest_is_known_only_where_all_are() {
        let of = |dates: &[Option<i64>]| dates.iter().fold(Newest::None, |newest, date| newest.and(*date));
        assert_eq!(of(&[]), Newest::None);
        assert_eq!(of(&[Some(3), Some(5), Some(4)]), Newest::Of(5));
        assert_eq!(of(&[Some(3), None, Some(4)]), Newest::Undated);
    }
}
