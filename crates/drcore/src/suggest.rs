//! "Did you mean": names that are close to what was typed.

use crate::error::{Error, ErrorKind};

/// At most three of `known` that are close to `typed`, the closest first.
pub(crate) fn close<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let typed = typed.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name))
        .map(|(distance, name)| {
            #[expect(clippy::cast_precision_loss, reason = "names are short")]
            let share = distance as f64 / typed.chars().count().max(name.chars().count()).max(1) as f64;
            (share, name)
        })
        .filter(|(share, _)| *share <= 0.5)
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    // A clear winner stands alone.
    let best = scored.first().map_or(1.0, |(share, _)| *share);
    scored.into_iter().filter(|(share, _)| *share <= best + 0.1).map(|(_, name)| name).take(3).collect()
}

/// The error that there is no `what` called `typed`, with what may have been meant.
///
/// ```
/// let error = drcore::no_such("check", "row_count", &["bucket_privacy", "row_counts"]);
/// assert_eq!(error.hint_text(), Some("Did you mean row_counts?"));
/// ```
pub fn no_such(what: &str, typed: &str, known: &[&str]) -> Error {
    let close = close(typed, known.iter().copied());
    let hint = if close.is_empty() {
        format!("Allowed: {}.", known.join(", "))
    } else {
        format!("Did you mean {}?", close.join(" or "))
    };
    Error::new(ErrorKind::Usage, format!("no such {what}: {typed:?}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found_and_far_ones_are_not() {
        assert_eq!(close("rpoo", ["rto", "rpo"]), ["rpo"]);
        assert!(close("zzzz", ["rto", "rpo"]).is_empty());
    }
}
