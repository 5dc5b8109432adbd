//! The rows of `storage.objects`, in the order of the places that they say.

use super::layout::{KeyForm, Place};
use super::sorted::{Entry, Mark, Sorted, Sorter};
use crate::connect::{Chunks, Session};
use crate::content::CopyRows;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::Catalog;
use crate::evidence::{Cause, CauseKind, Fact};
use crate::sql::QualifiedName;

/// What is known of the rows while Evidence is collected; never stored.
#[derive(Clone, Debug, Default)]
pub(crate) enum StoredRows {
    /// No store was given to compare them with.
    #[default]
    NotWanted,
    /// They are to be read.
    Wanted,
    /// What was read.
    Answered(Fact<Rows>),
}

/// The rows, and what reads them again.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) sorted: Sorted,
    pub(crate) read: ReadRows,
}

/// Reads the rows of `storage.objects`.
#[derive(Clone, Debug)]
pub(crate) struct ReadRows {
    sql: String,
    form: KeyForm,
}

/// `storage.objects`.
pub(crate) fn table() -> QualifiedName {
    QualifiedName::new("storage", "objects")
}

impl ReadRows {
    /// How this version of the storage schema is read: columns came with its versions.
    ///
    /// # Errors
    /// The cause, where the catalog does not say which columns there are.
    pub(crate) fn new(catalog: &Catalog, form: KeyForm, checksums: bool) -> Result<Self, Cause> {
        let table = table();
        let has = |name: &str| catalog.column(&table, name).map(|column| column.is_some());
        for name in ["bucket_id", "name"] {
            if !has(name)? {
                return Err(Cause::new(CauseKind::Unsupported, format!("{table} has no column {name}")));
            }
        }
        let version = if has("version")? { "o.version::pg_catalog.text" } else { "null::pg_catalog.text" };
        let metadata =
            if has("metadata")? { "o.metadata::pg_catalog.jsonb" } else { "null::pg_catalog.jsonb" };
        // What is not compared is not kept.
        let etag =
            if checksums { format!("{metadata} ->> 'eTag'") } else { "null::pg_catalog.text".to_owned() };
        // A delete marker is a version without bytes.
        let mut only = Vec::new();
        if has("is_delete_marker")? {
            only.push("o.is_delete_marker is not true");
        }
        // A name leads to its newest version.
        if form == KeyForm::Name && has("archived_at")? {
            only.push("o.archived_at is null");
        }
        let only = if only.is_empty() { String::new() } else { format!(" where {}", only.join(" and ")) };
        let sql = format!(
            "copy (select o.bucket_id::pg_catalog.text, o.name::pg_catalog.text, {version}, \
             coalesce({metadata} ->> 'size', {metadata} ->> 'contentLength'), {etag} \
             from {} o{only}) to stdout (format binary)",
            table.to_sql()
        );
        Ok(Self { sql, form })
    }

    /// Reads all of them.
    pub(crate) async fn read(&self, session: &Session, check: Option<&str>) -> Result<Sorted> {
        let form = self.form;
        let take = move |chunks: Chunks| {
            let mut sorter = Sorter::default();
            CopyRows::each(chunks, |row| {
                let values: Vec<_> = (0..row.len()).map(|at| row.value(at)).collect();
                sorter.push(&understand(&values, form)?)
            })?;
            sorter.finish()
        };
        session.copy_apart(&self.sql, check, take).await
    }
}

/// `bucket, name, version, size, etag`.
fn understand(row: &[Option<&[u8]>], form: KeyForm) -> Result<Entry> {
    let [bucket, name, version, size, etag] = row else {
        let message = "the server's binary copy has other columns than were asked for";
        return Err(Error::new(ErrorKind::Connection, message));
    };
    let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
    let version = text(*version);
    // A row without a bucket or a name leads nowhere.
    let (bucket, name) = (text(*bucket).unwrap_or_default(), text(*name).unwrap_or_default());
    Ok(Entry {
        place: Place::of_row(&bucket, &name, version.as_deref(), form),
        size: text(*size).and_then(|size| size.trim().parse().ok()),
        etag: text(*etag).map(|etag| etag.trim_matches('"').to_owned()),
        modified: None,
        mark: if version.is_some() { Mark::None } else { Mark::Unversioned },
    })
}
