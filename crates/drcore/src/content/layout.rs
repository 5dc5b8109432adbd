//! Which columns of a table are in its fingerprint, and the statements that read them.

use std::collections::BTreeSet;

use super::form::Form;
use super::{Blocks, ContentColumn, ContentWay, KeyForm};
use crate::evidence::catalog::Column;
use crate::evidence::{Cause, CauseKind};
use crate::sql::{literal, quote};

/// Which columns of a table are in its fingerprint, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// In the order of their names.
    names: Vec<String>,
    forms: Vec<Form>,
    /// The columns of the primary key, by their places above.
    key: Vec<usize>,
}

impl Layout {
    /// Of all columns of a table.
    pub(crate) fn new(columns: &[Column], key: &[String]) -> Self {
        let mut columns: Vec<&Column> = columns.iter().collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let key = key.iter().filter_map(|name| names.iter().position(|column| column == name)).collect();
        Self { forms: columns.iter().map(|column| Form::of(column.builtin)).collect(), names, key }
    }

    /// As a baseline has it: columns that came since are left out.
    ///
    /// # Errors
    /// The cause, where a column is gone or of another type: then nothing can be compared.
    pub(crate) fn as_in(then: &[ContentColumn], key: &[String], columns: &[Column]) -> Result<Self, Cause> {
        let differs = |message: String| {
            Cause::new(CauseKind::Unsupported, message)
                .hint("Put the table's structure right first; then its rows can be compared.")
        };
        let wanted: BTreeSet<&str> = then.iter().map(|column| column.name.as_str()).collect();
        let columns: Vec<Column> =
            columns.iter().filter(|column| wanted.contains(column.name.as_str())).cloned().collect();
        let layout = Self::new(&columns, key);
        for (was, at) in then.iter().zip(0..) {
            match layout.names.get(at).zip(layout.forms.get(at)) {
                Some((name, form)) if *name == was.name && form.name() == was.form => {}
                Some((name, form)) if *name == was.name => {
                    return Err(differs(format!(
                        "column {} was compared as {} and is {} now",
                        was.name,
                        was.form,
                        form.name()
                    )));
                }
                _ => return Err(differs(format!("column {} is gone", was.name))),
            }
        }
        Ok(layout)
    }

    /// As Evidence keeps it.
    pub(crate) fn columns(&self) -> Vec<ContentColumn> {
        self.names
            .iter()
            .zip(&self.forms)
            .map(|(name, form)| ContentColumn { name: name.clone(), form: form.name().to_owned() })
            .collect()
    }

    /// The names of the key's columns, in its order.
    pub(crate) fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|at| self.names[*at].clone()).collect()
    }

    pub(crate) fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// The places of the key's columns.
    pub(crate) fn key(&self) -> &[usize] {
        &self.key
    }

    /// The place of a column.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|column| column.as_str().cmp(name)).ok()
    }

    pub(crate) fn key_form(&self) -> KeyForm {
        KeyForm::new(self.key.iter().map(|at| self.forms[*at]).collect())
    }

    fn expressions(&self) -> String {
        let expressions: Vec<String> =
            self.names.iter().zip(&self.forms).map(|(name, form)| form.expression(&quote(name))).collect();
        expressions.join(", ")
    }

    /// Every row, as a binary copy.
    pub(crate) fn copy(&self, from: &str, blocks: Blocks) -> String {
        let only = blocks.condition();
        format!("copy (select {} from {from}{only}) to stdout (format binary)", self.expressions())
    }

    /// The number of rows and the two halves of their sum, computed by the server.
    pub(crate) fn server_side(&self, from: &str, blocks: Blocks) -> String {
        // In a subquery of its own, the hash is computed once a row.
        format!(
            "select pg_catalog.count(*), \
             pg_catalog.sum(('x' || pg_catalog.substr(drcore_row.hex, 1, 16))::pg_catalog.bit(64)::pg_catalog.int8), \
             pg_catalog.sum(('x' || pg_catalog.substr(drcore_row.hex, 17, 16))::pg_catalog.bit(64)::pg_catalog.int8) \
             from {from} as drcore_table \
             cross join lateral (select pg_catalog.encode({}, 'hex') as hex offset 0) as drcore_row{}",
            self.hash(),
            // A join has no ctid of its own: the name must say whose it is.
            blocks.condition().replace("ctid", "drcore_table.ctid")
        )
    }

    /// The key and the hash of every row, as a binary copy: a fraction of the bytes.
    pub(crate) fn hashes(&self, from: &str, blocks: Blocks) -> String {
        let mut columns: Vec<String> =
            self.key.iter().map(|at| self.forms[*at].expression(&quote(&self.names[*at]))).collect();
        columns.push(format!("pg_catalog.substr({}, 1, 16)", self.hash()));
        let only = blocks.condition();
        format!("copy (select {} from {from}{only}) to stdout (format binary)", columns.join(", "))
    }

    /// Every row of `from`, or what the server makes of it, and then its key as text: as a binary copy.
    pub(crate) fn keyed(&self, from: &str, way: ContentWay, only: &str) -> String {
        let what = match way {
            ContentWay::Stream => self.expressions(),
            ContentWay::Server => format!("pg_catalog.substr({}, 1, 16)", self.hash()),
        };
        let keys: String = self.key.iter().map(|at| format!(", {}", self.text(*at))).collect();
        format!("copy (select {what}{keys} from {from}{only}) to stdout (format binary)")
    }

    /// How many values come before the key in what [`keyed`](Self::keyed) asks for.
    pub(crate) fn before_key(&self, way: ContentWay) -> usize {
        match way {
            ContentWay::Stream => self.forms.len(),
            ContentWay::Server => 1,
        }
    }

    /// The rows of `from` that have one of these keys, as a binary copy: the number of the key, the hash of the
    /// row, the hashes of its values, eight bytes each, and, if they are wanted, the values, as a JSON array of
    /// texts of at most `values` characters and one more.
    ///
    /// `types` are those of the key's columns, as SQL; without them keys are compared as text, which works for
    /// every type and uses no index.
    pub(crate) fn by_keys(
        &self,
        from: &str,
        types: Option<&[&str]>,
        keys: &[&[Option<String>]],
        values: Option<usize>,
    ) -> String {
        let hashes: Vec<String> = self
            .names
            .iter()
            .zip(&self.forms)
            .map(|(name, form)| {
                let value = form.expression(&quote(name));
                format!("pg_catalog.substr(pg_catalog.sha256(pg_catalog.record_send(row({value}))), 1, 8)")
            })
            .collect();
        let shown = values.map(|most| {
            let texts: Vec<String> = (0..self.names.len())
                .map(|at| format!("pg_catalog.left({}, {})", self.text(at), most + 1))
                .collect();
            format!(
                ", pg_catalog.to_json(array[{}]::pg_catalog.text[])::pg_catalog.text as shown",
                texts.join(", ")
            )
        });
        let rows: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(number, key)| {
                let values: String = key
                    .iter()
                    .enumerate()
                    .map(|(at, value)| {
                        let value = value.as_deref().map_or("null".to_owned(), literal);
                        let kind = types.and_then(|types| types.get(at)).unwrap_or(&"pg_catalog.text");
                        format!(", {value}::{kind}")
                    })
                    .collect();
                format!("({number}{values})")
            })
            .collect();
        let columns: String = (0..self.key.len()).map(|at| format!(", k{at}")).collect();
        let equal: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(at, place)| match types {
                Some(_) => format!("drcore_table.{} = drcore_key.k{at}", quote(&self.names[*place])),
                None => format!("{} is not distinct from drcore_key.k{at}", self.text(*place)),
            })
            .collect();
        format!(
            "copy (select drcore_key.n, drcore_row.hash, drcore_row.hashes{} \
             from (values {}) as drcore_key (n{columns}) \
             cross join lateral (\
             select pg_catalog.substr({}, 1, 16) as hash, {} as hashes{} from {from} as drcore_table where {}\
             ) as drcore_row) to stdout (format binary)",
            if values.is_some() { ", drcore_row.shown" } else { "" },
            rows.join(", "),
            self.hash(),
            hashes.join(" || "),
            shown.unwrap_or_default(),
            equal.join(" and "),
        )
    }

    /// A value as the text that its type's output function gives.
    fn text(&self, at: usize) -> String {
        Form::Output.expression(&quote(&self.names[at]))
    }

    fn hash(&self) -> String {
        format!("pg_catalog.sha256(pg_catalog.record_send(row({})))", self.expressions())
    }
}
