//! What of an archive is restored, how, and what is left out: by its table of contents, never by editing SQL.
//!
//! A pure function of the entries and of what the target has. On a plain database that is everything but what it
//! has already; on a Supabase project the platform's schemas stay the target's, the rows of their tables are loaded
//! by the columns that both have, and what the application put there, policies and triggers, comes after them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::left_out::{Omitted, WhyOmitted};
use super::shape::{PlatformTable, Shape};
use crate::archive::ArchiveEntry;
use crate::sql::QualifiedName;

/// What of an archive is restored, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filtered {
    /// By `pg_restore`, first.
    pub(crate) first: Vec<u32>,
    /// Rows into tables that the target has, parents before children.
    pub(crate) loads: Vec<Load>,
    /// By `pg_restore`, after those rows.
    pub(crate) then: Vec<u32>,
    pub(crate) left_out: Vec<Omitted>,
    /// Roles that the archive refers to and the target lacks.
    pub(crate) missing_roles: BTreeSet<String>,
}

/// The rows of one table that are loaded by the columns that both sides have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) entry: u32,
    pub(crate) table: QualifiedName,
    /// Those that the archive has, in its order.
    pub(crate) columns: Vec<String>,
    /// Of these, those that the target lacks.
    pub(crate) dropped: Vec<String>,
}

/// Which tables were chosen; all where none is named.
pub(crate) type Chosen<'c> = Option<&'c BTreeSet<QualifiedName>>;

/// Where an entry goes.
enum Place {
    First,
    Then,
    Load(Load),
    Out(WhyOmitted),
}

/// Tables of the platform whose rows are never another project's.
///
/// Source: `EXCLUDED_TABLES` and the excluded schemas of supabase/cli's dump scripts.
const RECORDS: &[(&str, &str)] = &[
    ("auth", "schema_migrations"),
    ("realtime", "schema_migrations"),
    ("storage", "migrations"),
    ("supabase_functions", "migrations"),
];

/// Decides for every entry.
pub(crate) fn filter(
    entries: &[ArchiveEntry],
    shape: &Shape,
    chosen: Chosen<'_>,
    is_scratch: bool,
) -> Filtered {
    let by_id: HashMap<u32, &ArchiveEntry> = entries.iter().map(|entry| (entry.dump_id, entry)).collect();
    let chosen = chosen.map(|tables| chosen_entries(entries, &by_id, tables));
    let case = Case { shape, chosen, is_scratch };
    let mut filtered = Filtered::default();
    let mut left_out: BTreeMap<WhyOmitted, Omitted> = BTreeMap::new();
    // What waits for rows that are loaded: those of a table, and whatever needs that.
    let mut waiting: HashSet<u32> = HashSet::new();
    let mut places: Vec<(&ArchiveEntry, Place)> =
        entries.iter().filter_map(|entry| Some((entry, case.place(entry)?))).collect();
    waiting.extend(
        places.iter().filter(|(_, place)| matches!(place, Place::Load(_))).map(|(entry, _)| entry.dump_id),
    );
    // The table itself is the target's: what refers to it refers to its rows.
    let loaded: HashSet<(&str, &str)> = places
        .iter()
        .filter(|(_, place)| matches!(place, Place::Load(_)))
        .filter_map(|(entry, _)| Some((entry.schema.as_deref()?, entry.name.as_str())))
        .collect();
    waiting.extend(
        entries
            .iter()
            .filter(|entry| entry.is("TABLE"))
            .filter(|entry| {
                entry.schema.as_deref().is_some_and(|schema| loaded.contains(&(schema, &entry.name)))
            })
            .map(|entry| entry.dump_id),
    );
    for (entry, place) in &mut places {
        let reads_rows = entry.is("FK CONSTRAINT") || entry.is("MATERIALIZED VIEW DATA");
        if matches!(place, Place::First) && reads_rows && depends_on(entry, &waiting, &by_id) {
            *place = Place::Then;
        }
    }
    for (entry, place) in places {
        if matches!(place, Place::First | Place::Then) {
            filtered.missing_roles.extend(roles_of(entry).filter(|role| !shape.roles.contains(role)));
        }
        match place {
            Place::First => filtered.first.push(entry.dump_id),
            Place::Then => filtered.then.push(entry.dump_id),
            Place::Load(load) => filtered.loads.push(load),
            Place::Out(why) => {
                let omitted = left_out.entry(why).or_insert_with(|| Omitted::new(why));
                omitted.add(described(entry));
                if let (WhyOmitted::Database, Some(definition)) = (why, &entry.definition) {
                    omitted.statements.push(definition.trim().to_owned());
                }
            }
        }
    }
    filtered.loads = parents_first(filtered.loads, shape);
    filtered.left_out = left_out.into_values().collect();
    filtered
}

struct Case<'c> {
    shape: &'c Shape,
    /// The entries that go with the chosen tables; all where none was chosen.
    chosen: Option<HashSet<u32>>,
    is_scratch: bool,
}

impl Case<'_> {
    /// Where it goes; none for what every restore sets by itself.
    fn place(&self, entry: &ArchiveEntry) -> Option<Place> {
        let shape = self.shape;
        let name = entry.name.as_str();
        let place = match entry.kind.as_str() {
            "ENCODING" | "STDSTRINGS" | "SEARCHPATH" => return None,
            // That there is one is said of every dump.
            "DATABASE" => Place::Out(WhyOmitted::Present),
            "DATABASE PROPERTIES" => Place::Out(WhyOmitted::Database),
            _ if is_about(entry, "DATABASE") => Place::Out(WhyOmitted::Database),
            _ if self.chosen.as_ref().is_some_and(|chosen| !chosen.contains(&entry.dump_id)) => {
                Place::Out(WhyOmitted::NotChosen)
            }
            "SUBSCRIPTION" => Place::Out(WhyOmitted::Subscription),
            _ if is_about(entry, "SUBSCRIPTION") => Place::Out(WhyOmitted::Subscription),
            "EXTENSION" if shape.installed.contains(name) => Place::Out(WhyOmitted::Present),
            "EXTENSION" if !shape.available.contains(name) => Place::Out(WhyOmitted::Extension),
            "EXTENSION" => Place::First,
            _ if is_about(entry, "EXTENSION") => self.of_extension(entry),
            "EVENT TRIGGER" if shape.event_triggers.contains(name) => Place::Out(WhyOmitted::Present),
            "EVENT TRIGGER" if !shape.superuser => Place::Out(WhyOmitted::EventTrigger),
            _ if is_about(entry, "EVENT TRIGGER") && !shape.superuser => Place::Out(WhyOmitted::EventTrigger),
            "PUBLICATION" if shape.publications.contains(name) => Place::Out(WhyOmitted::Present),
            "DEFAULT ACL" => self.of_default_acl(entry),
            "SCHEMA" if shape.is_platform(name) => Place::Out(WhyOmitted::Platform),
            "SCHEMA" if shape.schemas.contains(name) => Place::Out(WhyOmitted::Present),
            _ if schema_of_header(entry).is_some_and(|schema| shape.is_platform(schema)) => {
                Place::Out(WhyOmitted::Platform)
            }
            _ => match entry.schema.as_deref() {
                Some(schema) if shape.is_platform(schema) => self.of_platform(entry, schema),
                _ => Place::First,
            },
        };
        Some(place)
    }

    fn of_extension(&self, entry: &ArchiveEntry) -> Place {
        let name = entry.name.strip_prefix("EXTENSION ").unwrap_or(&entry.name).trim_matches('"');
        if self.shape.superuser && !self.shape.installed.contains(name) && self.shape.available.contains(name)
        {
            Place::First
        } else {
            Place::Out(WhyOmitted::ExtensionComment)
        }
    }

    fn of_default_acl(&self, entry: &ArchiveEntry) -> Place {
        let is_ours = entry.owner.as_ref().is_none_or(|role| self.shape.member_of.contains(role));
        let is_platform = entry.schema.as_deref().is_some_and(|schema| self.shape.is_platform(schema));
        match (is_ours, is_platform) {
            (true, false) => Place::First,
            (_, true) => Place::Out(WhyOmitted::Platform),
            (false, _) => Place::Out(WhyOmitted::DefaultPrivileges),
        }
    }

    /// What is in a schema of the platform's.
    fn of_platform(&self, entry: &ArchiveEntry, schema: &str) -> Place {
        let shape = self.shape;
        // `objects members can read`: the table, and what hangs on it.
        let (table, own) = entry.name.split_once(' ').unwrap_or((&entry.name, ""));
        match entry.kind.as_str() {
            "TABLE DATA" => self.rows_of_platform(entry, schema),
            "SEQUENCE SET" if shape.has_platform_object(schema, &entry.name) && is_loaded_schema(schema) => {
                Place::Then
            }
            "POLICY" | "TRIGGER" => match shape.table(schema, table) {
                Some(known) if known.policies.iter().chain(&known.triggers).any(|name| name == own) => {
                    Place::Out(WhyOmitted::Present)
                }
                Some(_) => Place::Then,
                None => Place::Out(WhyOmitted::OtherVersion),
            },
            "TABLE" | "VIEW" | "FUNCTION" | "PROCEDURE" | "AGGREGATE" | "TYPE" | "DOMAIN" | "SEQUENCE"
            | "MATERIALIZED VIEW" => {
                if shape.has_platform_object(schema, &entry.name) {
                    Place::Out(WhyOmitted::Platform)
                } else {
                    Place::Out(WhyOmitted::OtherVersion)
                }
            }
            _ => Place::Out(WhyOmitted::Platform),
        }
    }

    fn rows_of_platform(&self, entry: &ArchiveEntry, schema: &str) -> Place {
        let out = |why| Place::Out(why);
        match (schema, entry.name.as_str()) {
            ("vault" | "pgsodium", _) => return out(WhyOmitted::Vault),
            ("net", _) => return out(WhyOmitted::Queue),
            // In a scratch cluster nothing runs them.
            ("cron", "job") if self.is_scratch => {}
            ("cron", _) => return out(WhyOmitted::CronJob),
            ("supabase_migrations", _) => return out(WhyOmitted::Migrations),
            _ if is_loaded_schema(schema) => {}
            _ => return out(WhyOmitted::Platform),
        }
        if RECORDS.contains(&(schema, &entry.name)) {
            return out(WhyOmitted::ServiceMigrations);
        }
        let Some(table) = self.shape.table(schema, &entry.name) else { return out(WhyOmitted::OtherVersion) };
        if !table.writable {
            return out(WhyOmitted::NotWritable);
        }
        match load(entry, table) {
            Some(load) => Place::Load(load),
            // Its rows are INSERT statements: `pg_restore` can run them, and nobody else.
            None => Place::Then,
        }
    }
}

/// What goes with the chosen tables: all that hangs on them, what they need besides other tables, and foreign keys
/// among them.
fn chosen_entries(
    entries: &[ArchiveEntry],
    by_id: &HashMap<u32, &ArchiveEntry>,
    tables: &BTreeSet<QualifiedName>,
) -> HashSet<u32> {
    let is_table =
        |entry: &ArchiveEntry| matches!(entry.kind.as_str(), "TABLE" | "TABLE DATA" | "FOREIGN TABLE");
    let is_chosen = |entry: &ArchiveEntry| entry.qualified_name().is_some_and(|name| tables.contains(&name));
    let hangs_on = |entry: &ArchiveEntry| {
        let below: Vec<&ArchiveEntry> = entry
            .dependencies
            .iter()
            .filter_map(|id| by_id.get(id).copied())
            .filter(|other| other.is("TABLE"))
            .collect();
        // What refers to a table that was not chosen has nothing to refer to.
        !below.is_empty() && below.iter().all(|table| is_chosen(table))
    };
    let relates = ["VIEW", "MATERIALIZED VIEW", "FUNCTION", "PROCEDURE", "SEQUENCE"];
    let mut wanted: HashSet<u32> = entries
        .iter()
        .filter(|entry| is_table(entry) && is_chosen(entry) || !is_table(entry) && hangs_on(entry))
        .filter(|entry| !relates.contains(&entry.kind.as_str()))
        .map(|entry| entry.dump_id)
        .collect();
    let mut left: Vec<u32> = wanted.iter().copied().collect();
    while let Some(id) = left.pop() {
        for needed in by_id.get(&id).into_iter().flat_map(|entry| &entry.dependencies) {
            let Some(entry) = by_id.get(needed) else { continue };
            if !is_table(entry) && wanted.insert(*needed) {
                left.push(*needed);
            }
        }
    }
    // Sequences bring their owner and their last value, schemas their grants.
    let of = |kind: &str| -> HashSet<(Option<&str>, &str)> {
        let known = entries.iter().filter(|entry| entry.is(kind) && wanted.contains(&entry.dump_id));
        known.map(|entry| (entry.schema.as_deref(), entry.name.as_str())).collect()
    };
    let (sequences, schemas) = (of("SEQUENCE"), of("SCHEMA"));
    let more = entries.iter().filter(|entry| match entry.kind.as_str() {
        "SEQUENCE SET" | "SEQUENCE OWNED BY" => sequences.contains(&(entry.schema.as_deref(), &entry.name)),
        _ => schema_of_header(entry).is_some_and(|schema| schemas.iter().any(|(_, name)| *name == schema)),
    });
    let more: Vec<u32> = more.map(|entry| entry.dump_id).collect();
    wanted.extend(more);
    wanted
}

/// Schemas of the platform whose rows travel.
fn is_loaded_schema(schema: &str) -> bool {
    matches!(schema, "auth" | "storage" | "supabase_functions" | "pgmq")
}

/// By which columns the rows are loaded.
fn load(entry: &ArchiveEntry, table: &PlatformTable) -> Option<Load> {
    let columns = columns_of(entry.copy.as_deref()?)?;
    let dropped = columns.iter().filter(|column| !table.columns.contains(column)).cloned().collect();
    Some(Load { entry: entry.dump_id, table: table.qualified_name(), columns, dropped })
}

/// The columns that `COPY auth.users (id, "odd, name") FROM stdin;` names.
pub(crate) fn columns_of(copy: &str) -> Option<Vec<String>> {
    // The name of a table may hold parentheses, in quotes.
    let mut quoted = false;
    let begin = copy.char_indices().find_map(|(at, c)| match c {
        '"' => {
            quoted = !quoted;
            None
        }
        '(' if !quoted => Some(at + 1),
        _ => None,
    })?;
    let mut columns = Vec::new();
    let (mut column, mut chars) = (String::new(), copy[begin..].chars().peekable());
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => column.push('"'),
            '"' => quoted = !quoted,
            ',' | ')' if !quoted => {
                columns.push(column.clone());
                column.clear();
                if c == ')' {
                    return Some(columns);
                }
            }
            ' ' if !quoted => {}
            other => column.push(other),
        }
    }
    None
}

/// Whether a comment, a grant or a label is about such an object: `EXTENSION pgcrypto`.
fn is_about(entry: &ArchiveEntry, kind: &str) -> bool {
    matches!(entry.kind.as_str(), "COMMENT" | "ACL" | "SECURITY LABEL")
        && entry.name.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' '))
}

/// The schema that a comment or a grant is about.
fn schema_of_header(entry: &ArchiveEntry) -> Option<&str> {
    is_about(entry, "SCHEMA").then(|| entry.name["SCHEMA ".len()..].trim_matches('"'))
}

/// Whether it needs one of these, however far.
fn depends_on(entry: &ArchiveEntry, wanted: &HashSet<u32>, by_id: &HashMap<u32, &ArchiveEntry>) -> bool {
    let mut seen: HashSet<u32> = HashSet::new();
    let mut left: Vec<u32> = entry.dependencies.clone();
    while let Some(id) = left.pop() {
        if wanted.contains(&id) {
            return true;
        }
        if seen.insert(id)
            && let Some(other) = by_id.get(&id)
        {
            left.extend(&other.dependencies);
        }
    }
    false
}

/// Tables after those that they refer to; of a circle, any first.
fn parents_first(loads: Vec<Load>, shape: &Shape) -> Vec<Load> {
    let mut waiting = loads;
    waiting.sort_by(|a, b| a.table.cmp(&b.table));
    let mut ordered: Vec<Load> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |load: &Load| {
            let parents =
                shape.table(&load.table.schema, &load.table.name).map_or(&[][..], |table| &table.parents);
            parents.iter().all(|(schema, name)| {
                waiting.iter().all(|other| (&other.table.schema, &other.table.name) != (schema, name))
            })
        };
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

/// The roles that an entry speaks of: its owner, and who is granted something.
fn roles_of(entry: &ArchiveEntry) -> impl Iterator<Item = String> {
    let owner = entry.owner.clone().filter(|owner| !owner.is_empty());
    let granted = match entry.kind.as_str() {
        "ACL" | "DEFAULT ACL" | "POLICY" => grantees(entry.definition.as_deref().unwrap_or_default()),
        _ => Vec::new(),
    };
    owner.into_iter().chain(granted)
}

/// Who stands after ` TO ` or ` FROM ` in grants, and in policies.
fn grantees(definition: &str) -> Vec<String> {
    let mut roles = Vec::new();
    for statement in definition.lines() {
        let is_grant = ["GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ", "CREATE POLICY "]
            .iter()
            .any(|verb| statement.starts_with(verb));
        let after = statement.split_once(" TO ").or_else(|| statement.split_once(" FROM "));
        let (true, Some((_, after))) = (is_grant, after) else { continue };
        let end = after.find(" WITH ").or_else(|| after.find(" USING ")).unwrap_or(after.len());
        for role in after[..end].trim_end_matches(';').split(", ") {
            let role = role.trim();
            let role = role.strip_prefix('"').and_then(|role| role.strip_suffix('"')).unwrap_or(role);
            if !role.is_empty() && !role.eq_ignore_ascii_case("public") && !role.contains([' ', '(']) {
                roles.push(role.replace("\"\"", "\""));
            }
        }
    }
    roles
}

/// What it is, as somebody would say it.
pub(crate) fn described(entry: &ArchiveEntry) -> String {
    let name = match &entry.schema {
        Some(schema) if !schema.is_empty() => format!("{schema}.{}", entry.name),
        _ => entry.name.clone(),
    };
    match entry.kind.as_str() {
        "TABLE DATA" => format!("rows of {name}"),
        kind => format!("{} {name}", kind.to_lowercase()),
    }
}
