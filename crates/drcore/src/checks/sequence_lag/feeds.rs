//! The columns that a sequence feeds, and what they hold.

use std::sync::LazyLock;

use regex::Regex;

use crate::evidence::catalog::{Column, FedColumn, Sequence};
use crate::evidence::{Catalog, Cause, CauseKind};
use crate::sql::{QualifiedName, ident};

/// `nextval('…')`, and at most a cast around it.
static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\(?nextval\('((?:[^']|'')+)'::(?:pg_catalog\.)?regclass\)\)?(?:::[a-z0-9 (),_.]+)?$").ok()
});

impl FedColumn {
    /// The column, where its values are the sequence's own; else why they cannot be compared.
    pub(super) fn column<'c>(&self, catalog: &'c Catalog) -> Result<Result<&'c Column, Cause>, Cause> {
        let unsupported = |message: String| Cause::new(CauseKind::Unsupported, message);
        let relation = catalog.relation(&self.relation)?;
        if !relation.is_some_and(|relation| relation.kind.is_table()) {
            return Ok(Err(unsupported("it is not a table whose rows are here".to_owned())));
        }
        let Some(column) = catalog.column(&self.relation, &self.column)? else {
            return Ok(Err(Cause::new(CauseKind::Error, "the column is not there")));
        };
        let plain = column
            .default
            .as_ref()
            .is_none_or(|default| PLAIN.as_ref().is_some_and(|plain| plain.is_match(default)));
        let number = column.is_integer() || column.plain_type().starts_with("numeric");
        Ok(if plain && number {
            Ok(column)
        } else {
            Err(unsupported(format!(
                "the sequence feeds it through an expression ({}), so its values are not the sequence's own",
                column.default.as_deref().unwrap_or(&column.type_name)
            ))
            .hint("Compare it with a baseline (--against FILE|URL), or by an [[assertions]] of the plan."))
        })
    }

    /// Whether the sequence only belongs to the column: inserts draw on another one, or on none.
    pub(super) fn is_left_over(&self, sequence: &Sequence, catalog: &Catalog) -> Result<bool, Cause> {
        if self.link != "owned" {
            return Ok(false);
        }
        let Some(column) = catalog.column(&self.relation, &self.column)? else { return Ok(false) };
        let Some(default) = &column.default else { return Ok(true) };
        let called = PLAIN.as_ref().and_then(|plain| plain.captures(default)).map(|found| {
            // What cannot be told apart counts as this one, which is then compared.
            QualifiedName::parse(&found[1].replace("''", "'")).is_ok_and(|name| name != sequence.name)
        });
        // A function that the default calls may still draw on it.
        Ok(column.identity || called.unwrap_or_else(|| column.has_constant()))
    }

    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.relation, ident(&self.column))
    }
}

impl Column {
    /// Whether its default calls nothing, so that every row gets the same.
    pub(super) fn has_constant(&self) -> bool {
        self.default.as_ref().is_some_and(|default| !default.contains('('))
    }

    /// Whether rows get their values without being told.
    pub(super) fn is_fed(&self) -> bool {
        self.identity || (self.default.is_some() && !self.has_constant())
    }
}

impl Column {
    /// The whole numbers that its type holds; none where it holds any, or is no number.
    pub(super) fn range(&self) -> Option<(i128, i128)> {
        let both = |low: i64, high: i64| Some((i128::from(low), i128::from(high)));
        match self.plain_type() {
            "smallint" => both(i16::MIN.into(), i16::MAX.into()),
            "integer" => both(i32::MIN.into(), i32::MAX.into()),
            "bigint" => both(i64::MIN, i64::MAX),
            other => {
                let (digits, scale) = other.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
                let whole = digits.parse::<i64>().ok()? - scale.parse::<i64>().ok()?;
                let high = 10_i128.checked_pow(u32::try_from(whole).ok()?)? - 1;
                Some((-high, high))
            }
        }
    }
}

impl Sequence {
    /// Whether it feeds the same column, however it is linked.
    pub(super) fn has_fed(&self, feed: &FedColumn) -> bool {
        self.feeds.iter().any(|fed| fed.relation == feed.relation && fed.column == feed.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(type_name: &str, base: Option<&str>) -> Option<(i128, i128)> {
        let column = serde_json::json!({
            "relation": "public.t", "position": 1, "name": "id", "type": type_name, "base": base, "not_null": true,
            "default": null, "generated": false, "identity": false, "acl": [],
        });
        serde_json::from_value::<Column>(column).unwrap().range()
    }

    #[test]
    fn what_a_column_holds() {
        assert_eq!(range("smallint", None), Some((-32_768, 32_767)));
        assert_eq!(range("integer", None), Some((-2_147_483_648, 2_147_483_647)));
        assert_eq!(range("bigint", None), Some((i64::MIN.into(), i64::MAX.into())));
        assert_eq!(range("numeric(5,0)", None), Some((-99_999, 99_999)));
        assert_eq!(range("numeric(5,2)", None), Some((-999, 999)));
        assert_eq!(range("numeric(2,2)", None), Some((0, 0)));
        assert_eq!(range("numeric(60,0)", None), None, "more than any sequence");
        assert_eq!(range("numeric", None), None);
        assert_eq!(range("text", None), None);
        assert_eq!(range("public.short", Some("smallint")), Some((-32_768, 32_767)));
    }
}
