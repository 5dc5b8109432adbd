//! What differs between two states of a database: tables, columns and rows, or every object of the structure.
//!
//! [`diff`] compares two sides, A and B, each a live database or a baseline. Live sides are read at the
//! same time, each from one snapshot. Every table that both have is read as a whole: its number of rows
//! and the fingerprint of its [content](crate::content). Only where these are equal for every table, and
//! nothing was left unread, are the two the same.
//!
//! [`DiffOptions::structure`] compares the structure instead, as the catalogs say it, and reads no row.

mod again;
mod compare;
mod locate;
mod objects;
mod objects_text;
mod options;
mod reader;
mod render;
mod report;
mod rows;
mod sides;
mod source;
mod spill;
mod structure;

pub use objects::{DiffAttribute, DiffObject, DiffStructure, ObjectChange};
pub use options::DiffOptions;
pub use report::{
    ChangedColumn, DiffColumns, DiffOutcome, DiffReport, DiffRow, DiffRows, DiffSide, DiffTable, DiffUnread,
    DiffVerdict, LoneTable, OmittedTable, RowChange, SideKind,
};

pub(crate) use source::locate;

use crate::connect::Dsn;
use crate::error::Result;
use crate::verify::Against;
use sides::Sides;

/// A side as it was given: a URL or key-value string is a database, anything else the file of a baseline; where
/// nothing was given, the environment's database.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if nothing was given, and the environment names no database.
pub fn side(given: Option<&str>) -> Result<Against> {
    given.map_or_else(|| Dsn::from_environment().map(Against::Url), |text| Ok(Against::parse(text)))
}

/// Compares two sides.
///
/// A side that cannot be reached gives a report too: everything unread, the verdict `unproven`.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if a side is no connection string, a dump, or a table that
/// the options name is nowhere; [`ErrorKind::Io`](crate::ErrorKind::Io) or
/// [`ErrorKind::Format`](crate::ErrorKind::Format) if a baseline cannot be read.
#[tracing::instrument(name = "diff", skip_all)]
pub async fn diff(a: &Against, b: &Against, options: &DiffOptions) -> Result<DiffReport> {
    // Boxed, or every caller's future would be as large as both collections.
    Box::pin(async {
        let sides = Sides::open(a, b).await?;
        sides.compare(options).await
    })
    .await
}
