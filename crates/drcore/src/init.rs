//! A first plan, written from what a live database is like.

mod files;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::exposed::exposed_by;
use crate::collect::{Stop, collect_or_unreachable};
use crate::connect::Dsn;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{CatalogFactName, Column, Relation, UniqueIndex};
use crate::evidence::{Catalog, Cause, Evidence};
use crate::sql::{QualifiedName, ident};
use crate::text::{instant, plural};
use crate::verify::VerifyOptions;
use files::Looked;
use writer::{Writer, toml_key, toml_string};

/// What [`write_plan`] looks at: the catalog, and nothing that needs a scan.
const FACTS: &[CatalogFactName] = &[
    CatalogFactName::Bucket,
    CatalogFactName::Column,
    CatalogFactName::ForeignKey,
    CatalogFactName::Key,
    CatalogFactName::Relation,
    CatalogFactName::Setting,
    CatalogFactName::UniqueIndex,
];

/// Columns that usually say which tenant a row belongs to, without underscores and in lower case.
const TENANT_COLUMNS: &[&str] = &[
    "accountid",
    "companyid",
    "customerid",
    "orgid",
    "organisationid",
    "organizationid",
    "teamid",
    "tenant",
    "tenantid",
    "workspaceid",
];

/// Looks at a database and writes a commented plan for it, as TOML.
///
/// # Errors
/// What kept the catalog from being read; [`ErrorKind::Cancelled`] if the caller cancelled.
pub async fn init(url: &str, options: &VerifyOptions) -> Result<String> {
    let dsn = Dsn::parse(url)?;
    let mut collect = options.collect.clone();
    collect.facts = Some(FACTS.to_vec());
    let evidence = Box::pin(collect_or_unreachable(url, &options.plan, None, &collect)).await;
    let evidence = evidence.whole()?;
    let catalog = &evidence.catalog;
    let own = own(catalog)?;
    let looked = if catalog.is_supabase().unwrap_or_default() {
        let limits = &options.plan.limits;
        let stop = Stop::new(options.collect.cancel.clone(), limits.deadline.map(Into::into));
        let looked = Box::pin(stop.or(Looked::at(dsn, limits, catalog, &own))).await;
        stop.finish();
        looked?
    } else {
        Looked::default()
    };
    Ok(written(&evidence, &own, &looked))
}

/// Writes a commented plan, as TOML, from Evidence of a live database.
///
/// It writes down what it sees, damage included, and says so. Lines that begin
/// with `#` and no space are proposals: without the `#` they are valid too.
///
/// # Errors
/// What kept the list of tables from being read.
pub fn write_plan(evidence: &Evidence) -> Result<String> {
    Ok(written(evidence, &own(&evidence.catalog)?, &Looked::default()))
}

/// The tables of the application.
fn own(catalog: &Catalog) -> Result<Vec<&Relation>> {
    let tables = crate::plan::Scope::default().tables(catalog).map_err(unreadable)?;
    let mut own = Vec::new();
    for relation in tables {
        if !catalog.is_managed(&relation.name.schema).map_err(unreadable)? {
            own.push(relation);
        }
    }
    Ok(own)
}

fn written(evidence: &Evidence, own: &[&Relation], looked: &Looked) -> String {
    let catalog = &evidence.catalog;
    let mut plan = Writer::default();
    header(&mut plan, evidence, own);
    tenancy(&mut plan, catalog, own);
    row_counts(&mut plan, own);
    orphan_fks(&mut plan, catalog, own);
    duplicate_keys(&mut plan, catalog, own);
    rls_coverage(&mut plan, catalog, own);
    auth_integrity(&mut plan, catalog, own);
    migration_drift(&mut plan, catalog);
    bucket_privacy(&mut plan, catalog);
    looked.write(&mut plan, catalog, own);
    freshness(&mut plan, evidence, own);
    assertions(&mut plan);
    exceptions(&mut plan, own);
    plan.text
}

fn unreadable(cause: Cause) -> Error {
    let error =
        Error::new(ErrorKind::Query, format!("the list of tables could not be read: {}", cause.message));
    match cause.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn header(plan: &mut Writer, evidence: &Evidence, own: &[&Relation]) {
    let run = &evidence.run;
    let mut subject: Vec<String> = Vec::new();
    subject.extend(run.project.as_ref().map(|project| format!("project {project}")));
    subject.extend(run.server.as_ref().map(|server| format!("database {}", server.database)));
    subject.extend(run.host.clone());
    plan.note(&format!(
        "What must hold of {}.",
        if subject.is_empty() { "this database".to_owned() } else { subject.join(", ") }
    ));
    plan.note(&format!("Written by drcore init at {}.", instant(run.taken_at)));
    plan.note("");
    plan.note("It writes down what this database was like at that time, damage included: what was");
    plan.note("already lost is not missed, and what was already open counts as meant. Read every line.");
    plan.note("Lines that begin with # and no space are proposals.");
    plan.line("format = \"drcore.plan/1\"");

    let mut schemas: BTreeMap<&str, u64> = BTreeMap::new();
    for relation in own {
        *schemas.entry(&relation.name.schema).or_default() += 1;
    }
    plan.blank();
    if schemas.is_empty() {
        plan.note("No tables of an application were seen, in any schema that this role can look into.");
    } else {
        let seen: Vec<String> = schemas
            .iter()
            .map(|(schema, tables)| format!("{} ({})", ident(schema), plural(*tables, "table")))
            .collect();
        plan.note(&format!("Looked at where nothing else is said: {}.", seen.join(", ")));
    }
    plan.proposal("[scope]");
    let schemas: Vec<String> = schemas.keys().map(|schema| toml_string(schema)).collect();
    if !schemas.is_empty() {
        plan.proposal(&format!("schemas = [{}]", schemas.join(", ")));
    }
    plan.proposal("exclude = [\"*.tmp_*\"]");
}

/// The column that most likely says which tenant a row belongs to.
fn tenancy(plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
    plan.section("How rows belong to tenants: losses are told apart by it.");
    let mut tables_with: BTreeMap<&str, usize> = BTreeMap::new();
    for relation in own {
        match catalog.columns_of(&relation.name) {
            Ok(columns) => {
                for column in columns.iter().filter(|column| may_be_tenant(column)) {
                    *tables_with.entry(&column.name).or_default() += 1;
                }
            }
            Err(cause) => {
                plan.unread("columns", &cause);
                tables_with.clear();
                break;
            }
        }
    }
    let best = tables_with
        .into_iter()
        .filter(|(_, tables)| *tables >= 2)
        .max_by_key(|(name, tables)| (TENANT_COLUMNS.contains(&folded(name).as_str()), *tables));
    let Some((column, tables)) = best else {
        plan.proposal("[tenancy]");
        plan.proposal("column = \"tenant_id\"");
        return;
    };
    plan.note(&format!("This column is in {tables} of {}.", plural(own.len() as u64, "table")));
    // A column of another name may be anything that many tables refer to.
    let sure = TENANT_COLUMNS.contains(&folded(column).as_str()) && tables * 3 >= own.len();
    let section = format!("[tenancy]\ncolumn = {}", toml_string(column));
    if sure {
        section.lines().for_each(|line| plan.line(line));
    } else if tables * 2 > own.len() {
        section.lines().for_each(|line| plan.proposal(line));
    } else {
        plan.proposal("[tenancy]");
        plan.proposal("column = \"tenant_id\"");
    }
}

fn may_be_tenant(column: &Column) -> bool {
    let fits = matches!(column.type_name.as_str(), "uuid" | "text" | "integer" | "bigint")
        || column.type_name.starts_with("character varying");
    let name = folded(&column.name);
    fits && (TENANT_COLUMNS.contains(&name.as_str()) || (is_reference(&column.name) && name != "userid"))
}

fn row_counts(plan: &mut Writer, own: &[&Relation]) {
    plan.section("How many rows tables must have. Against a baseline every table must have as many as it");
    plan.note(
        "had; a line here allows others: 3, { min = 1 }, { within = 5 }, { percent = 1 }. With \"same\"",
    );
    plan.note("a run without a baseline is unproven.");
    plan.proposal("[row_counts.tables]");
    for relation in own {
        plan.proposal(&format!("{} = \"same\"", toml_key(&typed(&relation.name))));
    }
    if own.is_empty() {
        plan.proposal("tenants = \"same\"");
    }
}

/// Columns that look like references and have no foreign key.
fn orphan_fks(plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
    plan.section("Every foreign key is looked at. These columns look like references and have none.");
    let relations = match undeclared(catalog, own) {
        Ok(relations) => relations,
        Err(cause) => {
            plan.unread("columns, keys or foreign keys", &cause);
            Vec::new()
        }
    };
    if relations.is_empty() {
        plan.note("None was seen; a relation is declared like this:");
        plan.proposal("[[orphan_fks.relations]]");
        plan.proposal("child = \"time_logs.task_id\"");
        plan.proposal("parent = \"tasks.id\"");
    }
    for (child, parent) in relations {
        plan.proposal("[[orphan_fks.relations]]");
        plan.proposal(&format!("child = {}", toml_string(&child)));
        plan.proposal(&format!("parent = {}", toml_string(&parent)));
    }
}

/// Pairs of a column `<name>_id` and the `id` of the table `<name>s`, of one type.
fn undeclared(catalog: &Catalog, own: &[&Relation]) -> Result<Vec<(String, String)>, Cause> {
    let declared: BTreeSet<(&QualifiedName, &str)> = catalog
        .foreign_keys
        .get()?
        .iter()
        .flat_map(|key| key.child_columns.iter().map(move |column| (&key.child, column.as_str())))
        .collect();
    let mut parents: Vec<(&QualifiedName, &Column)> = Vec::new();
    let users = QualifiedName::new("auth", "users");
    for name in own.iter().map(|relation| &relation.name).chain(std::iter::once(&users)) {
        if let Some(key) = catalog.primary_key(name)?
            && let [column] = key.columns.as_slice()
            && let Some(column) = catalog.column(name, column)?
        {
            parents.push((name, column));
        }
    }
    let mut found = Vec::new();
    for relation in own {
        for column in catalog.columns_of(&relation.name)? {
            if !is_reference(&column.name) || declared.contains(&(&relation.name, column.name.as_str())) {
                continue;
            }
            let folded = folded(&column.name);
            let Some(stem) = folded.strip_suffix("id") else { continue };
            let fits = |(name, key): &&(&QualifiedName, &Column)| {
                key.type_name == column.type_name
                    && folded_plurals(stem).contains(&self::folded(&name.name))
                    && !(*name == &relation.name && key.name == column.name)
            };
            // The table beside it goes before one of the same name elsewhere.
            let parent = parents
                .iter()
                .filter(fits)
                .min_by_key(|(name, _)| (name.schema != relation.name.schema, name.schema == "auth", *name));
            if let Some((name, key)) = parent {
                found.push((column_of(&relation.name, &column.name), column_of(name, &key.name)));
            }
        }
    }
    Ok(found)
}

/// Columns that usually tell rows of a table, or of a tenant, apart: without underscores and in lower case.
const NATURAL_COLUMNS: &[&str] = &[
    "code",
    "email",
    "externalid",
    "invoicenumber",
    "number",
    "ordernumber",
    "reference",
    "sku",
    "slug",
    "username",
];

/// Columns that look like a key and have none.
fn duplicate_keys(plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
    plan.section(
        "Every unique constraint and index is looked at. These columns look like keys and have none.",
    );
    let keys = match natural_keys(catalog, own) {
        Ok(keys) => keys,
        Err(cause) => {
            plan.unread("columns or unique indexes", &cause);
            Vec::new()
        }
    };
    if keys.is_empty() {
        plan.note(
            "None was seen; under [duplicate_keys], keys = [\"invoices (tenant_id, number)\"] declares one.",
        );
        return;
    }
    plan.proposal("[duplicate_keys]");
    plan.proposal("keys = [");
    for key in keys {
        plan.proposal(&format!("{},", toml_string(&key)));
    }
    plan.proposal("]");
}

/// Tables with such a column, of the tenant where they have one, that no unique index holds.
fn natural_keys(catalog: &Catalog, own: &[&Relation]) -> Result<Vec<String>, Cause> {
    let mut keyed: BTreeMap<&QualifiedName, Vec<&UniqueIndex>> = BTreeMap::new();
    for index in catalog.unique_indexes.get()? {
        keyed.entry(&index.relation).or_default().push(index);
    }
    let mut found = Vec::new();
    for relation in own {
        let columns = catalog.columns_of(&relation.name)?;
        let indexes = keyed.get(&relation.name).map_or(&[][..], Vec::as_slice);
        let tenant = columns.iter().find(|column| TENANT_COLUMNS.contains(&folded(&column.name).as_str()));
        for column in columns.iter().filter(|column| NATURAL_COLUMNS.contains(&folded(&column.name).as_str()))
        {
            // Whatever else an index on it is about: somebody has thought of it.
            let known = |index: &&UniqueIndex| {
                index.parts.iter().any(|part| {
                    part.column.as_ref() == Some(&column.name)
                        || part.expression.as_ref().is_some_and(|text| text.contains(&column.name))
                })
            };
            if indexes.iter().any(known) {
                continue;
            }
            let names: Vec<String> =
                tenant.into_iter().chain([column]).map(|column| ident(&column.name)).collect();
            found.push(format!("{} ({})", typed(&relation.name), names.join(", ")));
        }
    }
    Ok(found)
}

/// The schemas that the API serves: where the database says so, they hold.
fn rls_coverage(plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
    plan.section("The schemas that the API serves; what is in others is out of its reach.");
    let (schemas, known) = match catalog.settings.get().map(|settings| exposed_by(settings)) {
        Ok(Some(schemas)) if !schemas.is_empty() => (schemas, true),
        Ok(_) => {
            plan.note("The database does not say which (on Supabase: Settings, API, Exposed schemas).");
            (vec!["public".to_owned()], false)
        }
        Err(cause) => {
            plan.unread("the settings of the API", &cause);
            (vec!["public".to_owned()], false)
        }
    };
    let other: BTreeSet<&str> = own
        .iter()
        .map(|relation| relation.name.schema.as_str())
        .filter(|schema| !schemas.iter().any(|exposed| exposed == schema))
        .collect();
    if !other.is_empty() {
        let other: Vec<String> = other.into_iter().map(ident).collect();
        plan.note(&format!("Not served, as this line has it: {}.", other.join(", ")));
    }
    let schemas: Vec<String> = schemas.iter().map(|schema| toml_string(schema)).collect();
    let line = format!("exposed_schemas = [{}]", schemas.join(", "));
    if known {
        plan.line("[rls_coverage]");
        plan.line(&line);
    } else {
        plan.proposal("[rls_coverage]");
        plan.proposal(&line);
    }
}

/// Tables whose primary key is a user's.
fn auth_integrity(plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
    if !catalog.is_supabase().unwrap_or_default() {
        return;
    }
    plan.section("How many users there must be at least, and the tables with a row for each of them.");
    let profiles = match profiles(catalog, own) {
        Ok(profiles) => profiles,
        Err(cause) => {
            plan.unread("foreign keys or keys", &cause);
            Vec::new()
        }
    };
    plan.proposal("[auth_integrity]");
    plan.proposal("minimum_users = 1");
    if profiles.is_empty() {
        plan.note("No table was seen whose key is a user's; one is declared like this:");
        plan.note("profiles = [{ column = \"profiles.id\" }]");
        return;
    }
    plan.proposal("profiles = [");
    for column in profiles {
        plan.proposal(&format!("{{ column = {} }},", toml_string(&column)));
    }
    plan.proposal("]");
}

fn profiles(catalog: &Catalog, own: &[&Relation]) -> Result<Vec<String>, Cause> {
    let users = QualifiedName::new("auth", "users");
    let mut found = Vec::new();
    for key in catalog.foreign_keys.get()?.iter().filter(|key| key.parent == users) {
        let is_own = own.iter().any(|relation| relation.name == key.child);
        let primary = catalog.primary_key(&key.child)?.map(|key| &key.columns);
        if let [column] = key.child_columns.as_slice()
            && is_own
            && primary == Some(&key.child_columns)
        {
            found.push(column_of(&key.child, column));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The files of the migrations whose history is seen.
fn migration_drift(plan: &mut Writer, catalog: &Catalog) {
    let histories = match crate::migrations::histories(catalog, None) {
        Ok(histories) => histories,
        Err(cause) => {
            plan.section("The files of migrations, beside the history of those that were applied.");
            return plan.unread("tables or columns", &cause);
        }
    };
    let Some(first) = histories.first() else { return };
    plan.section("The files of migrations, beside the history of those that were applied.");
    plan.proposal("[migration_drift]");
    plan.proposal(&format!("folder = {}", toml_string(first.tool.usual_folder())));
    // Of several, somebody must say whose files these are.
    if histories.len() > 1 {
        plan.proposal(&format!("table = {}", toml_string(&first.table.to_string())));
    }
}

/// Every bucket as it is now.
fn bucket_privacy(plan: &mut Writer, catalog: &Catalog) {
    // Without Supabase's storage there is nothing to say, and the statement has failed.
    if !catalog.is_supabase().unwrap_or_default() {
        return;
    }
    plan.section("Who may download from a bucket. \"public\" is anyone who has a link.");
    let buckets = match catalog.buckets.get() {
        Ok(buckets) if !buckets.is_empty() => buckets.as_slice(),
        Ok(_) => {
            plan.note("No bucket was seen.");
            &[]
        }
        Err(cause) => {
            plan.unread("the buckets", &cause);
            &[]
        }
    };
    if buckets.is_empty() {
        plan.proposal("[bucket_privacy.buckets]");
        plan.proposal("documents = \"private\"");
        return;
    }
    // A bucket that a disaster opened must not become what is expected: that needs a person.
    let (open, closed): (Vec<_>, Vec<_>) = buckets.iter().partition(|bucket| bucket.public == Some(true));
    if closed.is_empty() {
        plan.proposal("[bucket_privacy.buckets]");
    } else {
        plan.line("[bucket_privacy.buckets]");
    }
    for bucket in closed {
        plan.line(&format!("{} = \"private\"", toml_key(&bucket.id)));
    }
    for bucket in open {
        plan.proposal(&format!("{} = \"public\"  # open now: is that meant?", toml_key(&bucket.id)));
    }
}

/// The columns that say when rows were created.
fn freshness(plan: &mut Writer, evidence: &Evidence, own: &[&Relation]) {
    plan.section("How new the newest rows must be. Set the target to the instant that was restored to.");
    let mut columns = Vec::new();
    for relation in own {
        match evidence.catalog.created_column(&relation.name) {
            Ok(column) => {
                columns.extend(column.map(|column| toml_string(&column_of(&relation.name, &column.name))));
            }
            Err(cause) => {
                plan.unread("columns", &cause);
                break;
            }
        }
    }
    plan.proposal("[freshness]");
    plan.proposal(&format!("target = \"{}\"", evidence.run.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ")));
    plan.proposal("rpo = \"24h\"");
    if columns.is_empty() {
        plan.note("No column was seen that says when a row was created.");
        return;
    }
    plan.proposal("tables = [");
    for column in columns {
        plan.proposal(&format!("{column},"));
    }
    plan.proposal("]");
}

fn assertions(plan: &mut Writer) {
    plan.section("What else must hold, as SQL that only reads: \"no rows\", \"= 3\", \"between 1 and 9\",");
    plan.note("\"differs from baseline\" for what must not be the source's.");
    plan.proposal("[[assertions]]");
    plan.proposal("name = \"the server answers\"");
    plan.proposal("sql = \"select 1\"");
    plan.proposal("expect = \"= 1\"");
}

fn exceptions(plan: &mut Writer, own: &[&Relation]) {
    let table = own.first().map_or_else(|| "public.plans".to_owned(), |relation| relation.name.to_string());
    plan.section("What is known and accepted: the id that is printed under a finding, and why. Counted");
    plan.note("findings need a bound, beyond which they fail again.");
    plan.proposal("[[accept]]");
    plan.proposal(&format!("finding = {}", toml_string(&format!("row_counts:fewer_rows:{table}"))));
    plan.proposal("reason = \"test rows, deleted on purpose\"");
    plan.proposal("up_to = 10");
    plan.section("Checks that are left out. The report shows them, with the reason.");
    plan.proposal("[[skip]]");
    plan.proposal("check = \"row_counts\"");
    plan.proposal("reason = \"counted by another job\"");
}

/// A table as a person would type it in a plan: without `public`.
fn typed(name: &QualifiedName) -> String {
    if name.schema == "public" { ident(&name.name) } else { name.to_string() }
}

fn column_of(table: &QualifiedName, column: &str) -> String {
    format!("{}.{}", typed(table), ident(column))
}

/// `task_id` and `taskId`, not `paid` or `id`.
fn is_reference(column: &str) -> bool {
    column.len() > 3 && (column.ends_with("_id") || column.ends_with("Id") || column.ends_with("ID"))
}

/// In lower case without underscores.
fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// `category` as `category`, `categorys`, `categories`; all of them folded.
fn folded_plurals(stem: &str) -> Vec<String> {
    let mut names = vec![stem.to_owned(), format!("{stem}s"), format!("{stem}es")];
    names.extend(stem.strip_suffix('y').map(|stem| format!("{stem}ies")));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_their_tables() {
        assert!(is_reference("task_id") && is_reference("taskId"));
        assert!(!is_reference("paid") && !is_reference("id") && !is_reference("_id"));
        assert!(folded_plurals("category").contains(&"categories".to_owned()));
        assert_eq!(folded("User_Profiles"), "userprofiles");
    }
}
