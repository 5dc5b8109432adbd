//! What is compared, and how.

use serde_json::Value;

use crate::collect::CollectOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Plan, TableName, glob};
use crate::sql::QualifiedName;

/// What is asked of [`diff`](super::diff()).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DiffOptions {
    /// Only these tables; all in scope where empty.
    pub tables: Vec<TableName>,
    /// Tables that are left out: `schema.table` or `table`, where `*` stands for any text.
    pub exclude: Vec<String>,
    /// Whether a table whose columns differ is compared by those that both sides have.
    pub common_columns: bool,
    /// How many rows of each sort a table of the report shows.
    pub limit: usize,
    /// Whether the values of rows that differ are read. In JSON they are only where somebody says so again.
    pub values: bool,
    /// Whether the structure is compared, every object of it, instead of rows.
    pub structure: bool,
    /// Scope, limits, and `[content_drift]`.
    pub plan: Plan,
    /// Progress and cancelling.
    pub collect: CollectOptions,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            exclude: Vec::new(),
            common_columns: false,
            limit: Self::LIMIT,
            values: true,
            structure: false,
            plan: Plan::default(),
            collect: CollectOptions::default(),
        }
    }
}

impl DiffOptions {
    /// Rows of each sort that a table of the report shows, where nobody says.
    pub const LIMIT: usize = 20;

    /// Reads the options of a call: `{"tables": ["invoices"], "exclude": ["audit.*"], "common_columns": true,
    /// "limit": 20, "values": false, "structure": true, "plan": PATH | {…}, "deadline": "10m", "sessions": 2, "limits": {…}}`, all optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type;
    /// [`ErrorKind::Plan`] for mistakes in the plan.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut given = crate::arguments::object(text, KEYS)?;
        let mut options = Self { plan: crate::arguments::plan(&mut given)?, ..Self::default() };
        for name in strings(given.remove("tables"), "tables")? {
            let name = TableName::parse(&name).map_err(|message| usage(format!("tables: {message}")))?;
            options.tables.push(name);
        }
        options.exclude = strings(given.remove("exclude"), "exclude")?;
        if let Some(common) = given.remove("common_columns") {
            options.common_columns =
                common.as_bool().ok_or_else(|| usage("common_columns: expected true or false".to_owned()))?;
        }
        if let Some(structure) = given.remove("structure") {
            options.structure =
                structure.as_bool().ok_or_else(|| usage("structure: expected true or false".to_owned()))?;
        }
        if options.structure && options.common_columns {
            return Err(usage("common_columns: with structure no rows are compared".to_owned()));
        }
        if let Some(values) = given.remove("values") {
            options.values =
                values.as_bool().ok_or_else(|| usage("values: expected true or false".to_owned()))?;
        }
        if let Some(limit) = given.remove("limit") {
            let number = limit.as_u64().and_then(|number| usize::try_from(number).ok());
            options.limit =
                number.ok_or_else(|| usage("limit: expected how many rows to show".to_owned()))?;
        }
        crate::arguments::limits(&mut given, &mut options.plan)?;
        Ok(options)
    }

    /// The pattern that leaves this table out.
    pub(super) fn excluding(&self, name: &QualifiedName) -> Option<&str> {
        let plain = format!("{}.{}", name.schema, name.name);
        let fits = |pattern: &&String| {
            glob(pattern, &plain)
                || glob(pattern, &name.to_string())
                || (!pattern.contains('.') && glob(pattern, &name.name))
        };
        self.exclude.iter().find(fits).map(String::as_str)
    }
}

const KEYS: &[&str] = &[
    "common_columns",
    "deadline",
    "exclude",
    "limit",
    "limits",
    "plan",
    "sessions",
    "structure",
    "tables",
    "values",
];

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}

fn strings(value: Option<Value>, key: &str) -> Result<Vec<String>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    serde_json::from_value(value).map_err(|_| usage(format!("{key}: expected a list of names")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let options = DiffOptions::from_json(
            r#"{"tables": ["invoices"], "exclude": ["audit.*", "log_*"], "common_columns": true, "limit": 3,
                "deadline": "10m", "plan": null}"#,
        )
        .unwrap();
        assert_eq!((options.tables.len(), options.common_columns, options.limit), (1, true, 3));
        assert_eq!(options.excluding(&QualifiedName::new("audit", "x")), Some("audit.*"));
        assert_eq!(options.excluding(&QualifiedName::new("public", "log_1")), Some("log_*"));
        assert_eq!(options.excluding(&QualifiedName::new("public", "invoices")), None);
        for (text, needle) in [
            (r#"{"table": ["invoices"]}"#, "no such option"),
            (r#"{"tables": "invoices"}"#, "list"),
            (r#"{"tables": ["a.b.c"]}"#, "not a table"),
            (r#"{"limit": -1}"#, "how many rows"),
            (r#"{"common_columns": 1}"#, "true or false"),
            (r#"{"structure": "yes"}"#, "true or false"),
            (r#"{"structure": true, "common_columns": true}"#, "no rows are compared"),
        ] {
            let error = DiffOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }
}
