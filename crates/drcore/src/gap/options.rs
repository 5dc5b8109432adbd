//! What is asked.

use jiff::Timestamp;
use serde_json::Value;

use crate::collect::CollectOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{ColumnName, Plan, TableName};

/// What is asked of [`gap`](super::gap).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GapOptions {
    /// Rows that were created after this instant are counted.
    pub since: Timestamp,
    /// The column that says which tenant a row belongs to; else that of the plan's `[tenancy]`.
    pub tenant_column: Option<String>,
    /// Only these tables; all in scope where empty.
    pub tables: Vec<TableName>,
    /// Columns that say when a row was created, where the usual names do not.
    pub columns: Vec<ColumnName>,
    /// Scope, tenancy and limits.
    pub plan: Plan,
    /// Progress, cancelling and the snapshot.
    pub collect: CollectOptions,
}

impl GapOptions {
    /// Rows that were created after `since`, in all tables of the default scope.
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            tenant_column: None,
            tables: Vec::new(),
            columns: Vec::new(),
            plan: Plan::default(),
            collect: CollectOptions::default(),
        }
    }

    /// Reads the options of a call: `{"since": "2026-11-20T02:55:00Z", "tenant_column": "tenant_id",
    /// "tables": ["invoices"], "columns": ["proposals.sent_at"], "plan": PATH | {…}, "deadline": "10m",
    /// "sessions": 2, "limits": {"statement_timeout": "1h", …}, "snapshot": ID}`, all but `since` optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type;
    /// [`ErrorKind::Plan`] for mistakes in the plan.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut given = crate::arguments::object(text, KEYS)?;
        let since = given.remove("since").ok_or_else(|| usage("since is missing: an instant".to_owned()))?;
        let since = string("since", &since)?;
        let mut options = Self::new(since.parse().map_err(|_| {
            usage(format!(
                "since: expected an instant with its offset, such as 2026-11-20T02:55:00Z, not {since:?}"
            ))
        })?);
        options.plan = crate::arguments::plan(&mut given)?;
        options.tenant_column =
            given.remove("tenant_column").map(|value| string("tenant_column", &value)).transpose()?;
        options.tables = names(given.remove("tables"), "tables", TableName::parse)?;
        options.columns = names(given.remove("columns"), "columns", ColumnName::parse)?;
        crate::arguments::limits(&mut given, &mut options.plan)?;
        options.collect.snapshot =
            given.remove("snapshot").map(|value| string("snapshot", &value)).transpose()?;
        Ok(options)
    }
}

const KEYS: &[&str] =
    &["columns", "deadline", "limits", "plan", "sessions", "since", "snapshot", "tables", "tenant_column"];

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}

fn string(key: &str, value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| usage(format!("{key}: expected a string")))
}

fn names<T>(
    value: Option<Value>,
    key: &str,
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> Result<Vec<T>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let names: Vec<String> =
        serde_json::from_value(value).map_err(|_| usage(format!("{key}: expected a list of names")))?;
    names.iter().map(|name| parse(name).map_err(|message| usage(format!("{key}: {message}")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let options = GapOptions::from_json(
            r#"{"since": "2026-11-20T02:55:00Z", "tenant_column": "tenant_id", "tables": ["invoices", "public.\"User\""],
                "columns": ["proposals.sent_at"], "deadline": "10m", "sessions": 3, "snapshot": null}"#,
        )
        .unwrap();
        assert_eq!((options.tables.len(), options.columns.len()), (2, 1));
        assert_eq!(options.plan.limits.sessions, Some(3));
        for (text, needle) in [
            ("{}", "since is missing"),
            (r#"{"since": "yesterday"}"#, "an instant"),
            (r#"{"sinc": "2026-11-20T02:55:00Z"}"#, "no such option"),
            (r#"{"since": "2026-11-20T02:55:00Z", "tables": "invoices"}"#, "list"),
            (r#"{"since": "2026-11-20T02:55:00Z", "columns": ["sent_at"]}"#, "not a column"),
            (r#"{"since": "2026-11-20T02:55:00Z", "tenant_column": 5}"#, "a string"),
            (r#"{"since": "2026-11-20T02:55:00Z", "deadline": "soon"}"#, "duration"),
            (r#"{"since": "2026-11-20T02:55:00Z", "sessions": 0}"#, "sessions"),
        ] {
            let error = GapOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }
}
