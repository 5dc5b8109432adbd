//! Which tables are copied, by which columns, and which are not.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::form::CopyForm;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{Column, Enabled, Relation, RelationKind, Sequence};
use crate::evidence::{Catalog, Cause};
use crate::sql::{QualifiedName, ident};
use crate::text::list;

/// A table whose rows are copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TableCopy")]
#[non_exhaustive]
pub struct TableCopy {
    /// The table, by the same name on both sides.
    pub table: QualifiedName,
    /// The columns that travel.
    pub columns: Vec<String>,
    /// Columns of the source that the target lacks: their values are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// As what they travel.
    pub form: CopyForm,
    /// What holds its rows in the source: itself, or its partitions.
    #[serde(skip)]
    pub(super) heaps: Vec<QualifiedName>,
    /// How its own rows in the target are named, without those of tables that inherit from it.
    #[serde(skip)]
    pub(super) own_rows: String,
}

/// A sequence that gets the state of one of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "SequenceCopy")]
#[non_exhaustive]
pub struct SequenceCopy {
    /// The sequence of the source.
    pub source: QualifiedName,
    /// The one of the target that has its name, or feeds the same column.
    pub target: QualifiedName,
}

/// A table of the source whose rows are not copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "NotCopied")]
#[non_exhaustive]
pub struct NotCopied {
    /// The table.
    pub table: QualifiedName,
    /// Why not.
    pub why: WhyNotCopied,
    /// Tables that are copied, and whose rows refer to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<QualifiedName>,
}

/// Why the rows of a table are not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "WhyNotCopied")]
#[non_exhaustive]
pub enum WhyNotCopied {
    /// Others were named.
    NotChosen,
    /// It is in a schema of Supabase's services, and was not named.
    Platform,
    /// The target has no such table.
    NotThere,
    /// It belongs to an extension.
    Extension,
    /// It is a foreign table: its rows are another server's.
    Foreign,
}

/// Who reads what: two catalogs, and what was asked for.
pub(super) struct Case<'c> {
    pub(super) source: &'c Catalog,
    pub(super) target: &'c Catalog,
    /// All that are the application's where empty.
    pub(super) named: &'c [QualifiedName],
    /// Whether triggers and foreign keys of the target can be switched off while rows come.
    pub(super) replica: bool,
}

/// What is copied, parents before children, and what is not.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) tables: Vec<TableCopy>,
    pub(super) left_out: Vec<NotCopied>,
    pub(super) sequences: Vec<SequenceCopy>,
    /// What else there is in the schemas of the tables, on either side.
    pub(super) others: Vec<QualifiedName>,
}

impl Case<'_> {
    /// # Errors
    /// [`ErrorKind::Usage`] for a table that is not there; [`ErrorKind::Refused`] where rows cannot come as they are;
    /// the cause where a catalog could not be read.
    pub(super) fn choose(&self) -> Result<Chosen> {
        let unread = |cause: Cause| Error::from(cause);
        let mut chosen = Chosen::default();
        for relation in self.candidates()? {
            match self.why_not(relation).map_err(unread)? {
                Some(why) => {
                    let table = relation.name.clone();
                    chosen.left_out.push(NotCopied { table, why, children: Vec::new() });
                }
                None => chosen.tables.push(self.table(relation)?),
            }
        }
        if chosen.tables.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "no table of the source is in the target: nothing to copy",
            )
            .hint("Apply the schema to the target first, or name the tables."));
        }
        let names: BTreeSet<QualifiedName> = chosen.tables.iter().map(|table| table.table.clone()).collect();
        self.refuse_triggers(&names).map_err(unread)??;
        for left in &mut chosen.left_out {
            let keys = self.source.foreign_keys.get().map_err(unread)?;
            let children = keys.iter().filter(|key| key.parent == left.table && names.contains(&key.child));
            left.children = children.map(|key| key.child.clone()).collect();
            left.children.sort();
            left.children.dedup();
        }
        chosen.tables = self.parents_first(chosen.tables).map_err(unread)?;
        chosen.sequences = self.sequences(&names).map_err(unread)?;
        chosen.others = self.others(&names).map_err(unread)?;
        Ok(chosen)
    }

    /// Tables and partitioned roots of the source; those that were named, all of which are there.
    fn candidates(&self) -> Result<Vec<&Relation>> {
        let all = self.source.relations.get().map_err(Error::from)?;
        let holds = |relation: &&Relation| {
            (relation.kind.is_table() || relation.kind == RelationKind::ForeignTable)
                && !relation.is_partition
        };
        let known: Vec<&Relation> = all.iter().filter(holds).collect();
        for name in self.named {
            if !known.iter().any(|relation| relation.name == *name) {
                if let Some(part) =
                    all.iter().find(|relation| relation.name == *name && relation.is_partition)
                {
                    let root = self.source.root_of(&part.name);
                    let message = format!("{name} is a partition: its rows are copied with {root}");
                    return Err(Error::new(ErrorKind::Usage, message));
                }
                let names: Vec<String> = known.iter().map(|relation| relation.name.to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                return Err(crate::suggest::no_such("table in the source", &name.to_string(), &names));
            }
        }
        Ok(known)
    }

    fn why_not(&self, relation: &Relation) -> Result<Option<WhyNotCopied>, Cause> {
        let is_named = self.named.contains(&relation.name);
        if !is_named && !self.named.is_empty() {
            return Ok(Some(WhyNotCopied::NotChosen));
        }
        if relation.kind == RelationKind::ForeignTable {
            return Ok(Some(WhyNotCopied::Foreign));
        }
        let is_there = self.target.relation(&relation.name)?.is_some_and(|twin| twin.kind.is_table());
        Ok(match () {
            () if !is_named && relation.extension.is_some() => Some(WhyNotCopied::Extension),
            () if !is_named && self.source.is_managed(&relation.name.schema)? => Some(WhyNotCopied::Platform),
            () if !is_there => Some(WhyNotCopied::NotThere),
            () => None,
        })
    }

    fn table(&self, relation: &Relation) -> Result<TableCopy> {
        let name = &relation.name;
        let from = self.source.columns_of(name).map_err(Error::from)?;
        let to = self.target.columns_of(name).map_err(Error::from)?;
        let twin = |column: &Column| to.iter().find(|twin| twin.name == column.name);
        let pairs: Vec<(&Column, &Column)> = from
            .iter()
            .filter_map(|column| Some((column, twin(column)?)))
            .filter(|(_, twin)| !twin.generated)
            .collect();
        let lost = from.iter().filter(|column| !column.generated && twin(column).is_none());
        let dropped: Vec<String> = lost.map(|column| column.name.clone()).collect();
        let is_wanted = |column: &&Column| {
            let given = column.default.is_some() || column.generated || column.identity;
            column.not_null && !given && !from.iter().any(|twin| twin.name == column.name)
        };
        let wanted: Vec<String> = to.iter().filter(is_wanted).map(|column| ident(&column.name)).collect();
        if !wanted.is_empty() {
            let message =
                format!("{name} of the target wants a value for {}, which the source has not", list(&wanted));
            return Err(Error::new(ErrorKind::Refused, message)
                .hint("Give it a default, or leave the table out by naming the others."));
        }
        let form = CopyForm::of(pairs.iter().copied(), self.source, self.target);
        let columns = pairs.iter().map(|(column, _)| column.name.clone()).collect();
        let heaps = self.heaps(relation)?;
        let own_rows = self
            .target
            .relation(name)
            .map_err(Error::from)?
            .map_or_else(|| name.to_sql(), Relation::from_sql);
        Ok(TableCopy { table: name.clone(), columns, dropped, form, heaps, own_rows })
    }

    /// What holds the rows of a table of the source.
    fn heaps(&self, relation: &Relation) -> Result<Vec<QualifiedName>> {
        if relation.kind != RelationKind::PartitionedTable {
            return Ok(vec![relation.name.clone()]);
        }
        let all = self.source.relations.get().map_err(Error::from)?;
        let is_leaf = |other: &&Relation| {
            other.is_partition
                && other.kind != RelationKind::PartitionedTable
                && *self.source.root_of(&other.name) == relation.name
        };
        Ok(all.iter().filter(is_leaf).map(|leaf| leaf.name.clone()).collect())
    }

    /// Triggers that would run for each row, and do again what they did when it was written.
    fn refuse_triggers(&self, names: &BTreeSet<QualifiedName>) -> Result<Result<()>, Cause> {
        let runs = |enabled: Enabled| match enabled {
            Enabled::Always => true,
            Enabled::Replica => self.replica,
            Enabled::Origin => !self.replica,
            Enabled::Disabled => false,
        };
        let triggers = self.target.triggers.get()?;
        let run = triggers.iter().filter(|trigger| {
            trigger.behind.is_none()
                && names.contains(self.target.root_of(&trigger.relation))
                && runs(trigger.enabled)
        });
        let run: Vec<String> =
            run.map(|trigger| format!("{} of {}", ident(&trigger.name), trigger.relation)).collect();
        if run.is_empty() {
            return Ok(Ok(()));
        }
        let why = if self.replica {
            "they are set to run ALWAYS or on a REPLICA"
        } else {
            "the role may not set session_replication_role"
        };
        let message = format!("triggers of the target would run for every row: {}: {why}", list(&run));
        Ok(Err(Error::new(ErrorKind::Refused, message).hint(
            "Disable them with ALTER TABLE … DISABLE TRIGGER until it is done, or leave their tables out.",
        )))
    }

    /// Each after what it refers to; in a cycle, by name.
    fn parents_first(&self, tables: Vec<TableCopy>) -> Result<Vec<TableCopy>, Cause> {
        let keys = self.target.foreign_keys.get()?;
        let mut waiting: BTreeMap<QualifiedName, TableCopy> =
            tables.into_iter().map(|table| (table.table.clone(), table)).collect();
        let mut ordered = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let is_ready = |name: &&QualifiedName| {
                !keys.iter().any(|key| {
                    key.child == **name && key.parent != **name && waiting.contains_key(&key.parent)
                })
            };
            let ready: Vec<QualifiedName> = waiting.keys().filter(is_ready).cloned().collect();
            let next = if ready.is_empty() { waiting.keys().take(1).cloned().collect() } else { ready };
            ordered.extend(next.iter().filter_map(|name| waiting.remove(name)));
        }
        Ok(ordered)
    }

    /// Those that feed a column of these tables.
    fn sequences(&self, names: &BTreeSet<QualifiedName>) -> Result<Vec<SequenceCopy>, Cause> {
        let there = self.target.sequences.get()?;
        let mut copies = Vec::new();
        for sequence in self.source.sequences.get()? {
            let fed: Vec<_> = sequence
                .feeds
                .iter()
                .filter(|fed| names.contains(self.source.root_of(&fed.relation)))
                .map(|fed| (&fed.relation, &fed.column))
                .collect();
            if fed.is_empty() {
                continue;
            }
            let feeds_the_same = |twin: &&Sequence| {
                twin.feeds.iter().any(|twin| fed.contains(&(&twin.relation, &twin.column)))
            };
            let by_name = there.iter().find(|twin| twin.name == sequence.name);
            if let Some(twin) = by_name.or_else(|| there.iter().find(feeds_the_same)) {
                copies.push(SequenceCopy { source: sequence.name.clone(), target: twin.name.clone() });
            }
        }
        Ok(copies)
    }

    /// What else there is in the schemas of these tables: no part of the copy, and so not verified.
    fn others(&self, names: &BTreeSet<QualifiedName>) -> Result<Vec<QualifiedName>, Cause> {
        let schemas: BTreeSet<&str> = names.iter().map(|name| name.schema.as_str()).collect();
        let all = self.source.relations.get()?.iter().chain(self.target.relations.get()?);
        let others = all.map(|relation| &relation.name).filter(|name| {
            schemas.contains(name.schema.as_str())
                && !names.contains(self.source.root_of(name))
                && !names.contains(self.target.root_of(name))
        });
        Ok(others.cloned().collect::<BTreeSet<_>>().into_iter().collect())
    }
}

impl WhyNotCopied {
    /// In words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotChosen => "not named",
            Self::Platform => "of Supabase's services: name it to copy it",
            Self::NotThere => "the target has no such table",
            Self::Extension => "of an extension",
            Self::Foreign => "a foreign table: its rows are another server's",
        }
    }
}
