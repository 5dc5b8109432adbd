//! Custom archives, version 1.14, as `pg_backup_custom.c` lays them out: such as no server could dump in the time that a
//! test has, or would ever dump.

/// A table in an archive.
#[derive(Clone, Debug)]
pub struct DumpTable {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// Its columns, as `COPY` lists them.
    pub columns: String,
}

impl DumpTable {
    /// Of one column, in the schema `public`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { schema: "public".to_owned(), name: name.into(), columns: "id".to_owned() }
    }
}

/// Header and table of contents, as of an archive that went through a pipe, without compression: each table has a
/// `TABLE` and a `TABLE DATA`.
pub fn head(tables: &[DumpTable]) -> Vec<u8> {
    let mut out = b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec();
    int(&mut out, 0);
    // A second, a minute, an hour, a day, a month, the years since 1900, and whether it is summer.
    for number in [5, 0, 2, 20, 10, 126, 0] {
        int(&mut out, number);
    }
    for given in ["shop", "15.18", "15.18"] {
        text(&mut out, Some(given));
    }
    int(&mut out, 1 + 2 * count(tables));
    entry(&mut out, 1, "ENCODING", None, "ENCODING", ["SET client_encoding = 'UTF8';\n", ""], false);
    for (table, place) in tables.iter().zip(1..) {
        let named = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
        let made = format!("CREATE TABLE {named} (\n    {} integer\n);\n", table.columns);
        let schema = Some(table.schema.as_str());
        entry(&mut out, 2 * place, "TABLE", schema, &table.name, [&made, ""], false);
        let copied = format!("COPY {named} ({}) FROM stdin;\n", table.columns);
        entry(&mut out, data_id(place), "TABLE DATA", schema, &table.name, ["", &copied], true);
    }
    out
}

/// What begins the data of the table at this place, from 1 on.
pub fn begin(place: i32) -> Vec<u8> {
    let mut out = vec![1];
    int(&mut out, data_id(place));
    out
}

/// A piece of data.
pub fn piece(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 5);
    int(&mut out, i32::try_from(bytes.len()).unwrap());
    out.extend(bytes);
    out
}

/// What ends the rows of a table, and then its data.
pub fn end() -> Vec<u8> {
    let mut out = piece(b"\\.\n\n\n");
    int(&mut out, 0);
    out
}

/// An archive of tables and the text of their rows.
pub fn archive(tables: &[(DumpTable, &str)]) -> Vec<u8> {
    let names: Vec<DumpTable> = tables.iter().map(|(table, _)| table.clone()).collect();
    let mut out = head(&names);
    for ((_, rows), place) in tables.iter().zip(1..) {
        out.extend(begin(place));
        if !rows.is_empty() {
            out.extend(piece(rows.as_bytes()));
        }
        out.extend(end());
    }
    out
}

fn data_id(place: i32) -> i32 {
    2 * place + 1
}

fn entry(
    out: &mut Vec<u8>,
    id: i32,
    kind: &str,
    schema: Option<&str>,
    name: &str,
    [made, copied]: [&str; 2],
    has_data: bool,
) {
    int(out, id);
    int(out, i32::from(has_data));
    // The oids of the catalog and of the object.
    text(out, Some("1259"));
    text(out, Some(&id.to_string()));
    text(out, Some(name));
    text(out, Some(kind));
    // Before the data, or as the data.
    int(out, if has_data { 3 } else { 2 });
    for given in [Some(made), Some(""), Some(copied), schema, None, None] {
        text(out, given);
    }
    text(out, Some("owner"));
    text(out, Some("false"));
    // No dependencies.
    text(out, None);
    // Where its data is, is not known; or there is none.
    out.push(if has_data { 1 } else { 3 });
    out.extend([0; 8]);
}

fn count(tables: &[DumpTable]) -> i32 {
    i32::try_from(tables.len()).unwrap()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return int(out, -1) };
    int(out, i32::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}

fn int(out: &mut Vec<u8>, number: i32) {
    out.push(u8::from(number < 0));
    out.extend(number.unsigned_abs().to_le_bytes());
}
