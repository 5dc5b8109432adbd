//! One statement, or one pass, that answers one or several requests.

use super::acting::Acting;
use super::auth::AuthJob;
use super::duplicates::{CountDuplicates, SampleDuplicates};
use super::migrations::MigrationJob;
use super::objects::{LostObjects, UnnamedObjectsOf};
use super::orphans::CountOrphans;
use super::pass::PassJob;
use super::queue::{Place, Rank};
use super::recent::RecentRows;
use super::references::ReadKeys;
use super::sample::SampleUsers;
use super::sizes::Sizes;
use super::spread::SpreadRows;
use crate::evidence::catalog::{Catalog, CatalogFactName};
use crate::evidence::{Cause, CauseKind};
use crate::plan::{Assertion, Plan};
use crate::reference::Reference;
use crate::sql::{QualifiedName, quote};
use crate::storage::{self, ReadRows};
use crate::text::masked;

/// Rows of a sample, at most.
pub(super) const SAMPLE: usize = 20;
/// Tenants in a sample, at most.
pub(super) const TENANTS: usize = 100;

/// One statement that answers one or several requests.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Catalog(CatalogFactName),
    /// One pass over a table: its rows, and the extremes of these columns.
    Table {
        name: QualifiedName,
        rows: bool,
        columns: Vec<(String, ColumnKind)>,
        from: String,
    },
    Recent(RecentRows),
    Orphans(CountOrphans),
    OrphanSample {
        reference: Reference,
        key: Vec<KeyColumn>,
        tenant: Option<String>,
    },
    CountDuplicates(CountDuplicates),
    SampleDuplicates(SampleDuplicates),
    /// Several sequences in one statement, which fails as a whole where one of them cannot be read.
    Sequences(Vec<QualifiedName>),
    Assertion(Assertion),
    /// What a table of the auth service holds.
    Auth(AuthJob),
    /// Which migrations were applied.
    Migrations(MigrationJob),
    /// Several tables, as one of the API's users sees them.
    Acting(Acting),
    /// Who is acted as, where the data says so.
    SampleUsers(SampleUsers),
    /// How many rows each tenant and each hour has.
    Spread(SpreadRows),
    /// What only decides how something is read, such as how tables are stored.
    Question(String),
    /// The rows that the files of a store are compared with; or why they cannot be read.
    StoredRows(Result<ReadRows, Cause>),
    LostObjects(LostObjects),
    UnnamedObjects(UnnamedObjectsOf),
    /// A part of a pass over a table.
    Pass(PassJob),
    /// Keys of a table, to be looked up by those that refer to it.
    Keys(ReadKeys),
    /// The rows of a table cannot be compared with the baseline's.
    Incomparable {
        table: QualifiedName,
        cause: Cause,
    },
    /// What was asked for is not there.
    Impossible {
        table: QualifiedName,
        column: Option<String>,
        cause: Cause,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Time,
    Other,
}

/// A column of a key that samples show.
#[derive(Clone, Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    /// Whether values of this type may be shown as they are.
    pub(super) plain: bool,
}

impl KeyColumn {
    pub(super) fn of(table: &QualifiedName, name: &str, catalog: &Catalog) -> Self {
        let plain = matches!(catalog.column(table, name), Ok(Some(column))
            if column.is_integer() || column.is_time() || column.type_name == "uuid" || column.type_name == "boolean");
        Self { name: name.to_owned(), plain }
    }

    /// A value as it is shown: whatever may be a name or an address is masked.
    pub(super) fn show(&self, value: Option<&str>) -> Option<String> {
        value.map(|text| if self.plain { text.to_owned() } else { masked(text) })
    }
}

impl Job {
    /// What it is called in a log.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Acting(_) => "acting",
            Self::Assertion(_) => "assertion",
            Self::Auth(_) => "auth",
            Self::Catalog(_) => "catalog",
            Self::Pass(_) => "pass",
            Self::CountDuplicates(_) => "duplicates",
            Self::Impossible { .. } | Self::Incomparable { .. } => "impossible",
            Self::Keys(_) => "keys",
            Self::LostObjects(_) => "lost_objects",
            Self::Migrations(_) => "migrations",
            Self::OrphanSample { .. } => "orphan_sample",
            Self::Orphans(_) => "orphans",
            Self::Recent(_) => "recent",
            Self::SampleDuplicates(_) => "duplicate_sample",
            Self::SampleUsers(_) => "sample_users",
            Self::Sequences(_) => "sequences",
            Self::Spread(_) => "spread",
            Self::Question(_) => "question",
            Self::StoredRows(_) => "stored_rows",
            Self::Table { .. } => "table",
            Self::UnnamedObjects(_) => "unnamed_objects",
        }
    }

    /// What it is about, for a log: names of objects, never values.
    pub(super) fn object(&self) -> String {
        match self {
            Self::Acting(acting) => crate::text::plural(acting.tables.len() as u64, "table"),
            Self::Assertion(assertion) => assertion.name.clone(),
            Self::Auth(auth) => auth.question.table().to_string(),
            Self::Migrations(job) => job.question.table().to_string(),
            Self::Catalog(name) => format!("{name:?}"),
            Self::Pass(job) => job.pass.name.to_string(),
            Self::Keys(keys) => keys.parent.to_string(),
            Self::CountDuplicates(count) => count.table.to_string(),
            Self::Impossible { table, .. }
            | Self::Incomparable { table, .. }
            | Self::Table { name: table, .. } => table.to_string(),
            Self::OrphanSample { reference, .. } => reference.key(),
            Self::Orphans(count) => count.reference.key(),
            Self::Recent(recent) => recent.table.to_string(),
            Self::SampleDuplicates(sample) => sample.key.key(),
            Self::Spread(spread) => spread.table.to_string(),
            Self::Question(_) | Self::SampleUsers(_) => String::new(),
            Self::LostObjects(lost) => lost.key(),
            Self::StoredRows(_) | Self::UnnamedObjects(_) => storage::table().to_string(),
            Self::Sequences(names) => crate::text::plural(names.len() as u64, "sequence"),
        }
    }

    /// When it is begun, among the others of its round.
    pub(super) fn place(&self, sizes: &Sizes<'_>) -> Place {
        match self {
            Self::Catalog(_) | Self::Impossible { .. } | Self::Incomparable { .. } | Self::Question(_) => {
                Place::new(Rank::Rows, 1, 1)
            }
            Self::Sequences(names) => Place::new(Rank::Rows, names.len() as u64, names.len() as u64),
            Self::Table { name, .. }
            | Self::Recent(RecentRows { table: name, .. })
            | Self::Spread(SpreadRows { table: name, .. }) => {
                Place::new(Rank::Rows, sizes.rows(name), sizes.rows(name))
            }
            Self::StoredRows(_) => {
                let rows = sizes.rows(&storage::table());
                Place::new(Rank::Rows, rows, rows)
            }
            Self::LostObjects(lost) => {
                let rows = sizes.rows(lost.table()).saturating_add(sizes.rows(&storage::table()));
                Place::new(Rank::References, rows, rows)
            }
            Self::UnnamedObjects(unnamed) => {
                let mut tables = unnamed.tables();
                tables.push(storage::table());
                let rows = tables.iter().map(|table| sizes.rows(table)).fold(0, u64::saturating_add);
                Place::new(Rank::References, rows, rows)
            }
            Self::Pass(job) => {
                let rows = job.share(sizes.rows(&job.pass.name));
                Place::new(Rank::Rows, rows, rows.saturating_mul(2))
            }
            Self::Keys(keys) => {
                Place::new(Rank::References, sizes.rows(&keys.parent), sizes.rows(&keys.parent))
            }
            // A join costs several passes.
            Self::Orphans(count) => {
                let (child, parent) = (&count.reference.child, &count.reference.parent);
                let rows = count.share(sizes.rows(child)).saturating_add(sizes.rows(parent));
                Place::new(Rank::References, rows, rows.saturating_mul(4))
            }
            Self::OrphanSample { reference, .. } => {
                let rows = sizes.rows(&reference.child);
                Place::new(Rank::Rest, rows, rows.saturating_mul(4))
            }
            // Each key costs a pass and a sort.
            Self::CountDuplicates(count) => {
                let rows = sizes.rows(&count.table);
                let keys = count.keys.len() as u64;
                Place::new(Rank::References, rows, rows.saturating_mul(4).saturating_mul(keys))
            }
            Self::SampleDuplicates(sample) => {
                let rows = sizes.rows(&sample.key.table);
                Place::new(Rank::Rest, rows, rows.saturating_mul(6))
            }
            Self::Acting(acting) => {
                let rows = acting.tables.iter().map(|table| sizes.rows(&table.name)).sum();
                Place::new(Rank::Rest, rows, rows)
            }
            // A join costs several passes.
            Self::Auth(auth) => {
                let rows = auth.reads.iter().map(|table| sizes.rows(table)).fold(0, u64::saturating_add);
                Place::new(Rank::References, rows, rows.saturating_mul(4))
            }
            Self::Migrations(job) => {
                let rows = sizes.rows(job.question.table());
                Place::new(Rank::Rest, rows, rows)
            }
            // Nobody knows what it reads.
            Self::Assertion(_) | Self::SampleUsers(_) => {
                Place::new(Rank::Rest, sizes.largest(), sizes.largest())
            }
        }
    }

    /// The tables whose rewriting meanwhile would make them read as empty.
    pub(super) fn reads(&self) -> Vec<QualifiedName> {
        match self {
            // The one fact of the catalog that is a table like any other.
            Self::Catalog(CatalogFactName::Bucket) => vec![QualifiedName::new("storage", "buckets")],
            Self::Auth(auth) if auth.sql.is_ok() => auth.reads.clone(),
            Self::Migrations(job) => vec![job.question.table().clone()],
            Self::Table { name, .. } => vec![name.clone()],
            Self::Recent(recent) => vec![recent.table.clone()],
            Self::Spread(spread) => vec![spread.table.clone()],
            Self::Pass(job) => vec![job.pass.name.clone()],
            Self::Keys(keys) => vec![keys.parent.clone()],
            Self::CountDuplicates(count) => vec![count.table.clone()],
            Self::SampleDuplicates(sample) => vec![sample.key.table.clone()],
            Self::StoredRows(_) => vec![storage::table()],
            Self::Acting(acting) => acting.tables.iter().map(|table| table.name.clone()).collect(),
            Self::LostObjects(lost) => vec![lost.table().clone(), storage::table()],
            Self::UnnamedObjects(unnamed) => {
                let mut tables = unnamed.tables();
                tables.push(storage::table());
                tables
            }
            Self::Orphans(CountOrphans { reference, .. }) | Self::OrphanSample { reference, .. } => {
                vec![reference.child.clone(), reference.parent.clone()]
            }
            _ => Vec::new(),
        }
    }

    /// What the role must be allowed to read.
    pub(super) fn needs(&self) -> Vec<QualifiedName> {
        match self {
            Self::Sequences(names) => names.clone(),
            _ => self.reads(),
        }
    }

    /// The statement of the team's own that it asks with.
    pub(super) fn theirs(&self) -> Option<&str> {
        match self {
            Self::Assertion(assertion) => Some(assertion.statement()),
            Self::SampleUsers(sample) => Some(sample.statement()),
            _ => None,
        }
    }

    /// The statement, or none where there is nothing to ask.
    pub(super) fn sql(&self) -> Option<String> {
        Some(match self {
            Self::Catalog(name) => {
                format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{}\n) f", name.sql())
            }
            Self::Table { rows, columns, from, .. } => {
                let mut wanted = Vec::new();
                if *rows {
                    wanted.push("pg_catalog.count(*)".to_owned());
                }
                for (column, kind) in columns {
                    let column = quote(column);
                    for function in ["min", "max"] {
                        wanted.push(match kind {
                            // Without a time zone it is taken as UTC; infinity is no instant.
                            ColumnKind::Time => format!(
                                "pg_catalog.to_char(pg_catalog.{function}({column}::pg_catalog.timestamptz) \
                                 filter (where pg_catalog.isfinite({column})) at time zone 'UTC', \
                                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                            ),
                            ColumnKind::Other => format!("pg_catalog.{function}({column})::pg_catalog.text"),
                        });
                    }
                }
                format!("select {} from {from}", wanted.join(", "))
            }
            Self::Orphans(count) => count.sql()?,
            Self::OrphanSample { reference, key, tenant } => sample_sql(reference, key, tenant.as_deref()),
            Self::Recent(recent) => recent.sql(),
            Self::CountDuplicates(count) => count.sql(),
            Self::SampleDuplicates(sample) => sample.sql(),
            Self::Spread(spread) => spread.sql(),
            Self::Sequences(names) => {
                names
                    .iter()
                    .enumerate()
                    .map(|(at, name)| format!("select {at}, last_value, is_called from {}", name.to_sql()))
                    .collect::<Vec<_>>()
                    .join("\nunion all ")
                    + " order by 1"
            }
            Self::Assertion(assertion) => assertion.statement().to_owned(),
            Self::SampleUsers(sample) => sample.sql(),
            Self::Migrations(job) => job.sql.clone(),
            Self::Auth(auth) => return auth.sql.as_ref().ok().cloned(),
            Self::LostObjects(lost) => lost.sql(),
            Self::UnnamedObjects(unnamed) => unnamed.sql(),
            Self::Question(question) => question.clone(),
            // Reads by itself.
            Self::Acting(_)
            | Self::Pass(_)
            | Self::Keys(_)
            | Self::Incomparable { .. }
            | Self::Impossible { .. }
            | Self::StoredRows(_) => {
                return None;
            }
        })
    }

    /// Settings that hold for its statement alone.
    pub(super) fn settings(&self) -> Vec<String> {
        match self {
            Self::CountDuplicates(count) => count.settings(),
            Self::SampleDuplicates(sample) => sample.settings(),
            _ => Vec::new(),
        }
    }

    /// The same in smaller pieces, where these may be answered although it was not.
    pub(super) fn split(&self, cause: &Cause) -> Vec<Self> {
        match self {
            // One part of it may have spoilt the others.
            Self::Sequences(names) if names.len() > 1 && is_of_one(cause) => {
                let (left, right) = names.split_at(names.len() / 2);
                vec![Self::Sequences(left.to_vec()), Self::Sequences(right.to_vec())]
            }
            Self::Acting(acting) if is_of_one(cause) => {
                acting.split().into_iter().map(Self::Acting).collect()
            }
            Self::Orphans(count) => count.split(cause).into_iter().map(Self::Orphans).collect(),
            Self::Pass(job) => job.split(cause).into_iter().map(Self::Pass).collect(),
            Self::CountDuplicates(count) if is_of_one(cause) => {
                count.split().into_iter().map(Self::CountDuplicates).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same in smaller pieces, where it is known that it would take longer than a statement may.
    pub(super) fn split_before(&self) -> Vec<Self> {
        match self {
            Self::Acting(acting) => acting.split_before().into_iter().map(Self::Acting).collect(),
            Self::Orphans(count) => count.split_before().into_iter().map(Self::Orphans).collect(),
            Self::Pass(job) => job.split_before().into_iter().map(Self::Pass).collect(),
            _ => Vec::new(),
        }
    }

    /// Why there is no use in asking.
    pub(super) fn hopeless(&self) -> Option<&Cause> {
        match self {
            Self::Acting(acting) => acting.hopeless(),
            Self::Orphans(count) => count.hopeless(),
            Self::Pass(job) => job.hopeless(),
            _ => None,
        }
    }

    /// Whether it took longer than a statement may although it is as small as can be: on a busy server that
    /// may be chance.
    pub(super) fn may_be_slow_by_chance(&self, cause: &Cause) -> bool {
        let is_part = match self {
            Self::Orphans(count) => count.is_part(),
            Self::Pass(job) => job.is_part(),
            _ => false,
        };
        is_part && cause.kind == CauseKind::StatementTimeout
    }

    /// There is no answer, and this is why. Gives what may be answered all the same, by other means.
    pub(super) fn give_up(&self, cause: &Cause) -> Vec<Self> {
        match self {
            Self::Acting(acting) => {
                acting.give_up(cause);
                Vec::new()
            }
            Self::Orphans(count) => {
                count.give_up(cause);
                Vec::new()
            }
            Self::Pass(job) => {
                let instead = job.give_up(cause).iter().filter(|_| is_of_one(cause)).cloned();
                instead.map(|reference| Self::Orphans(job.counted_apart(reference))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How many bytes the server reads for it, roughly; 0 where nobody knows.
    pub(super) fn bytes(&self, sizes: &Sizes<'_>) -> u64 {
        match self {
            Self::Pass(job) => job.bytes(),
            // Keys are a small part of the rows, which are read besides.
            Self::Catalog(_) | Self::Impossible { .. } | Self::Incomparable { .. } | Self::Keys(_) => 0,
            _ => self.reads().iter().map(|table| sizes.bytes(table)).sum(),
        }
    }

    /// The key columns that samples of a table show.
    pub(super) fn key_of(table: &QualifiedName, catalog: &Catalog) -> Vec<KeyColumn> {
        let Ok(Some(key)) = catalog.primary_key(table) else { return Vec::new() };
        key.columns.iter().map(|name| KeyColumn::of(table, name, catalog)).collect()
    }

    /// The column that says which tenant a row belongs to, where the table has it.
    pub(super) fn tenant_of(table: &QualifiedName, plan: &Plan, catalog: &Catalog) -> Option<String> {
        let tenancy = plan.tenancy.as_ref()?;
        catalog.column(table, &tenancy.column).ok().flatten().map(|column| column.name.clone())
    }
}

/// Whether one of several things that were asked for together may have spoilt the answer for all.
pub(super) fn is_of_one(cause: &Cause) -> bool {
    !matches!(
        cause.kind,
        CauseKind::Cancelled | CauseKind::Connection | CauseKind::Deadline | CauseKind::SnapshotAge
    )
}

/// Rows of `(what, values…)`: some keys, the tenants, and two totals. The join is done once.
fn sample_sql(reference: &Reference, key: &[KeyColumn], tenant: Option<&str>) -> String {
    let column = |name: &str, alias: String| format!("c.{} as {alias}", quote(name));
    let aliases = |letter: char, count: usize| -> Vec<String> {
        (1..=count).map(|number| format!("{letter}{number}")).collect()
    };
    let parents = aliases('p', reference.child_columns.len());
    let keys = aliases('k', key.len());
    let mut columns: Vec<String> = reference
        .child_columns
        .iter()
        .zip(&parents)
        .map(|(name, alias)| column(name, alias.clone()))
        .collect();
    columns.extend(key.iter().zip(&keys).map(|(key, alias)| column(&key.name, alias.clone())));
    columns.extend(tenant.map(|name| column(name, "tenant".to_owned())));
    let mut parts = vec![format!(
        "select 'parents', array[pg_catalog.count(*)::pg_catalog.text] from (select distinct {} from orphan) d",
        parents.join(", ")
    )];
    if !keys.is_empty() {
        let texts: Vec<String> = keys.iter().map(|alias| format!("{alias}::pg_catalog.text")).collect();
        parts.push(format!(
            "(select 'key', array[{}] from orphan order by {} limit {SAMPLE})",
            texts.join(", "),
            keys.join(", ")
        ));
    }
    if tenant.is_some() {
        parts.push(
            "select 'tenants', array[pg_catalog.count(distinct tenant)::pg_catalog.text] from orphan"
                .to_owned(),
        );
        parts.push(format!(
            "(select 'tenant', array[tenant::pg_catalog.text, pg_catalog.count(*)::pg_catalog.text] \
             from orphan where tenant is not null \
             group by tenant order by pg_catalog.count(*) desc, tenant::pg_catalog.text limit {TENANTS})"
        ));
    }
    // As JSON, because an array of text has no simple form.
    format!(
        "with orphan as materialized (\nselect {} from {} where {}\n)\n\
         select w.what, pg_catalog.to_json(w.cells)::pg_catalog.text from (\n{}\n) w (what, cells)",
        columns.join(", "),
        reference.child_sql(),
        reference.orphan_condition(),
        parts.join("\nunion all\n")
    )
}
