//! Which columns of a table are in its fingerprint, and the statements that read them.

use std::collections::BTreeSet;

use super::form::Form;
use super::{Blocks, ContentColumn, KeyForm};
use crate::evidence::catalog::Column;
use crate::evidence::{Cause, CauseKind};
use crate::sql::quote;

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
            blocks.condition()
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

    fn hash(&self) -> String {
        format!("pg_catalog.sha256(pg_catalog.record_send(row({})))", self.expressions())
    }
}
