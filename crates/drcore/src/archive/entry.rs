//! The table of contents.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::damage::Fault;
use super::fields::Fields;
use super::header::{ArchiveForm, ArchiveVersion};
use crate::sql::QualifiedName;

/// When an entry is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Section")]
#[non_exhaustive]
pub enum Section {
    /// With whatever it belongs to: comments, grants, settings.
    None,
    /// Before the data.
    PreData,
    /// As the data.
    Data,
    /// After the data.
    PostData,
}

/// An entry of the table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveEntry")]
#[non_exhaustive]
pub struct ArchiveEntry {
    /// Its number in this archive, as `pg_restore -L` wants it.
    pub dump_id: u32,
    /// What it is, in the words of `pg_dump`: `TABLE`, `TABLE DATA`, `ACL`, …
    pub kind: String,
    /// Its schema, unquoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name as `pg_dump` gives it, unquoted: `invoices`, `f(integer)`, `invoices invoices_pkey`, `TABLE invoices`.
    pub name: String,
    /// Who owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it is restored.
    pub section: Section,
    /// The numbers of what must be there before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<u32>,
    /// The SQL that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The SQL that drops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<String>,
    /// The `COPY` that loads its data; none where the data is `INSERT` statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// Its tablespace, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Its table access method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<String>,
    /// The letter of its kind of relation, since PostgreSQL 17.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation_kind: Option<char>,
    /// Whether the archive must hold data of it.
    pub has_data: bool,
    /// The oid of the catalog in which it was found, 0 for none.
    pub catalog: u32,
    /// Its oid in that catalog, 0 for none.
    pub oid: u32,
}

impl ArchiveEntry {
    /// Of a statement in plain SQL, of which little is known.
    pub(super) fn of_statement(dump_id: u32, kind: String, schema: Option<String>, name: String) -> Self {
        Self {
            dump_id,
            kind,
            schema,
            name,
            owner: None,
            section: Section::None,
            dependencies: Vec::new(),
            definition: None,
            drop: None,
            copy: None,
            tablespace: None,
            access_method: None,
            relation_kind: None,
            has_data: false,
            catalog: 0,
            oid: 0,
        }
    }

    /// Whether it is of this kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// Its schema and name, of what has both: tables, their data, views, sequences.
    pub fn qualified_name(&self) -> Option<QualifiedName> {
        let schema = self.schema.as_ref().filter(|schema| !schema.is_empty())?;
        Some(QualifiedName::new(schema, &self.name))
    }

    /// Whether it is the rows of a table.
    pub fn is_rows(&self) -> bool {
        self.is("TABLE DATA")
    }

    /// Whether it makes a table that has rows of its own: one that is partitioned has none.
    pub fn holds_rows(&self) -> bool {
        let is_partitioned = match self.relation_kind {
            Some(kind) => kind == 'p',
            None => self.definition.as_ref().is_some_and(|definition| has_partitions(definition)),
        };
        self.is("TABLE") && !is_partitioned
    }

    /// Whether it is the data of large objects.
    pub fn is_large_objects(&self) -> bool {
        self.is("BLOBS")
    }
}

/// Where the data of an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// At this byte of a custom archive, where it is known.
    Block(Option<u64>),
    /// In this file of a directory or tar.
    File(String),
    /// There is none.
    None,
}

/// Reads all entries, and where their data is.
pub(super) fn read_all<R: Read>(
    fields: &mut Fields<R>,
    form: ArchiveForm,
) -> Result<(Vec<ArchiveEntry>, Vec<Data>), Fault> {
    let count = fields.int()?;
    if count < 0 {
        return Err(fields.broken(format!("a table of contents of {count} entries is none")));
    }
    let (mut entries, mut places) = (Vec::new(), Vec::new());
    let mut known = std::collections::HashSet::new();
    for _ in 0..count {
        let (entry, place) = read(fields, form)?;
        if !known.insert(entry.dump_id) {
            return Err(fields.broken(format!("two entries have the number {}", entry.dump_id)));
        }
        entries.push(entry);
        places.push(place);
    }
    Ok((entries, places))
}

fn read<R: Read>(fields: &mut Fields<R>, form: ArchiveForm) -> Result<(ArchiveEntry, Data), Fault> {
    let dump_id = fields.id()?;
    let has_data = match fields.int()? {
        0 => false,
        1 => true,
        other => return Err(fields.broken(format!("whether entry {dump_id} has data is {other}"))),
    };
    let (catalog, oid) = (read_oid(fields)?, read_oid(fields)?);
    let name = fields.text()?.unwrap_or_default();
    let Some(kind) = fields.text()? else {
        return Err(fields.broken(format!("entry {dump_id} is of no kind")));
    };
    let section = match fields.int()? {
        1 => Section::None,
        2 => Section::PreData,
        3 => Section::Data,
        4 => Section::PostData,
        other => return Err(fields.broken(format!("entry {dump_id} is in section {other}"))),
    };
    let [definition, drop, copy, schema, tablespace] =
        [fields.text()?, fields.text()?, fields.text()?, fields.text()?, fields.text()?];
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let access_method = if fields.version >= ArchiveVersion::one(14) { given(fields.text()?) } else { None };
    let relation_kind = if fields.version >= ArchiveVersion::one(16) {
        let letter = fields.int()?;
        match u8::try_from(letter) {
            Ok(0) => None,
            Ok(letter) if letter.is_ascii_alphabetic() => Some(char::from(letter)),
            _ => return Err(fields.broken(format!("entry {dump_id} is a relation of kind {letter}"))),
        }
    } else {
        None
    };
    let owner = given(fields.text()?);
    // Whether the table has OIDs, which it cannot have any more.
    fields.bytes()?;
    let mut dependencies = Vec::new();
    while let Some(text) = fields.bytes()? {
        dependencies.push(number(&text).ok_or_else(|| fields.broken("a dependency is no number"))?);
    }
    let place = read_place(fields, form, has_data)?;
    let entry = ArchiveEntry {
        dump_id,
        kind,
        schema: given(schema),
        name,
        owner,
        section,
        dependencies,
        definition: given(definition),
        drop: given(drop),
        copy: given(copy),
        tablespace: given(tablespace),
        access_method,
        relation_kind,
        has_data,
        catalog,
        oid,
    };
    Ok((entry, place))
}

fn read_place<R: Read>(fields: &mut Fields<R>, form: ArchiveForm, has_data: bool) -> Result<Data, Fault> {
    if form == ArchiveForm::Custom {
        let (state, offset) = fields.offset()?;
        return match (state, has_data) {
            (1, true) => Ok(Data::Block(None)),
            (2, true) => Ok(Data::Block(Some(offset))),
            (3, false) => Ok(Data::None),
            _ => Err(fields.broken("where the data of an entry is does not go with whether it has any")),
        };
    }
    let file = fields.text()?.filter(|file| !file.is_empty());
    match (file, has_data) {
        (Some(file), true) => Ok(Data::File(file)),
        (None, false) => Ok(Data::None),
        (Some(_), false) => Err(fields.broken("an entry without data names a file of it")),
        (None, true) => Err(fields.broken("an entry with data names no file of it")),
    }
}

fn read_oid<R: Read>(fields: &mut Fields<R>) -> Result<u32, Fault> {
    let text = fields.bytes()?.unwrap_or_default();
    number(&text).ok_or_else(|| fields.broken("an oid is no number"))
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether a table is partitioned, by the statement that makes it, whose last line says so.
fn has_partitions(definition: &str) -> bool {
    definition.lines().any(|line| line.starts_with("PARTITION BY "))
}

/// The encoding that the archive sets: `SET client_encoding = 'UTF8';`.
pub(super) fn encoding(entries: &[ArchiveEntry]) -> Option<String> {
    let definition = entries.iter().find(|entry| entry.is("ENCODING"))?.definition.as_ref()?;
    Some(definition.split('\'').nth(1)?.to_owned())
}
