//! Random schemas with random damage, against slow and obvious SQL.
//!
//! Few cases in a normal run; `DRCORE_CASES=500 cargo test --test property` tries more.

mod content;
mod orphans;
mod parts;
mod shards;
mod spread;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drcore::check::Outcome;
use drcore::{Finding, Report};
use drcore_tests::{Database, check, cluster, parse};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Key values go from 0 to this; parents have some of them, children refer to any.
const VALUES: u8 = 9;

#[derive(Clone, Copy, Debug, PartialEq)]
enum KeyType {
    Int,
    Uuid,
    Text,
    /// A parent's `bigint`, a child's `smallint`.
    Widths,
    /// Equal where the bytes are not: left to the server.
    Numeric,
    /// `(int, text)`.
    Composite,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    /// By hash, in two partitions.
    Partitioned,
    /// A table whose rows plain inheritance adds to it, without being its own.
    Inherited,
}

#[derive(Clone, Debug)]
struct Table {
    key: KeyType,
    kind: Kind,
    name: u8,
    /// Which key values it has.
    values: Vec<u8>,
    /// Which key values the table that inherits from it has.
    inherited: Vec<u8>,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
struct Reference {
    child: usize,
    parent: usize,
    match_full: bool,
    not_null: bool,
    /// Of one partition alone, where the child is partitioned.
    on_partition: bool,
    /// The damage drops it: only the baseline knows it then.
    dropped: bool,
    /// For each row of the child, in turn: its value and which of its columns are NULL.
    values: Vec<(u8, u8)>,
}

#[derive(Clone, Debug)]
struct Case {
    tables: Vec<Table>,
    references: Vec<Reference>,
    /// Key values that are deleted from every table, by table in turn.
    deleted: Vec<u8>,
}

fn case() -> impl Strategy<Value = Case> {
    let key = prop_oneof![
        1 => Just(KeyType::Int),
        1 => Just(KeyType::Uuid),
        1 => Just(KeyType::Text),
        1 => Just(KeyType::Widths),
        1 => Just(KeyType::Numeric),
        2 => Just(KeyType::Composite)
    ];
    let kind = prop_oneof![2 => Just(Kind::Plain), 1 => Just(Kind::Partitioned), 1 => Just(Kind::Inherited)];
    let values = || prop::collection::btree_set(0..VALUES, 0..VALUES as usize);
    let table =
        (key, kind, 0u8..5, values(), values()).prop_map(|(key, kind, name, values, inherited)| Table {
            key,
            kind,
            name,
            values: values.into_iter().collect(),
            inherited: inherited.into_iter().collect(),
        });
    let reference = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<[bool; 2]>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop::collection::vec((0..VALUES, 0u8..8), 1..8),
    );
    (
        prop::collection::vec(table, 3..=8),
        prop::collection::vec(reference, 1..=10),
        prop::collection::vec(0..VALUES, 1..4),
    )
        .prop_map(|(tables, references, deleted)| {
            let references = references
                .into_iter()
                .map(|(child, parent, [match_full, not_null], on_partition, dropped, values)| {
                    let (child, parent) = (child.index(tables.len()), parent.index(tables.len()));
                    Reference {
                        child,
                        parent,
                        match_full,
                        not_null,
                        on_partition: on_partition && tables[child].kind == Kind::Partitioned,
                        dropped,
                        values,
                    }
                })
                .collect();
            Case { tables, references, deleted }
        })
}

/// Quoted, for SQL.
fn table_name(case: &Case, at: usize) -> String {
    let style = ["plain_", "Mixed", "two words ", "quo\"te", "we.ird"][case.tables[at].name as usize];
    format!("\"{}{at}\"", style.replace('"', "\"\""))
}

fn types(key: KeyType) -> &'static [&'static str] {
    match key {
        KeyType::Int => &["int"],
        KeyType::Uuid => &["uuid"],
        KeyType::Text => &["text"],
        KeyType::Widths => &["bigint"],
        KeyType::Numeric => &["numeric"],
        KeyType::Composite => &["int", "text"],
    }
}

/// The types of the columns that refer to such a key.
fn child_types(key: KeyType) -> &'static [&'static str] {
    match key {
        KeyType::Widths => &["smallint"],
        key => types(key),
    }
}

/// The key that a small number stands for.
fn literals(key: KeyType, value: u8) -> Vec<String> {
    match key {
        KeyType::Int | KeyType::Widths => vec![value.to_string()],
        KeyType::Numeric => vec![format!("{value}.0")],
        KeyType::Uuid => vec![format!("'00000000-0000-4000-8000-00000000000{value}'")],
        KeyType::Text => vec![format!("'Key {value}'")],
        KeyType::Composite => vec![(value / 3).to_string(), format!("'T{}'", value % 3)],
    }
}

fn columns(prefix: &str, key: KeyType) -> Vec<String> {
    (1..=types(key).len()).map(|number| format!("\"{prefix}{number}\"")).collect()
}

impl Case {
    /// The columns of the child of a reference.
    fn child_columns(&self, at: usize) -> Vec<String> {
        columns(&format!("Ref{at}_"), self.tables[self.references[at].parent].key)
    }

    /// The table that a constraint belongs to.
    fn constrained(&self, at: usize) -> String {
        let reference = &self.references[at];
        let table = table_name(self, reference.child);
        if reference.on_partition { format!("{}_p0\"", table.trim_end_matches('"')) } else { table }
    }

    fn schema(&self) -> String {
        let mut sql = String::new();
        for (at, table) in self.tables.iter().enumerate() {
            let name = table_name(self, at);
            let keys = columns("Key", table.key);
            let declared: Vec<String> =
                keys.iter().zip(types(table.key)).map(|(column, kind)| format!("{column} {kind}")).collect();
            let partition = if table.kind == Kind::Partitioned {
                format!(" partition by hash ({})", keys[0])
            } else {
                String::new()
            };
            let _ = writeln!(
                sql,
                "create table {name} ({}, primary key ({})){partition};",
                declared.join(", "),
                keys.join(", ")
            );
            if table.kind == Kind::Partitioned {
                for part in 0..2 {
                    let partition = format!("{}_p{part}\"", name.trim_end_matches('"'));
                    let _ = writeln!(
                        sql,
                        "create table {partition} partition of {name} for values with (modulus 2, remainder {part});"
                    );
                }
            }
            if table.kind == Kind::Inherited {
                let _ = writeln!(sql, "create table {} () inherits ({name});", inheriting(&name));
            }
        }
        for (at, reference) in self.references.iter().enumerate() {
            let parent = &self.tables[reference.parent];
            let child = table_name(self, reference.child);
            for (column, kind) in self.child_columns(at).iter().zip(child_types(parent.key)) {
                let _ = writeln!(sql, "alter table {child} add column {column} {kind};");
            }
        }
        // After all columns, since partitions get theirs from the root.
        for (at, reference) in self.references.iter().enumerate() {
            let _ = writeln!(
                sql,
                "alter table {} add constraint \"Ref {at}\" foreign key ({}) references {} ({}){};",
                self.constrained(at),
                self.child_columns(at).join(", "),
                table_name(self, reference.parent),
                columns("Key", self.tables[reference.parent].key).join(", "),
                if reference.match_full { " match full" } else { "" }
            );
        }
        sql
    }

    /// Rows that refer to whatever they like: triggers are off, as in a restore.
    fn rows(&self) -> String {
        let mut sql = "set session_replication_role = replica;\n".to_owned();
        for (at, table) in self.tables.iter().enumerate() {
            let name = table_name(self, at);
            for (row, value) in table.values.iter().enumerate() {
                sql.push_str(&self.insert(&name, at, *value, row));
            }
            if table.kind == Kind::Inherited {
                for (row, value) in table.inherited.iter().enumerate() {
                    sql.push_str(&self.insert(&inheriting(&name), at, *value, row + 3));
                }
            }
        }
        for (at, reference) in self.references.iter().enumerate() {
            // A column that is NULL somewhere cannot refuse it.
            let whole = reference.values.iter().all(|(_, nulls)| nulls & 0b11 != 0b11);
            if reference.not_null && whole && self.tables[reference.parent].key != KeyType::Composite {
                let column = &self.child_columns(at)[0];
                let _ = writeln!(
                    sql,
                    "alter table {} alter {column} set not null;",
                    table_name(self, reference.child)
                );
            }
        }
        sql
    }

    fn insert(&self, name: &str, table: usize, value: u8, row: usize) -> String {
        let key = self.tables[table].key;
        let mut names = columns("Key", key);
        let mut values = literals(key, value);
        for (at, reference) in self.references.iter().enumerate().filter(|(_, r)| r.child == table) {
            let parent = self.tables[reference.parent].key;
            let (value, nulls) = reference.values[row % reference.values.len()];
            names.extend(self.child_columns(at));
            for (column, mut literal) in literals(parent, value).into_iter().enumerate() {
                if parent == KeyType::Numeric {
                    // Equal, and of other bytes.
                    literal.push('0');
                }
                // Three of eight have something that is NULL, one of eight has all.
                let null = match nulls & 0b111 {
                    3 | 7 => true,
                    1 | 2 => types(parent).len() > 1 && usize::from(nulls & 0b111) == column + 1,
                    _ => false,
                };
                values.push(if null { "null".to_owned() } else { literal });
            }
        }
        format!("insert into {name} ({}) values ({});\n", names.join(", "), values.join(", "))
    }

    fn damage(&self) -> String {
        let mut sql = "set session_replication_role = replica;\n".to_owned();
        for (at, table) in self.tables.iter().enumerate() {
            let value = self.deleted[at % self.deleted.len()];
            let keys: Vec<String> = columns("Key", table.key)
                .iter()
                .zip(literals(table.key, value))
                .map(|(column, literal)| format!("{column} = {literal}"))
                .collect();
            // With what inherits from it.
            let _ = writeln!(sql, "delete from {} where {};", table_name(self, at), keys.join(" and "));
        }
        for (at, _) in self.references.iter().enumerate().filter(|(_, reference)| reference.dropped) {
            let _ = writeln!(sql, "alter table {} drop constraint \"Ref {at}\";", self.constrained(at));
        }
        sql
    }

    /// How a table's own rows are read.
    fn own_rows(&self, at: usize) -> String {
        let name = table_name(self, at);
        if self.tables[at].kind == Kind::Partitioned { name } else { format!("only {name}") }
    }

    /// Orphans, as the runbooks count them: a left join that finds nothing.
    fn orphans_sql(&self, at: usize) -> String {
        let reference = &self.references[at];
        let key = self.tables[reference.parent].key;
        let child =
            if reference.on_partition { self.constrained(at) } else { self.own_rows(reference.child) };
        let pairs: Vec<(String, String)> =
            columns("Key", key).into_iter().zip(self.child_columns(at)).collect();
        let on: Vec<String> =
            pairs.iter().map(|(parent, child)| format!("parent.{parent} = child.{child}")).collect();
        let filled: Vec<String> =
            pairs.iter().map(|(_, child)| format!("child.{child} is not null")).collect();
        format!(
            "select count(*) from {child} child left join {} parent on {} where {} and parent.{} is null",
            self.own_rows(reference.parent),
            on.join(" and "),
            filled.join(" and "),
            pairs[0].0
        )
    }

    /// Rows that MATCH FULL forbids: not all NULL, and not none.
    fn half_null_sql(&self, at: usize) -> String {
        let reference = &self.references[at];
        let child =
            if reference.on_partition { self.constrained(at) } else { self.own_rows(reference.child) };
        let columns = self.child_columns(at);
        format!(
            "select count(*) from {child} where {} and num_nulls({}) not in (0, {})",
            reference.match_full,
            columns.join(", "),
            columns.len()
        )
    }
}

fn inheriting(name: &str) -> String {
    format!("{} child\"", name.trim_end_matches('"'))
}

#[test]
fn counts_are_those_of_obvious_sql() {
    let cases = std::env::var("DRCORE_CASES").map_or(8, |cases| cases.parse().unwrap());
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    TestRunner::new(config)
        .run(&case(), |case| runtime.block_on(compare(&case)))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

async fn compare(case: &Case) -> Result<(), TestCaseError> {
    let database = Database::with(&case.schema()).await;
    database.execute(&case.rows()).await;
    let baseline = database.evidence(&parse(""), None).await;
    agrees(case, &database, &database.report("", None).await, &[]).await?;
    database.execute(&case.damage()).await;
    let dropped: Vec<usize> = (0..case.references.len()).filter(|at| case.references[*at].dropped).collect();
    agrees(case, &database, &database.report("", Some(&baseline)).await, &dropped).await?;
    orphans::agree(&database, Some(&baseline)).await.map_err(TestCaseError::fail)?;
    let evidence = database.evidence(&parse(""), Some(&baseline)).await;
    for (name, scan) in &evidence.scans.tables {
        let relation = evidence.catalog.relation(name).unwrap().unwrap();
        let rows = ask(&database, &format!("select count(*) from {}", relation.from_sql())).await;
        prop_assert_eq!(scan.rows.get().unwrap(), &rows, "{}", name);
    }
    drop(evidence);
    let drop = format!("drop database {} with (force)", database.name);
    cluster().await.execute("postgres", &drop).await.unwrap();
    Ok(())
}

/// Every reference has the orphans that obvious SQL finds, and nothing else is said.
async fn agrees(
    case: &Case,
    database: &Database,
    report: &Report,
    dropped: &[usize],
) -> Result<(), TestCaseError> {
    let mut expected = BTreeMap::new();
    for at in 0..case.references.len() {
        let place = format!("public.{}:\"Ref {at}\"", canonical(&case.constrained(at)));
        for (kind, sql) in
            [("orphaned_rows", case.orphans_sql(at)), ("half_null_keys", case.half_null_sql(at))]
        {
            let rows = ask(database, &sql).await;
            if rows > 0 {
                expected.insert(format!("orphan_fks:{kind}:{place}"), Some(rows));
            }
        }
        if dropped.contains(&at) {
            expected.insert(format!("orphan_fks:missing_foreign_key:{place}"), None);
        }
    }
    let result = check(report, "orphan_fks");
    let found: BTreeMap<String, Option<u64>> =
        result.findings.iter().map(|finding| (finding.id().to_owned(), finding.count())).collect();
    prop_assert_eq!(&found, &expected, "{}", case.schema());
    prop_assert!(result.unread.is_empty(), "{:?}", result.unread);
    prop_assert_eq!(result.outcome == Outcome::Passed, expected.is_empty());
    for finding in &result.findings {
        if let Finding::OrphanedRows(orphans) = finding {
            prop_assert_eq!(orphans.sample.rows.len() as u64, orphans.rows.min(20));
            let query = finding.common().query.as_ref().unwrap();
            prop_assert_eq!(ask(database, &format!("select count(*) from ({query}) q")).await, orphans.rows);
        }
    }
    Ok(())
}

/// As `PostgreSQL` would show it: quotes only where they are needed.
fn canonical(quoted: &str) -> String {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.starts_with("plain_") { inner.to_owned() } else { quoted.to_owned() }
}

async fn ask(database: &Database, sql: &str) -> u64 {
    let (client, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let row = client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    drop(client);
    driver.await.unwrap().unwrap();
    u64::try_from(row.get::<_, i64>(0)).unwrap()
}
