//! What the role may not read of what `pg_dump` reads.

use std::collections::BTreeSet;

use super::options::Omit;
use crate::connect::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{QualifiedName, ident};
use crate::text::plural;

/// How many are named in an error.
const FEW: usize = 12;

/// Something that the role may not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unreadable {
    name: QualifiedName,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Rows,
    Schema,
    Sequence,
    Table,
}

const SQL: &str = include_str!("unreadable.sql");

impl Unreadable {
    /// All of it, as far as the catalog says.
    pub(super) async fn of(session: &Session) -> Result<Vec<Self>> {
        let rows = session.scan(SQL, None).await?;
        let one = |row: Vec<Option<String>>| {
            let [Some(schema), Some(name), Some(why)] = <[_; 3]>::try_from(row).ok()? else { return None };
            let why = match why.as_str() {
                "rows" => Why::Rows,
                "schema" => Why::Schema,
                "sequence" => Why::Sequence,
                "table" => Why::Table,
                _ => return None,
            };
            Some(Self { name: QualifiedName::new(schema, name), why })
        };
        Ok(rows.into_iter().filter_map(one).collect())
    }

    /// What leaves it out of a dump, and why that is done.
    pub(super) fn omitted(&self) -> (Omit, String) {
        let literal = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let name = format!("{}.{}", literal(&self.name.schema), literal(&self.name.name));
        match self.why {
            Why::Rows => (Omit::Rows(name), "row level security hides rows of it from the role".to_owned()),
            Why::Schema => {
                (Omit::Schema(literal(&self.name.schema)), "the role may not use the schema".to_owned())
            }
            Why::Sequence | Why::Table => (Omit::Table(name), "the role may not read it".to_owned()),
        }
    }

    /// What lets the role read it.
    fn grant(&self, role: &str) -> String {
        let role = ident(role);
        match self.why {
            Why::Rows => format!("alter role {role} bypassrls"),
            Why::Schema => format!("grant usage on schema {} to {role}", ident(&self.name.schema)),
            Why::Sequence => format!("grant select on sequence {} to {role}", self.name),
            Why::Table => format!("grant select on {} to {role}", self.name),
        }
    }
}

/// The error of a dump that lacks a right, with everything that the role may not read: `pg_dump` says the first.
pub(super) fn explain(error: Error, unreadable: &[Unreadable], role: &str) -> Error {
    if error.kind() != ErrorKind::Permission || unreadable.is_empty() {
        return error;
    }
    let names: BTreeSet<String> = unreadable
        .iter()
        .map(|one| match one.why {
            Why::Schema => format!("schema {}", ident(&one.name.schema)),
            _ => one.name.to_string(),
        })
        .collect();
    let grants: BTreeSet<String> = unreadable.iter().map(|one| one.grant(role)).collect();
    let few = |texts: &BTreeSet<String>, between: &str| {
        let shown: Vec<&str> = texts.iter().map(String::as_str).take(FEW).collect();
        let rest = texts.len() - shown.len();
        let more = if rest > 0 { format!("{between}and {rest} more") } else { String::new() };
        format!("{}{more}", shown.join(between))
    };
    let message = format!(
        "the role {role} may not read {}: {}",
        plural(names.len() as u64, "object"),
        few(&names, ", ")
    );
    Error::new(ErrorKind::Permission, message)
        .hint(format!(
            "A dump without it would be no backup. Run: {}; or leave it out with --exclude-schema, --exclude-table or \
             --exclude-table-data, which the manifest tells.",
            few(&grants, "; ")
        ))
        .caused_by(error)
}
