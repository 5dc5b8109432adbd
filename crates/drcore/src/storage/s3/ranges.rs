//! A listing in parts that are listed at the same time.
//!
//! Where to cut is taken from the database, which knows the names; where it knows too little, a part that turns out
//! long is cut in the middle while it is listed.

use std::collections::VecDeque;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::S3;
use super::page::{Object, Page};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::http::Patience;
use crate::storage::vantage::{Listed, Listing};

/// How many parts are begun and not ended, at most.
const BEGUN: usize = 64;
/// A part is long where it has so many pages.
const LONG: u32 = 24;
/// One that was cut is cut again after so many more.
const AGAIN: u32 = 4;

/// A part of the keys: all after one and up to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Range {
    after: Option<String>,
    until: Option<String>,
    /// What the next page is asked for with; where there is none, with the key that it comes after.
    token: Option<String>,
    pages: u32,
}

impl Range {
    /// The parts between these keys.
    fn all(cuts: &[String]) -> VecDeque<Self> {
        let ends = cuts.iter().map(|cut| Some(cut.clone())).chain([None]);
        let mut after = None;
        ends.map(|until| Self {
            after: std::mem::replace(&mut after, until.clone()),
            until,
            ..Self::default()
        })
        .collect()
    }

    /// Cuts off what lies behind the middle of what is left, where there is a middle. `end` lies behind all keys.
    fn halve(&mut self, end: &str) -> Option<Self> {
        let middle = between(self.after.as_deref()?, self.until.as_deref().unwrap_or(end))?;
        let behind = Self { after: Some(middle.clone()), until: self.until.take(), ..Self::default() };
        self.until = Some(middle);
        // Much may lie before the middle still.
        self.pages = LONG - AGAIN;
        Some(behind)
    }
}

/// A key about in the middle of two, as far as that can be told without knowing what lies there.
fn between(after: &str, until: &str) -> Option<String> {
    let different = after.char_indices().zip(until.chars()).find(|((_, a), b)| a != b);
    let common = different.map_or(after.len(), |((at, _), _)| at);
    // Where nothing fits between the first that differ, the middle begins as the lower one does.
    for at in common..=after.len() {
        let Some(head) = after.get(..at) else { continue };
        let low = after.as_bytes().get(at).copied().unwrap_or(b' ').max(b' ');
        let high = if at == common { until.as_bytes().get(at).copied()?.min(b'~') } else { b'~' };
        // Among what is not of ASCII there may be no character between two.
        if low.is_ascii() && high > low + 1 {
            let middle = format!("{head}{}", char::from(low + (high - low) / 2));
            return (middle.as_str() > after && middle.as_str() < until).then_some(middle);
        }
    }
    None
}

/// How a store is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// One page after the other, in whatever order they come.
    Whole,
    /// In parts, for which keys have to come in order.
    Parts,
}

/// Hands over every key that begins with `prefix`, which ends in a slash; cut at these keys.
///
/// # Errors
/// Why not all of them were listed.
pub(super) async fn list(store: &S3, prefix: &str, cuts: &[String], listing: &Listing) -> Result<()> {
    match list_by(Way::Parts, store, prefix, cuts, listing).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(%error, "listing the store from its beginning, one page after the other");
            // What was listed twice is told as one.
            list_by(Way::Whole, store, prefix, &[], listing).await
        }
        ended => ended,
    }
}

async fn list_by(way: Way, store: &S3, prefix: &str, cuts: &[String], listing: &Listing) -> Result<()> {
    let end = format!("{}0", prefix.trim_end_matches('/'));
    let mut waiting = Range::all(cuts);
    let mut begun = FuturesUnordered::new();
    loop {
        while begun.len() < BEGUN
            && let Some(range) = waiting.pop_front()
        {
            begun.push(step(way, store, prefix, range));
        }
        let Some(stepped) = begun.next().await else { return Ok(()) };
        let (objects, rest) = stepped?;
        let listed: Result<Vec<Listed>> =
            objects.into_iter().map(|object| super::listed(object, prefix)).collect();
        let listed = store.sum(prefix, listed?).await?;
        if listing.send(listed).await.is_err() {
            // Nobody wants it any more, and whoever asked knows why.
            return Ok(());
        }
        let Some(mut rest) = rest else { continue };
        if way == Way::Parts && rest.pages >= LONG && waiting.is_empty() && begun.len() < BEGUN {
            waiting.extend(rest.halve(&end));
        }
        begun.push(step(way, store, prefix, rest));
    }
}

/// One page of a part; and what is left of the part.
async fn step(way: Way, store: &S3, prefix: &str, range: Range) -> Result<(Vec<Object>, Option<Range>)> {
    let is_first = range.pages == 0 && range.after.is_none();
    let patience = if is_first { Patience::short() } else { Patience::long() };
    let Page { mut objects, next, .. } = match page(store, prefix, &range, true, patience).await {
        // The token may have become too old: what follows is asked for by the last key.
        Err(error) if range.token.is_some() && range.after.is_some() => {
            tracing::debug!(%error, "going on from the last key");
            page(store, prefix, &range, false, Patience::short()).await.map_err(|_| error)?
        }
        page => page?,
    };
    if next.is_some() && next == range.token {
        return Err(Error::new(ErrorKind::Connection, "the store's listing goes round in circles"));
    }
    let last = objects.last().map(|object| object.key.clone());
    let rest = |token| Range {
        after: last.clone().or_else(|| range.after.clone()),
        until: range.until.clone(),
        token: Some(token),
        pages: range.pages + 1,
    };
    if way == Way::Whole {
        return Ok((objects, next.map(rest)));
    }
    let begins_before =
        objects.first().zip(range.after.as_ref()).is_some_and(|(first, after)| first.key <= *after);
    if begins_before || !objects.is_sorted_by(|a, b| a.key < b.key) {
        let message =
            "the store does not list its keys in the order of their bytes, from one that it is given";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let is_beyond = |key: &String| range.until.as_ref().is_some_and(|until| key > until);
    let rest = next.filter(|_| !last.as_ref().is_some_and(is_beyond)).map(rest);
    objects.retain(|object| !is_beyond(&object.key));
    Ok((objects, rest))
}

async fn page(store: &S3, prefix: &str, range: &Range, by_token: bool, patience: Patience) -> Result<Page> {
    let mut query = vec![("prefix", prefix)];
    match (range.token.as_deref().filter(|_| by_token), &range.after) {
        (Some(token), _) => query.push(("continuation-token", token)),
        (None, Some(after)) => query.push(("start-after", after)),
        (None, None) => {}
    }
    store.page(&query, patience).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_nothing_out_and_have_nothing_twice() {
        let cuts = ["b".to_owned(), "d".to_owned()];
        let ranges = Range::all(&cuts);
        let ends: Vec<_> =
            ranges.iter().map(|range| (range.after.as_deref(), range.until.as_deref())).collect();
        assert_eq!(ends, [(None, Some("b")), (Some("b"), Some("d")), (Some("d"), None)]);
        assert_eq!(Range::all(&[]), [Range::default()]);
    }

    #[test]
    fn the_middle_lies_between() {
        for (after, until, there_is_one) in [
            ("t/b/1f", "t/b/9f", true),
            ("t/b/1f", "t0", true),
            ("t/b/1f", "t/b/1g", true),
            ("t/b/1~", "t/b/2", true),
            ("t/b", "t/b/z", true),
            ("t/b", "t/b!", false),
            ("ä", "ö", true),
            ("a", "ä", true),
        ] {
            let middle = between(after, until);
            assert_eq!(middle.is_some(), there_is_one, "{after} {until}: {middle:?}");
            assert!(middle.is_none_or(|middle| middle.as_str() > after && middle.as_str() < until));
        }
        let mut range = Range {
            after: Some("b/1".to_owned()),
            until: Some("b/9".to_owned()),
            token: Some("x".to_owned()),
            pages: 30,
        };
        let behind = range.halve("b0").unwrap();
        assert_eq!((range.until.as_ref(), behind.until.as_deref()), (behind.after.as_ref(), Some("b/9")));
        // It goes on where it was.
        assert_eq!((range.token.as_deref(), behind.token), (Some("x"), None));
    }
}
