//! Which tables and columns both sides have: what can be compared at all.

use std::collections::{BTreeMap, BTreeSet};

use super::options::DiffOptions;
use super::report::{DiffColumns, OmittedTable};
use crate::content::{ContentColumn, Layout, Sketch};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{CatalogFactName, Relation, RelationKind};
use crate::evidence::{Cause, CauseKind, Evidence};
use crate::plan::TableName;
use crate::sql::{QualifiedName, ident};
use crate::text::{list, plural};

/// What has to be known of a catalog.
pub(super) const FACTS: [CatalogFactName; 3] =
    [CatalogFactName::Column, CatalogFactName::Key, CatalogFactName::Relation];

/// One side, as far as its structure is known.
#[derive(Clone, Copy)]
pub(super) struct Known<'e> {
    pub(super) evidence: &'e Evidence,
    /// Whether the rows were read already, and nothing but what was read can be compared.
    pub(super) stored: bool,
}

/// What is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreement {
    /// Tables that both sides have.
    pub(super) tables: BTreeMap<QualifiedName, Agreed>,
    pub(super) only_in_a: Vec<QualifiedName>,
    pub(super) only_in_b: Vec<QualifiedName>,
    pub(super) left_out: Vec<OmittedTable>,
    pub(super) notes: Vec<String>,
}

/// How a table is compared.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// By these columns, in the order of their names.
    pub(super) columns: Vec<ContentColumn>,
    /// Rows are told apart by these.
    pub(super) key: Vec<String>,
    /// These are not compared.
    pub(super) differing: DiffColumns,
    /// Whether its rows can be compared, or on which side why not.
    pub(super) comparable: std::result::Result<(), (Option<char>, Cause)>,
    /// Cells of a sketch that suit it, as a power of two.
    pub(super) bits: u32,
}

/// Cells of a sketch for a table of which nobody knows how large it is, as a power of two.
const UNKNOWN_BITS: u32 = 14;

impl Agreement {
    /// What both sides have. Neither's list of tables is unread.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a table that is asked for is nowhere, or its name is ambiguous.
    pub(super) fn find(a: Known<'_>, b: Known<'_>, options: &DiffOptions) -> Result<Self> {
        let mut agreement = Self::default();
        let unreadable = |cause: Cause| Error::new(ErrorKind::Query, cause.message);
        let of_a = tables(a.evidence, options).map_err(unreadable)?;
        let of_b = tables(b.evidence, options).map_err(unreadable)?;
        let named = named(a.evidence, b.evidence, options)?;
        let mut others = 0;
        for name in of_a.keys().chain(of_b.keys()).copied().collect::<BTreeSet<_>>() {
            if named.as_ref().is_some_and(|named| !named.contains(name)) {
                others += 1;
                continue;
            }
            let (in_a, in_b) = (of_a.get(name), of_b.get(name));
            // Whoever names a table wants it, whatever is in scope; but not where it is excluded, too.
            let reason = if named.is_some() {
                options.excluding(name).map(excluded_by)
            } else {
                [in_a, in_b].into_iter().flatten().find_map(Option::clone)
            };
            match reason {
                Some(reason) => agreement.left_out.push(OmittedTable { table: name.clone(), reason }),
                None if in_b.is_none() => agreement.only_in_a.push(name.clone()),
                None if in_a.is_none() => agreement.only_in_b.push(name.clone()),
                None => {
                    agreement.tables.insert(name.clone(), Agreed::find(name, a, b, options));
                }
            }
        }
        if others > 0 {
            agreement.notes.push(format!(
                "only the tables that were named are compared: {} left out",
                match others {
                    1 => "1 other is".to_owned(),
                    many => format!("{} are", plural(many, "other")),
                }
            ));
        }
        Ok(agreement)
    }

    /// Evidence that asks for the content of what is compared in the same form on every side.
    pub(super) fn as_expected(&self, mut evidence: Evidence) -> Evidence {
        use crate::content::{Content, Fingerprint, METHOD};
        for (name, agreed) in &self.tables {
            let scan = evidence.scans.tables.entry(name.clone()).or_default();
            scan.content = crate::evidence::Fact::Read(Content {
                method: METHOD,
                rows: 0,
                fingerprint: Fingerprint::default(),
                columns: agreed.columns.clone(),
                key: agreed.key.clone(),
            });
            evidence.sketched.expect(name.clone(), agreed.bits);
        }
        evidence
    }
}

fn excluded_by(pattern: &str) -> String {
    format!("excluded by {pattern}")
}

/// Every table of a side, each with why it is left out, if it is. Partitions are their root's.
fn tables<'e>(
    evidence: &'e Evidence,
    options: &DiffOptions,
) -> std::result::Result<BTreeMap<&'e QualifiedName, Option<String>>, Cause> {
    let (catalog, scope) = (&evidence.catalog, &options.plan.scope);
    let mut tables = BTreeMap::new();
    for relation in catalog.relations.get()? {
        let Relation { name, kind, extension, .. } = relation;
        if *kind == RelationKind::View || relation.is_partition {
            continue;
        }
        let of_plan = options.plan.content_drift.as_ref();
        let reason = if let Some(pattern) = options.excluding(name) {
            Some(excluded_by(pattern))
        } else if scope.excludes(name) {
            Some("the plan's [scope] leaves it out".to_owned())
        } else if of_plan.is_some_and(|section| section.excludes(name)) {
            Some("the plan's [content_drift] leaves it out".to_owned())
        } else if let Some(extension) = extension {
            Some(format!("belongs to the extension {}", ident(extension)))
        } else if !scope.has(relation, catalog)? {
            Some(if catalog.is_managed(&name.schema)? {
                "belongs to the platform".to_owned()
            } else {
                "its schema is not in scope".to_owned()
            })
        } else {
            match kind {
                RelationKind::ForeignTable => {
                    Some("a foreign table, whose rows are another server's".to_owned())
                }
                RelationKind::MaterializedView => Some("a materialized view".to_owned()),
                _ => None,
            }
        };
        tables.insert(name, reason);
    }
    Ok(tables)
}

/// The tables that are asked for by name; none where all are.
pub(super) fn named(
    a: &Evidence,
    b: &Evidence,
    options: &DiffOptions,
) -> Result<Option<BTreeSet<QualifiedName>>> {
    if options.tables.is_empty() {
        return Ok(None);
    }
    let find = |name: &TableName, evidence: &Evidence| {
        let found = name.resolve(&evidence.catalog).map_err(|cause| {
            let error = Error::new(ErrorKind::Usage, cause.message);
            if let Some(hint) = cause.hint { error.hint(hint) } else { error }
        })?;
        Ok::<_, Error>(
            found.filter(|relation| relation.kind.is_table()).map(|relation| relation.name.clone()),
        )
    };
    let mut named = BTreeSet::new();
    for name in &options.tables {
        let found: Vec<QualifiedName> = [find(name, a)?, find(name, b)?].into_iter().flatten().collect();
        if found.is_empty() {
            return Err(Error::new(ErrorKind::Usage, format!("the table {name} is on neither side")));
        }
        named.extend(found);
    }
    Ok(Some(named))
}

impl Known<'_> {
    /// The columns of a table as they would be compared, and its key.
    fn columns(self, name: &QualifiedName) -> std::result::Result<(Vec<ContentColumn>, Vec<String>), Cause> {
        if self.stored {
            let scan = self.evidence.scans.tables.get(name);
            let content = scan.map(|scan| &scan.content).filter(|content| !content.is_not_asked());
            let content = content.ok_or_else(|| {
                Cause::new(CauseKind::NotCollected, "the baseline does not hold its content")
                    .hint("Take it with drcore baseline --content.")
            })?;
            return content.get().map(|content| (content.columns.clone(), content.key.clone()));
        }
        let catalog = &self.evidence.catalog;
        let key = catalog.primary_key(name)?.map_or(&[][..], |key| &key.columns);
        let layout = Layout::new(catalog.columns_of(name)?, key);
        Ok((layout.columns(), layout.key_names()))
    }

    /// The planner's guess.
    fn estimate(self, name: &QualifiedName) -> Option<u64> {
        let relation = self.evidence.catalog.relation(name).ok().flatten()?;
        u64::try_from(relation.estimated_rows).ok().filter(|rows| *rows > 0)
    }
}

impl Agreed {
    fn find(name: &QualifiedName, a: Known<'_>, b: Known<'_>, options: &DiffOptions) -> Self {
        let mut agreed = Self {
            columns: Vec::new(),
            key: Vec::new(),
            differing: DiffColumns::default(),
            comparable: Ok(()),
            bits: UNKNOWN_BITS,
        };
        let ((of_a, key_of_a), (of_b, key_of_b)) = match (a.columns(name), b.columns(name)) {
            (Ok(of_a), Ok(of_b)) => (of_a, of_b),
            (Err(cause), _) => return Self { comparable: Err((Some('a'), cause)), ..agreed },
            (_, Err(cause)) => return Self { comparable: Err((Some('b'), cause)), ..agreed },
        };
        let other = |columns: &[ContentColumn], name: &str| {
            columns.iter().find(|column| column.name == name).map(|column| column.form.clone())
        };
        for column in &of_a {
            match other(&of_b, &column.name) {
                Some(form) if form == column.form => agreed.columns.push(column.clone()),
                Some(_) => agreed.differing.retyped.push(column.name.clone()),
                None => agreed.differing.only_in_a.push(column.name.clone()),
            }
        }
        for column in &of_b {
            if other(&of_a, &column.name).is_none() {
                agreed.differing.only_in_b.push(column.name.clone());
            }
        }
        let is_common = |key: &&Vec<String>| {
            key.iter().all(|name| agreed.columns.iter().any(|column| column.name == *name))
        };
        // What a baseline names rows by is settled.
        let keys = if b.stored && !a.stored { [&key_of_b, &key_of_a] } else { [&key_of_a, &key_of_b] };
        agreed.key =
            keys.into_iter().find(|key| !key.is_empty() && is_common(key)).cloned().unwrap_or_default();
        agreed.comparable = agreed.why_not(a, b, options).map_or(Ok(()), |cause| Err((None, cause)));
        if let Some(rows) = [a.estimate(name), b.estimate(name)].into_iter().flatten().max() {
            agreed.bits = Sketch::bits_for(rows);
        }
        agreed
    }

    /// Why its rows cannot be compared.
    fn why_not(&self, a: Known<'_>, b: Known<'_>, options: &DiffOptions) -> Option<Cause> {
        let unsupported = |message: String| Cause::new(CauseKind::Unsupported, message);
        if self.differing.is_empty() {
            return None;
        }
        let DiffColumns { only_in_a, only_in_b, retyped } = &self.differing;
        let mut parts = Vec::new();
        for (names, how) in [(only_in_a, "only in A"), (only_in_b, "only in B"), (retyped, "of another type")]
        {
            let shown: Vec<String> = names.iter().map(|name| ident(name)).collect();
            if !shown.is_empty() {
                let noun = if shown.len() == 1 { "column" } else { "columns" };
                let verb = if shown.len() == 1 { "is" } else { "are" };
                parts.push(format!("{noun} {} {verb} {how}", list(&shown)));
            }
        }
        let message = format!("its rows were not compared: {}", parts.join("; "));
        if !options.common_columns {
            return Some(
                unsupported(message)
                    .hint("--common-columns compares the rows by the columns that both sides have."),
            );
        }
        // The fingerprint of a baseline is of its own columns.
        let fixed = |stored: bool, others: &[String]| stored && (!others.is_empty() || !retyped.is_empty());
        if fixed(a.stored, only_in_a) || fixed(b.stored, only_in_b) {
            return Some(unsupported(message).hint(
                "What a baseline holds is of all its columns: compare with the live database that it is of, \
                 or put the structure right first.",
            ));
        }
        self.columns.is_empty().then(|| unsupported("the two sides have no column in common".to_owned()))
    }
}
