//! What the requests of one round are answered by: everything about one table that one pass can answer is one job.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::acting::{Acting, Shared};
use super::auth::AuthJob;
use super::duplicates::{CountDuplicates, SampleDuplicates};
use super::job::{ColumnKind, Job};
use super::migrations::MigrationJob;
use super::objects::{LostObjects, UnnamedObjectsOf};
use super::orphans::CountOrphans;
use super::pass::Pass;
use super::recent::RecentRows;
use super::references::{Countable, KeySets};
use super::request::{Request, Wants};
use super::sample::SampleUsers;
use super::shard::Shard;
use super::spread::SpreadRows;
use super::storage::Storages;
use crate::content::ContentWay;
use crate::evidence::catalog::Catalog;
use crate::evidence::{Cause, CauseKind, Evidence};
use crate::plan::Plan;
use crate::reference::Reference;
use crate::sql::QualifiedName;
use crate::storage::{KeyForm, ReadRows};
use crate::unique::UniqueKey;

/// How many sequences one statement reads: one each would be one round trip each.
const SEQUENCES: usize = 200;

/// What is collected for, and how.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) plan: &'a Plan,
    /// What it will be compared with.
    pub(super) then: Option<&'a Evidence>,
    /// Where the hashes of rows are computed.
    pub(super) way: ContentWay,
    /// Where orphans are counted.
    pub(super) references: ContentWay,
    /// Blocks of a table that one statement reads, at most; as suits its size where none.
    pub(super) blocks: Option<u32>,
    /// Which share is read, where others read the rest.
    pub(super) shard: Option<Shard>,
    /// How the paths are written of the store whose files rows are compared with.
    pub(super) files: Option<KeyForm>,
}

/// No part of a table is smaller than this, unless it has to be: each costs a statement, and a sketch.
const SMALLEST_PART: u64 = 64 << 20;
/// None is larger, so that progress is seen, and little is lost with a session.
const LARGEST_PART: u64 = 1 << 30;
/// Into so many parts everything is divided for each session, so that all end at about the same time.
const PARTS: u64 = 16;

impl Reading<'_> {
    fn content_of(
        &self,
        table: &QualifiedName,
        catalog: &Catalog,
        storages: &Storages,
    ) -> Result<Pass, Cause> {
        let relation = catalog.relation(table)?;
        let gone = || Cause::new(CauseKind::Error, format!("{table} is not there"));
        let storage = storages.get(table).cloned().unwrap_or_default();
        Pass::of_content(relation.ok_or_else(gone)?, catalog, self.then, self.way, storage)
    }

    /// Has the orphans of references counted in passes over their children, where their parents are known: in
    /// those that are made anyway, or in such as read only the columns that tell. Gives back the others.
    fn probe(
        &self,
        passes: &mut BTreeMap<QualifiedName, Pass>,
        references: Vec<Reference>,
        parents: &Parents,
        tables: &BTreeMap<QualifiedName, (bool, Vec<String>)>,
        catalog: &Catalog,
        storages: &Storages,
    ) -> Vec<Reference> {
        let mut left = Vec::new();
        let mut columns: BTreeMap<&QualifiedName, BTreeSet<String>> = BTreeMap::new();
        for one in parents.countable.iter().filter(|one| one.among(&parents.keys).is_some()) {
            let child = &one.reference.child;
            let wanted = columns.entry(child).or_default();
            wanted.extend(one.reference.child_columns.iter().cloned());
            wanted.extend(Job::key_of(child, catalog).into_iter().map(|column| column.name));
            wanted.extend(Job::tenant_of(child, self.plan, catalog));
            // What else is asked about this table comes by with them.
            wanted.extend(tables.get(child).iter().flat_map(|(_, columns)| columns).cloned());
        }
        for (child, columns) in columns {
            if let (Entry::Vacant(place), Ok(Some(relation))) =
                (passes.entry(child.clone()), catalog.relation(child))
            {
                let storage = storages.get(child).cloned().unwrap_or_default();
                if let Ok(pass) = Pass::of_columns(relation, &columns, catalog, storage) {
                    place.insert(pass);
                }
            }
        }
        for reference in references {
            let countable = parents.countable.iter().find(|one| one.reference == reference);
            let taken = countable.zip(passes.get_mut(&reference.child)).is_some_and(|(one, pass)| {
                let key = Job::key_of(&reference.child, catalog);
                let tenant = Job::tenant_of(&reference.child, self.plan, catalog);
                one.among(&parents.keys)
                    .is_some_and(|keys| pass.take_reference(one, keys, &key, tenant.as_ref()))
            });
            if !taken {
                left.push(reference);
            }
        }
        left
    }

    fn stored_rows(&self, catalog: &Catalog) -> std::result::Result<ReadRows, Cause> {
        let not_given = || Cause::new(CauseKind::NotCollected, "no store was given");
        let checksums = self.plan.storage_orphans.as_ref().is_some_and(|section| section.checksums);
        ReadRows::new(catalog, self.files.ok_or_else(not_given)?, checksums)
    }
}

/// Parents whose keys are known, and the references that lead to them.
#[derive(Debug, Default)]
pub(super) struct Parents {
    pub(super) countable: Vec<Countable>,
    pub(super) keys: KeySets,
}

/// Turns requests into statements: everything about one table that one pass can answer is one.
pub(super) fn plan_jobs(
    reading: Reading<'_>,
    wants: Wants,
    evidence: &Evidence,
    storages: &Storages,
    parents: &Parents,
) -> Vec<Job> {
    let (plan, catalog) = (reading.plan, &*evidence.catalog);
    let mut jobs = Vec::new();
    let mut passes: BTreeMap<QualifiedName, Pass> = BTreeMap::new();
    let mut references = Vec::new();
    let mut sketches = Vec::new();
    let mut spreads = Vec::new();
    let mut tables: BTreeMap<QualifiedName, (bool, Vec<String>)> = BTreeMap::new();
    let mut duplicates: BTreeMap<QualifiedName, Vec<UniqueKey>> = BTreeMap::new();
    let mut sequences: Vec<QualifiedName> = Vec::new();
    let mut acted: BTreeMap<String, Vec<QualifiedName>> = BTreeMap::new();
    let mut looked_up: Vec<String> = Vec::new();
    let sample = plan.tenant_isolation.as_ref().and_then(|section| section.sample.as_ref());
    for request in wants.into_requests() {
        match request {
            Request::Catalog(name) => jobs.push(Job::Catalog(name)),
            Request::Content(table) => match reading.content_of(&table, catalog, storages) {
                Ok(pass) => drop(passes.insert(table, pass.of_shard(reading.shard, reading.blocks))),
                Err(cause) => jobs.push(Job::Incomparable { table, cause }),
            },
            Request::Sketch(table) => match reading.content_of(&table, catalog, storages) {
                Ok(pass) => sketches.push(pass.only_sketch()),
                Err(cause) => jobs.push(Job::Incomparable { table, cause }),
            },
            Request::Rows(table) => tables.entry(table).or_default().0 = true,
            Request::Extremes(table, column) => tables.entry(table).or_default().1.push(column),
            Request::Recent { table, column, since, tenant } => {
                jobs.extend(recent_job(table, column, since, tenant, catalog));
            }
            Request::Orphans(reference) => references.push(reference),
            Request::OrphanSample(reference) => {
                let key = Job::key_of(&reference.child, catalog);
                let tenant = Job::tenant_of(&reference.child, plan, catalog);
                jobs.push(Job::OrphanSample { reference, key, tenant });
            }
            Request::Duplicates(key) => duplicates.entry(key.table.clone()).or_default().push(key),
            Request::DuplicateSample(key) => {
                let tenant = Job::tenant_of(&key.table, plan, catalog);
                jobs.push(Job::SampleDuplicates(SampleDuplicates::new(key, tenant, catalog)));
            }
            Request::Sequence(name) => sequences.push(name),
            Request::Spread { table, tenant, hour } => spreads.push((table, tenant, hour)),
            Request::LostObjects(reference) => {
                jobs.push(Job::LostObjects(LostObjects::new(reference, plan, catalog)));
            }
            Request::UnnamedObjects(references) => {
                jobs.push(Job::UnnamedObjects(UnnamedObjectsOf::new(references, plan, catalog)));
            }
            Request::Auth(question) => jobs.push(Job::Auth(AuthJob::new(question, catalog))),
            Request::Migrations(question) => jobs.push(Job::Migrations(MigrationJob::new(question, catalog))),
            Request::StoredRows => jobs.push(Job::StoredRows(reading.stored_rows(catalog))),
            Request::SampledUsers => {
                jobs.extend(sample.map(|sample| Job::SampleUsers(SampleUsers::choose(sample))));
            }
            Request::Memberships(user) => looked_up.push(user),
            Request::Acting { who, table } => acted.entry(who).or_default().push(table),
            Request::Assertion(name) => jobs.extend(plan.assertion(&name).cloned().map(Job::Assertion)),
        }
    }
    let left = reading.probe(&mut passes, references, parents, &tables, catalog, storages);
    for reference in left {
        jobs.extend(CountOrphans::jobs(reference, storages, reading.blocks).into_iter().map(Job::Orphans));
    }
    for (name, (mut rows, mut columns)) in tables {
        if let Some(pass) = passes.get_mut(&name) {
            // One pass answers both.
            columns = pass.take_over(std::mem::take(&mut rows), columns);
            if columns.is_empty() {
                continue;
            }
        }
        jobs.extend(table_jobs(name, rows, columns, catalog));
    }
    for (table, tenant, hour) in spreads {
        let taken =
            passes.get_mut(&table).is_some_and(|pass| pass.take_spread(tenant.as_ref(), hour.as_ref()));
        // Where the catalog knows no such table nobody should have asked, and it stays unread.
        if let (false, Ok(Some(relation))) = (taken, catalog.relation(&table)) {
            jobs.push(Job::Spread(SpreadRows { from: relation.from_sql(), table, tenant, hour }));
        }
    }
    let all: u64 = storages.values().map(|storage| storage.bytes).sum();
    let part = all / (PARTS * reading.plan.limits.sessions() as u64);
    let part = part.clamp(SMALLEST_PART, LARGEST_PART);
    for pass in passes.into_values().chain(sketches) {
        jobs.extend(pass.jobs(part, reading.blocks).into_iter().map(Job::Pass));
    }
    let counts = duplicates.into_iter().map(|(table, keys)| CountDuplicates { table, keys });
    jobs.extend(counts.map(Job::CountDuplicates));
    jobs.extend(sequences.chunks(SEQUENCES).map(|names| Job::Sequences(names.to_vec())));
    if let (Some(sample), false) = (sample, looked_up.is_empty()) {
        jobs.push(Job::SampleUsers(SampleUsers::look_up(sample, looked_up)));
    }
    jobs.extend(acting_jobs(reading, &acted, evidence, storages));
    jobs
}

/// Nothing where the plan or the catalog knows no such user or column: then nobody should have asked.
fn acting_jobs(
    reading: Reading<'_>,
    acted: &BTreeMap<String, Vec<QualifiedName>>,
    evidence: &Evidence,
    storages: &Storages,
) -> Vec<Job> {
    let catalog = &evidence.catalog;
    let names: BTreeSet<&QualifiedName> = acted.values().flatten().collect();
    let shared: BTreeMap<&QualifiedName, Shared> = names
        .into_iter()
        .filter_map(|name| {
            let column = catalog.column(name, &reading.plan.tenancy.as_ref()?.column).ok().flatten()?;
            let bytes = storages.get(name).map_or(0, |storage| storage.bytes);
            Some((name, Shared::new(name, column, bytes)))
        })
        .collect();
    let mut jobs = Vec::new();
    for actor in reading.plan.actors(evidence, reading.then) {
        let names = acted.get(&actor.name).into_iter().flatten();
        let tables: Vec<Shared> = names.filter_map(|name| shared.get(name).cloned()).collect();
        jobs.extend(Acting::parts(&actor, &tables, catalog).into_iter().map(Job::Acting));
    }
    jobs
}

/// None where the catalog knows no such column: then nobody should have asked, and it stays unread.
fn recent_job(
    table: QualifiedName,
    column: String,
    since: jiff::Timestamp,
    tenant: Option<String>,
    catalog: &Catalog,
) -> Option<Job> {
    let relation = catalog.relation(&table).ok().flatten()?;
    let found = catalog.column(&table, &column).ok().flatten()?;
    Some(Job::Recent(RecentRows {
        from: relation.from_sql(),
        zoneless: !found.plain_type().contains("with time zone"),
        table,
        column,
        since,
        tenant,
    }))
}

fn table_jobs(name: QualifiedName, rows: bool, columns: Vec<String>, catalog: &Catalog) -> Vec<Job> {
    let missing = |what: String| Cause::new(CauseKind::Error, what);
    let Ok(Some(relation)) = catalog.relation(&name) else {
        let cause = missing(format!("{name} is not there"));
        let mut jobs: Vec<Job> = columns
            .into_iter()
            .map(|column| Job::Impossible { table: name.clone(), column: Some(column), cause: cause.clone() })
            .collect();
        if rows {
            jobs.push(Job::Impossible { table: name, column: None, cause });
        }
        return jobs;
    };
    let mut jobs = Vec::new();
    let mut known = Vec::new();
    for column in columns {
        match catalog.column(&name, &column) {
            Ok(Some(found)) => {
                known.push((column, if found.is_time() { ColumnKind::Time } else { ColumnKind::Other }));
            }
            Ok(None) => {
                let cause = missing(format!("{name} has no column {column}"));
                jobs.push(Job::Impossible { table: name.clone(), column: Some(column), cause });
            }
            Err(cause) => jobs.push(Job::Impossible { table: name.clone(), column: Some(column), cause }),
        }
    }
    if rows || !known.is_empty() {
        jobs.push(Job::Table { from: relation.from_sql(), name, rows, columns: known });
    }
    jobs
}
