//! Rows that are written to files: by extension, as JSON lines or as comma-separated values.

use std::path::Path;

use drcore::{Error, ErrorKind};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// Every row, as a line of JSON.
    Rows,
    /// Every row, as a line of values.
    Table,
    Text,
}

impl Form {
    /// What a file's extension says. `what` it says the format of; each `row`.
    pub(crate) fn of(path: &Path, what: &str, row: &str) -> Result<Self, Error> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Table),
            Some("json") => Ok(Self::Json),
            Some("ndjson") => Ok(Self::Rows),
            Some("txt") => Ok(Self::Text),
            _ => Err(Error::new(ErrorKind::Usage, format!("{} says no format of {what}", path.display()))
                .hint(format!("The extension chooses it: .json or .txt, .ndjson or .csv for every {row}."))),
        }
    }
}

/// A line of JSON as comma-separated values (RFC 4180): what has several parts stays JSON.
pub(crate) fn record(line: &str, columns: &[&str]) -> Result<String, Error> {
    let row: serde_json::Value = serde_json::from_str(line)
        .map_err(|error| Error::new(ErrorKind::Internal, "a row is no JSON").caused_by(error))?;
    let cell = |name: &&str| {
        let text = match &row[*name] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        // A spreadsheet takes what begins so for a formula.
        let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{formula}{}\"", text.replace('"', "\"\""))
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    Ok(cells.join(",") + "\r")
}
