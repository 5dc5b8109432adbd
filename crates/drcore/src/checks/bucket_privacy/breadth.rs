//! How many files a policy's expression lets through, as far as its text shows.

use std::collections::BTreeSet;

use crate::checks::expression::{is_always_true, split, unwrap};

/// Files that an expression lets through whatever their name and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breadth {
    /// All files of these buckets; of every bucket where none.
    pub(super) buckets: Option<BTreeSet<String>>,
    /// Only for those who are signed in.
    pub(super) signed_in: bool,
}

impl Breadth {
    /// What the expression, as `pg_get_expr` writes it, lets through; none where it asks for more than the bucket.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = unwrap(text);
        if is_always_true(text) {
            return Some(Self { buckets: None, signed_in: false });
        }
        let or = split(text, " OR ");
        if or.len() > 1 {
            return or.into_iter().filter_map(Self::of).reduce(Self::or);
        }
        let and = split(text, " AND ");
        if and.len() > 1 {
            return and.into_iter().map(Self::of).reduce(|one, other| Some(one?.and(other?))).flatten();
        }
        if asks_who(text) {
            return Some(Self { buckets: None, signed_in: true });
        }
        Some(Self { buckets: Some(buckets(text)?), signed_in: false })
    }

    fn or(self, other: Self) -> Self {
        let buckets = self.buckets.zip(other.buckets).map(|(one, other)| &one | &other);
        Self { buckets, signed_in: self.signed_in && other.signed_in }
    }

    fn and(self, other: Self) -> Self {
        let buckets = match (self.buckets, other.buckets) {
            (Some(one), Some(other)) => Some(&one & &other),
            (one, other) => one.or(other),
        };
        Self { buckets, signed_in: self.signed_in || other.signed_in }
    }
}

/// `auth.role() = 'authenticated'`, `auth.uid() IS NOT NULL`, also in a sub-select.
fn asks_who(text: &str) -> bool {
    let text = text.replace("( SELECT auth.role() AS role)", "auth.role()");
    let text = text.replace("( SELECT auth.uid() AS uid)", "auth.uid()");
    matches!(
        text.as_str(),
        "auth.role() = 'authenticated'::text"
            | "auth.uid() IS NOT NULL"
            | "'authenticated'::text = auth.role()"
    )
}

/// `bucket_id = 'x'::text`, or `bucket_id = ANY (ARRAY['x'::text, 'y'::text])`.
fn buckets(text: &str) -> Option<BTreeSet<String>> {
    let (left, right) = match split(text, " = ").as_slice() {
        [left, right] => (unwrap(left), unwrap(right)),
        _ => return None,
    };
    if left != "bucket_id" {
        return if right == "bucket_id" { Some(BTreeSet::from([text_literal(left)?])) } else { None };
    }
    let Some(array) = right.strip_prefix("ANY ") else { return Some(BTreeSet::from([text_literal(right)?])) };
    let items = unwrap(array).strip_prefix("ARRAY[")?.strip_suffix(']')?;
    split(items, ", ").into_iter().map(text_literal).collect()
}

fn text_literal(text: &str) -> Option<String> {
    let inner = unwrap(text).strip_suffix("::text")?.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breadth(text: &str) -> Option<(Option<Vec<String>>, bool)> {
        Breadth::of(text).map(|of| (of.buckets.map(|ids| ids.into_iter().collect()), of.signed_in))
    }

    #[test]
    fn what_lets_all_files_of_a_bucket_through() {
        let only = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
        for (text, expected) in [
            ("true", (None, false)),
            ("(bucket_id = 'a'::text)", (only(&["a"]), false)),
            ("('it''s'::text = bucket_id)", (only(&["it's"]), false)),
            ("(bucket_id = ANY (ARRAY['a'::text, 'b'::text]))", (only(&["a", "b"]), false)),
            ("((bucket_id = 'a'::text) OR (bucket_id = 'b'::text))", (only(&["a", "b"]), false)),
            ("((bucket_id = 'a'::text) OR (owner_id = 'x'::text))", (only(&["a"]), false)),
            ("((bucket_id = 'a'::text) AND (auth.role() = 'authenticated'::text))", (only(&["a"]), true)),
            ("((bucket_id = 'a'::text) AND (( SELECT auth.uid() AS uid) IS NOT NULL))", (only(&["a"]), true)),
            ("((bucket_id = 'a'::text) AND true)", (only(&["a"]), false)),
            (
                "((bucket_id = ANY (ARRAY['a'::text, 'b'::text])) OR (bucket_id = ANY (ARRAY['b'::text, 'c'::text])))",
                (only(&["a", "b", "c"]), false),
            ),
            (
                "((bucket_id = ANY (ARRAY['a'::text, 'b'::text])) AND (bucket_id = ANY (ARRAY['b'::text, 'c'::text])))",
                (only(&["b"]), false),
            ),
            (
                "(((bucket_id = 'a'::text) AND (auth.uid() IS NOT NULL)) OR (bucket_id = 'b'::text))",
                (only(&["a", "b"]), false),
            ),
            ("(auth.uid() IS NOT NULL)", (None, true)),
        ] {
            assert_eq!(breadth(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_asks_for_more() {
        for text in [
            "((bucket_id = 'a'::text) AND ((storage.foldername(name))[1] = (auth.uid())::text))",
            "(owner_id = (auth.uid())::text)",
            "(name = 'bucket_id'::text)",
            "false",
        ] {
            assert_eq!(breadth(text), None, "{text}");
        }
    }
}
