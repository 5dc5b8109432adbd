//! As what bytes the rows of a table travel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::content::Form;
use crate::evidence::Catalog;
use crate::evidence::catalog::Column;

/// As what the rows of a table travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "CopyForm")]
#[non_exhaustive]
pub enum CopyForm {
    /// As the values are stored: several times as fast.
    Binary,
    /// As text: where a type is not the same on both sides, or its bytes hold numbers of the server's own.
    Text,
}

impl CopyForm {
    /// What `COPY` calls it.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Text => "text",
        }
    }

    /// For columns of the source, and what they are called alike in the target.
    pub(super) fn of<'c>(
        columns: impl IntoIterator<Item = (&'c Column, &'c Column)>,
        source: &Catalog,
        target: &Catalog,
    ) -> Self {
        let mut columns = columns.into_iter();
        if columns.all(|(from, to)| is_portable(from, to, source, target)) {
            Self::Binary
        } else {
            Self::Text
        }
    }
}

/// Built-in types that are compared by their text, and whose bytes are the same on every server all the same:
/// geometric ones, and arrays, which hold the OIDs of their elements, where these are built in.
///
/// Source: `src/include/catalog/pg_type.dat` of PostgreSQL 13 to 18.
#[rustfmt::skip]
const BESIDES: &[u32] = &[
    199, 600, 601, 602, 603, 604, 628, 651, 718, 719, 775, 791,
    1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1022, 1027, 1028, 1040,
    1041, 1115, 1182, 1183, 1185, 1187, 1231, 1270, 1561, 1563,
    2951, 3221, 3643, 3645, 3807, 3905, 3907, 3909, 3911, 3913, 3927, 4073,
];

/// Whether one server's bytes of this column are the other's.
fn is_portable(from: &Column, to: &Column, source: &Catalog, target: &Catalog) -> bool {
    if (from.plain_type(), from.builtin) != (to.plain_type(), to.builtin) {
        return false;
    }
    match from.builtin {
        Some(oid) => matches!(Form::of(Some(oid)), Form::Send(_)) || BESIDES.binary_search(&oid).is_ok(),
        // Their labels are sent.
        None => [source, target].into_iter().all(|catalog| is_enum(catalog, from.plain_type())),
    }
}

fn is_enum(catalog: &Catalog, type_name: &str) -> bool {
    catalog.types.get().is_ok_and(|types| {
        types.iter().any(|known| known.kind == "enum" && known.name.to_string() == type_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_besides_is_in_order() {
        assert!(BESIDES.is_sorted());
        // `reg*`, `xml` and arrays of them hold what only one server understands.
        for oid in [24, 142, 143, 2205, 2206, 2210, 1034] {
            assert!(!BESIDES.contains(&oid) && matches!(Form::of(Some(oid)), Form::Output), "{oid}");
        }
    }
}
