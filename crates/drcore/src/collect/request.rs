//! What can be asked of a database.

use std::collections::BTreeSet;

use super::auth::AuthQuestion;
use super::migrations::MigrationQuestion;
use crate::content::ContentWay;
use crate::evidence::Evidence;
use crate::evidence::catalog::CatalogFactName;
use crate::reference::Reference;
use crate::sql::QualifiedName;
use crate::storage::{ObjectReference, StoredRows};
use crate::unique::UniqueKey;

/// One thing that a check wants to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Request {
    /// A fact of the catalog.
    Catalog(CatalogFactName),
    /// What the rows of a table hold.
    Content(QualifiedName),
    /// What tells which of them differ, after the content did.
    Sketch(QualifiedName),
    /// The exact number of rows of a table.
    Rows(QualifiedName),
    /// How many rows of a table were created after an instant, by tenant and hour.
    Recent {
        /// The table.
        table: QualifiedName,
        /// The column that says when a row was created.
        column: String,
        /// The instant.
        since: jiff::Timestamp,
        /// The column that says which tenant a row belongs to.
        tenant: Option<String>,
    },
    /// Smallest and largest value of a column of a table.
    Extremes(QualifiedName, String),
    /// How many rows of a child table have no parent.
    Orphans(Reference),
    /// Who they are.
    OrphanSample(Reference),
    /// How many rows have a key that another row has.
    Duplicates(UniqueKey),
    /// Which keys these are.
    DuplicateSample(UniqueKey),
    /// Where a sequence stands.
    Sequence(QualifiedName),
    /// How many rows of a table each tenant and each hour has.
    Spread {
        /// The table.
        table: QualifiedName,
        /// The column that says which tenant a row belongs to.
        tenant: Option<String>,
        /// The column that says when a row was created.
        hour: Option<String>,
    },
    /// The result of one of the plan's assertions, by name.
    Assertion(String),
    /// What one of those that the plan acts as sees of a table or view.
    Acting {
        /// Who, by the id in the plan.
        who: String,
        /// The table or view.
        table: QualifiedName,
    },
    /// Users that are chosen from the data, as the plan says, and their tenants.
    SampledUsers,
    /// The tenants of a user that was chosen in the baseline.
    Memberships(String),
    /// What the tables of the auth service hold.
    Auth(AuthQuestion),
    /// Which migrations were applied.
    Migrations(MigrationQuestion),
    /// The rows that the files of a store are compared with.
    StoredRows,
    /// The objects that a column of the application names, and that are not there.
    LostObjects(ObjectReference),
    /// The objects that none of these columns names.
    UnnamedObjects(Vec<ObjectReference>),
}

impl Request {
    /// Whether the Evidence holds an answer, be it that it could not be read.
    pub(crate) fn is_answered(&self, evidence: &Evidence) -> bool {
        let scans = &evidence.scans;
        match self {
            Self::Catalog(name) => evidence.catalog.has(*name),
            Self::Content(table) => scans.tables.get(table).is_some_and(|scan| !scan.content.is_not_asked()),
            // Asked for once; where that fails, the content is known to differ, and not where.
            Self::Sketch(table) => evidence.sketched.was_asked(table),
            Self::Rows(table) => scans.tables.get(table).is_some_and(|scan| !scan.rows.is_not_asked()),
            Self::Recent { table, column, .. } => {
                scans.tables.get(table).is_some_and(|scan| scan.recent.contains_key(column))
            }
            Self::Extremes(table, column) => {
                scans.tables.get(table).is_some_and(|scan| scan.extremes.contains_key(column))
            }
            Self::Orphans(reference) => scans.orphans.contains_key(&reference.key()),
            Self::OrphanSample(reference) => scans.orphan_samples.contains_key(&reference.key()),
            Self::Duplicates(key) => scans.duplicates.contains_key(&key.key()),
            Self::DuplicateSample(key) => scans.duplicate_samples.contains_key(&key.key()),
            Self::Sequence(name) => scans.sequences.contains_key(name),
            Self::Spread { table, .. } => {
                scans.tables.get(table).is_some_and(|scan| !scan.spread.is_not_asked())
            }
            Self::Assertion(name) => evidence.assertions.contains_key(name),
            Self::Acting { who, table } => {
                evidence.isolation.get(who).is_some_and(|acted| acted.tables.contains_key(table))
            }
            Self::SampledUsers => {
                evidence.sampled_users.as_ref().is_some_and(|sampled| !sampled.sample.is_not_asked())
            }
            Self::Memberships(user) => {
                evidence.sampled_users.as_ref().is_some_and(|sampled| sampled.others.contains_key(user))
            }
            Self::Auth(question) => question.is_answered(&evidence.auth),
            Self::Migrations(question) => question.is_answered(&evidence.migrations),
            Self::StoredRows => !matches!(evidence.stored_rows, StoredRows::Wanted),
            Self::LostObjects(reference) => scans.named_objects.contains_key(&reference.key()),
            Self::UnnamedObjects(_) => !scans.unnamed_objects.is_not_asked(),
        }
    }
}

/// What is wanted, each thing once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants(BTreeSet<Request>);

impl Wants {
    /// Adds a request.
    pub fn add(&mut self, request: Request) {
        self.0.insert(request);
    }

    /// Adds requests for facts of the catalog.
    pub fn catalog(&mut self, names: &[CatalogFactName]) {
        self.0.extend(names.iter().copied().map(Request::Catalog));
    }

    /// How the rows of a table are spread, as the baseline counted them: where they come with the content
    /// anyway, or where there are other rows than there were.
    pub(crate) fn spread(&mut self, now: &Evidence, then: &Evidence, table: &QualifiedName) {
        let Some(was) = then.scans.tables.get(table) else { return };
        let Some(spread) = was.spread.read() else { return };
        let streamed = now.run.content.is_some_and(|link| link.way == ContentWay::Stream);
        let differs = now.scans.tables.get(table).is_some_and(|scan| {
            let rows = scan.rows.read().zip(was.rows.read()).is_some_and(|(now, was)| now != was);
            let content = scan.content.read().zip(was.content.read());
            rows || content.is_some_and(|(now, was)| now.fingerprint != was.fingerprint)
        });
        if !streamed && !differs {
            return;
        }
        self.catalog(&[CatalogFactName::Column]);
        let there = |column: &Option<String>| {
            column.clone().filter(|column| matches!(now.catalog.column(table, column), Ok(Some(_))))
        };
        let (tenant, hour) = (there(&spread.tenant_column), there(&spread.hour_column));
        if tenant.is_some() || hour.is_some() {
            self.add(Request::Spread { table: table.clone(), tenant, hour });
        }
    }

    /// Those of these facts that the Evidence does not answer yet.
    pub(crate) fn facts(names: &[CatalogFactName], evidence: &Evidence) -> Self {
        let mut wants = Self::default();
        wants.catalog(names);
        wants.retain(|request| !request.is_answered(evidence));
        wants
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.0.iter()
    }

    /// The tables that are read to answer them.
    pub(super) fn tables(&self) -> BTreeSet<&QualifiedName> {
        let mut tables = BTreeSet::new();
        for request in &self.0 {
            match request {
                Request::Acting { table, .. }
                | Request::Content(table)
                | Request::Extremes(table, _)
                | Request::Recent { table, .. }
                | Request::Rows(table)
                | Request::Sketch(table)
                | Request::Spread { table, .. } => drop(tables.insert(table)),
                Request::DuplicateSample(key) | Request::Duplicates(key) => drop(tables.insert(&key.table)),
                Request::OrphanSample(reference) | Request::Orphans(reference) => {
                    tables.extend([&reference.child, &reference.parent]);
                }
                Request::LostObjects(reference) => drop(tables.insert(&reference.table)),
                Request::UnnamedObjects(references) => {
                    tables.extend(references.iter().map(|reference| &reference.table));
                }
                Request::Assertion(_)
                | Request::Auth(_)
                | Request::Catalog(_)
                | Request::Memberships(_)
                | Request::SampledUsers
                | Request::Migrations(_)
                | Request::Sequence(_)
                | Request::StoredRows => {}
            }
        }
        tables
    }

    /// Leaves only facts of the catalog while one of them is wanted: they show who may see what, and no
    /// table is large enough to wait for.
    pub(super) fn catalog_first(&mut self) {
        let is_catalog = |request: &Request| matches!(request, Request::Catalog(_));
        if self.iter().any(is_catalog) {
            self.retain(is_catalog);
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&Request) -> bool) {
        self.0.retain(keep);
    }

    pub(crate) fn into_requests(self) -> BTreeSet<Request> {
        self.0
    }
}
