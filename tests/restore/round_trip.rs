//! What a dump carries comes back: every kind of object, every format, every row.

use std::path::{Path, PathBuf};
use std::process::Command;

use drcore::connect::{RestoreTarget, TargetOptions};
use drcore::restore::{
    ClientTools, ExecuteOptions, Onto, RestoreCall, RestoreOptions, RestorePlan, Restored,
};
use drcore::{Against, Evidence, Report, Severity, Verdict, VerifyOptions};
use drcore_tests::{Database, cluster};

pub(crate) const EVERY_KIND: &str = include_str!("every_kind.sql");

/// Dumps a database into a file (or a directory) of its own.
pub(crate) async fn dump(database: &Database, arguments: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("backup.dump");
    let output = Command::new(cluster().await.tools().directory.join("pg_dump"))
        .args(arguments)
        .args(["--dbname", &database.url().await, "--file"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (directory, path)
}

/// With its content.
pub(crate) async fn baseline(database: &Database) -> Evidence {
    let mut options = VerifyOptions::default();
    options.content(true);
    drcore::baseline(&database.url().await, &options).await.unwrap()
}

pub(crate) async fn target(database: &Database, onto: Onto) -> RestoreTarget {
    let mut options = TargetOptions::default();
    options.onto = onto;
    RestoreTarget::connect(&database.url().await, &options).await.unwrap()
}

pub(crate) async fn restore(archive: &Path, database: &Database, options: &RestoreOptions) -> Restored {
    let target = target(database, options.onto).await;
    let plan = RestorePlan::of(archive, &target, options).await.unwrap();
    plan.execute(&target, &ExecuteOptions::default()).await.unwrap()
}

pub(crate) async fn verify(database: &Database, baseline: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    options.content(true);
    drcore::verify(&database.url().await, &options).await.unwrap()
}

/// The dump of a database as text, without what each dump makes up.
pub(crate) async fn dumped(database: &Database) -> String {
    let (_directory, path) = dump(database, &["--format=plain"]).await;
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

/// Not one finding but what was so in the baseline, not one thing unread.
pub(crate) fn is_the_same(report: &Report, what: &str) {
    let findings = report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
    let found: Vec<&str> = findings.map(drcore::Finding::id).collect();
    assert_eq!(found, [""; 0], "{what}");
    let unread: Vec<_> = report.checks.iter().flat_map(|check| &check.unread).collect();
    assert!(unread.is_empty(), "{what}: {unread:#?}");
    assert_eq!(report.count(Severity::Critical), 0);
}

#[tokio::test]
async fn every_kind_of_object_comes_back_in_every_format() {
    let source = Database::with(EVERY_KIND).await;
    let before = baseline(&source).await;
    for (form, arguments) in [
        ("custom", &["--format=custom"][..]),
        ("directory", &["--format=directory", "--jobs=2"]),
        ("tar", &["--format=tar"]),
        ("plain", &["--format=plain"]),
        ("custom, compressed as a whole", &["--format=custom", "--compress=0"]),
        ("plain, compressed as a whole", &["--format=plain"]),
    ] {
        let (_directory, mut archive) = dump(&source, arguments).await;
        if form.ends_with("as a whole") {
            assert!(Command::new("gzip").arg("--fast").arg(&archive).status().unwrap().success());
            archive.set_extension("dump.gz");
        }
        let database = Database::empty().await;
        let restored = restore(&archive, &database, &RestoreOptions::default()).await;
        let failures: Vec<_> = restored.failures().collect();
        assert!(failures.is_empty(), "{form}: {failures:#?}");
        is_the_same(&verify(&database, &before).await, form);
        // The dump of the copy is the dump of the source: nothing is lost that no check looks at.
        assert_eq!(dumped(&database).await, dumped(&source).await, "{form}");
        // Nothing is left that says that it is half restored.
        assert_eq!(
            database.query("select 1 from pg_namespace where nspname = 'drcore_restore'").await,
            [""; 0]
        );
    }
}

#[tokio::test]
async fn one_object_that_cannot_be_restored_does_not_hide_the_others() {
    let source = Database::with(
        "create table parents (id int primary key); create table children (id int primary key, parent_id int references parents);
         insert into parents values (1); insert into children values (1, 1);
         set session_replication_role = replica; insert into children values (2, 7); reset session_replication_role;
         create view later as select * from children",
    )
    .await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let restored = restore(&archive, &database, &RestoreOptions::default()).await;
    let failures: Vec<_> = restored.failures().collect();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(failures[0].object, "fk constraint public.children children_parent_id_fkey");
    assert!(failures[0].message.contains("violates foreign key"), "{failures:#?}");
    assert_eq!(restored.exit_code(), 1);
    assert!(restored.to_text().contains("FAILED   fk constraint"), "{}", restored.to_text());
    assert_eq!(database.query("select count(*) from later").await, ["2"]);
}

#[tokio::test]
async fn a_table_whose_rows_fail_to_come_keeps_the_database_marked() {
    // The mistake of many checks: what their function reads is named without its schema.
    let source = Database::with(
        "create table lookup (id int primary key); insert into lookup values (1);
         create function known(i int) returns bool language sql stable as 'select exists (select from lookup where id = i)';
         create table orders (id int primary key check (known(id))); insert into orders values (1);
         create table others (id int primary key); insert into others values (7)",
    )
    .await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let restored = restore(&archive, &database, &RestoreOptions::default()).await;
    assert_eq!(restored.missing_rows, ["rows of public.orders"], "{:#?}", restored.errors);
    assert_eq!(restored.exit_code(), 1);
    assert!(restored.to_text().contains("stays marked as half restored"), "{}", restored.to_text());
    assert_eq!(database.query("select id from others").await, ["7"]);
    // Without anything to compare it with, it would look whole.
    let report = drcore::verify(&database.url().await, &VerifyOptions::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven, "{report:#?}");
    // Once the reason is gone, the next run brings what is missing, and only that.
    database.execute("create or replace function known(i int) returns bool language sql stable as 'select exists (select from public.lookup where id = i)'").await;
    let mut options = RestoreOptions::default();
    options.onto = Onto::Resume;
    let restored = restore(&archive, &database, &options).await;
    assert!(
        restored.failures().next().is_none() && restored.missing_rows.is_empty(),
        "{:#?}",
        restored.errors
    );
    assert_eq!(database.query("select id from orders").await, ["1"]);
    assert_eq!(database.query("select id from others").await, ["7"]);
    let report = drcore::verify(&database.url().await, &VerifyOptions::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
}

/// Their words come from four workers at once, through one pipe.
#[tokio::test]
async fn of_many_tables_that_fail_at_once_each_is_told() {
    const TABLES: usize = 200;
    let tables: String = (0..TABLES)
        .map(|n| {
            format!(
                "create table t{n} (id int check (known(id))); insert into t{n} values (1);
                 create table u{n} (id int); insert into u{n} values ({n});"
            )
        })
        .collect();
    let source = Database::with(&format!(
        "create table lookup (id int primary key); insert into lookup values (1);
         create function known(i int) returns bool language sql stable as 'select exists (select from lookup where id = i)';
         {tables}"
    ))
    .await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let mut options = RestoreOptions::default();
    options.jobs = Some(4);
    let restored = restore(&archive, &database, &options).await;
    let mut missing = restored.missing_rows;
    missing.sort_unstable();
    let mut expected: Vec<String> = (0..TABLES).map(|n| format!("rows of public.t{n}")).collect();
    expected.sort_unstable();
    assert_eq!(missing, expected);
}

#[tokio::test]
async fn an_archive_that_changed_since_it_was_planned_is_not_restored() {
    let (one, other) =
        (Database::with("create table a (id int)").await, Database::with("create table b (id int)").await);
    let (_directory, archive) = dump(&one, &["--format=custom"]).await;
    let (_other_directory, changed) = dump(&other, &["--format=custom"]).await;
    let database = Database::empty().await;
    let target = target(&database, Onto::Empty).await;
    let plan = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await.unwrap();
    std::fs::copy(changed, archive).unwrap();
    let error = plan.execute(&target, &ExecuteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    assert!(database.query("select 1 from pg_namespace where nspname = 'drcore_restore'").await.is_empty());
}

#[tokio::test]
async fn chosen_tables_come_with_what_hangs_on_them_and_nothing_else() {
    let source = Database::with(EVERY_KIND).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let mut options = RestoreOptions::default();
    options.tables = vec!["app.tenants", "app.invoices"]
        .into_iter()
        .map(|name| drcore::sql::QualifiedName::parse(name).unwrap())
        .collect();
    let restored = restore(&archive, &database, &options).await;
    let failures: Vec<_> = restored.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let tables = "select relname from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p') order by 1";
    assert_eq!(database.query(tables).await, ["invoices", "tenants"]);
    assert_eq!(database.query("select count(*) from app.invoices").await, ["500"]);
    // Its foreign keys, policies, triggers, and the sequences go on where they were.
    assert_eq!(database.query("select count(*) from pg_constraint where contype = 'f'").await, ["2"]);
    assert_eq!(database.query("select count(*) from pg_policy").await, ["2"]);
    assert_eq!(database.query("select nextval('app.invoices_id_seq')").await, ["501"]);
    options.tables = vec![drcore::sql::QualifiedName::new("app", "tenant")];
    let other = Database::empty().await;
    let error = RestorePlan::of(&archive, &target(&other, Onto::Empty).await, &options).await.unwrap_err();
    assert!(
        error.to_string().contains("no such table") || error.hint_text().unwrap().contains("app.tenants"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_plan_does_nothing_and_is_known_by_its_digest() {
    let source = Database::with("create table a (id int primary key)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let target = target(&database, Onto::Empty).await;
    let plan = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await.unwrap();
    let again = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await.unwrap();
    assert_eq!(plan, again);
    assert!(plan.expect(&again.digest).is_ok() && plan.expect("00000000").is_err());
    let back: RestorePlan = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    assert_eq!(back, plan);
    assert!(plan.to_text().contains(&plan.digest), "{}", plan.to_text());
    assert_eq!(
        database.query("select count(*) from pg_class where relnamespace = 'public'::regnamespace").await,
        ["0"]
    );
    // The plan is for this database, and for no other.
    let other = Database::empty().await;
    let error =
        plan.execute(&self::target(&other, Onto::Empty).await, &ExecuteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused);
}

/// The kinds of object that live in a schema, in `public`.
fn in_public() -> String {
    let (of_schemas, _) = EVERY_KIND.split_once("-- foreign data").unwrap();
    let lines = of_schemas.lines().filter(|line| {
        !line.contains("schema app") && !line.contains("application''s") && !line.contains(r#"we""ird"#)
    });
    lines.collect::<Vec<_>>().join("\n").replace("app.", "public.")
}

#[tokio::test]
async fn what_is_there_is_replaced_only_where_the_plan_says_so() {
    let source = Database::with("create table a (id int primary key); insert into a values (1)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    // What is in a schema goes with it; what is in public goes one by one.
    let database = Database::with(EVERY_KIND).await;
    database.execute(&in_public()).await;
    let error = RestoreTarget::connect(&database.url().await, &TargetOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    let mut options = RestoreOptions::default();
    options.onto = Onto::Replace;
    let before = baseline(&source).await;
    restore(&archive, &database, &options).await;
    is_the_same(&verify(&database, &before).await, "replaced");
    // Whatever no check looks at is gone too.
    assert_eq!(dumped(&database).await, dumped(&source).await);
}

/// What is in the way has the same names: schemas, publications, event triggers, extensions in schemas of their own.
#[tokio::test]
async fn what_is_replaced_comes_back_whole() {
    let kinds = format!(
        "{EVERY_KIND}
         create schema tools; create extension pg_trgm schema tools;
         create extension cube schema tools; create extension earthdistance"
    );
    let source = Database::with(&kinds).await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::with(&kinds).await;
    database
        .execute(
            "create table app.since (id int); create schema since; create publication since for all tables",
        )
        .await;
    let mut options = RestoreOptions::default();
    options.onto = Onto::Replace;
    let restored = restore(&archive, &database, &options).await;
    let failures: Vec<_> = restored.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    is_the_same(&verify(&database, &before).await, "replaced");
    assert_eq!(dumped(&database).await, dumped(&source).await);
}

#[tokio::test]
async fn what_was_done_is_not_done_twice_and_what_came_since_is_not_taken_away() {
    let source = Database::with("create table a (id int); insert into a values (1)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let url = database.url().await;
    let mut call = RestoreCall::default();
    let planned = drcore::restore::restore(archive.to_str().unwrap(), &url, &call).await.unwrap();
    let options = planned.execute_options();
    planned.execute(&options).await.unwrap();
    let error = planned.execute(&options).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains("not empty"), "{error:?}");
    assert_eq!(database.query("select count(*) from a").await, ["1"]);
    // What nobody saw when the plan was reviewed stays.
    call.options.onto = Onto::Replace;
    let planned = drcore::restore::restore(archive.to_str().unwrap(), &url, &call).await.unwrap();
    database.execute("create table written_since (id int)").await;
    let error = planned.execute(&options).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    assert_eq!(database.query("select count(*) from written_since").await, ["0"]);
}

#[tokio::test]
async fn what_takes_away_what_is_there_is_done_only_where_it_was_reviewed() {
    let source = Database::with("create table a (id int)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::with("create table old (id int)").await;
    let mut options = RestoreOptions::default();
    options.onto = Onto::Replace;
    let target = target(&database, Onto::Replace).await;
    let mut plan = RestorePlan::of(&archive, &target, &options).await.unwrap();
    assert!(!plan.needs_review(), "a scratch cluster is nobody's");
    plan.target.scratch = false;
    let mut execute = ExecuteOptions::default();
    for unseen in [None, Some("00000000".to_owned())] {
        execute.apply = unseen;
        let error = plan.execute(&target, &execute).await.unwrap_err();
        assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("nothing was written"), "{error:?}");
        assert_eq!(database.query("select count(*) from old").await, ["0"]);
    }
    execute.apply = Some(plan.digest.clone());
    plan.execute(&target, &execute).await.unwrap();
    assert!(database.query("select 1 from pg_class where relname = 'old'").await.is_empty());
}

/// Errors that `pg_restore` counted and of which not a word was heard may be of any table.
#[tokio::test]
async fn what_was_not_heard_keeps_the_database_marked() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let source = Database::with("create table a (id int); insert into a values (1)").await;
    let (directory, archive) = dump(&source, &["--format=custom"]).await;
    let programs = directory.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    for name in ["pg_dump", "psql"] {
        symlink(cluster().await.tools().directory.join(name), programs.join(name)).unwrap();
    }
    // It says of every entry that it is done.
    let mute = "#!/bin/sh\nexec >&2\nfor n in $(seq 1 5000); do echo \"pg_restore: finished item $n x\"; done\n\
                echo 'pg_restore: warning: errors ignored on restore: 3'\nexit 1\n";
    std::fs::write(programs.join("pg_restore"), mute).unwrap();
    std::fs::set_permissions(programs.join("pg_restore"), PermissionsExt::from_mode(0o755)).unwrap();
    let database = Database::empty().await;
    let aim = target(&database, Onto::Empty).await;
    let plan = RestorePlan::of(&archive, &aim, &RestoreOptions::default()).await.unwrap();
    let mut options = ExecuteOptions::default();
    options.tools = Some(ClientTools::at(&programs).await.unwrap());
    let restored = plan.execute(&aim, &options).await.unwrap();
    assert_eq!(restored.exit_code(), 1);
    assert_eq!(restored.missing_rows, ["rows of public.a", "rows of an object that pg_restore did not name"]);
    assert_eq!(
        database.query("select nspname from pg_namespace where nspname = 'drcore_restore'").await,
        ["drcore_restore"]
    );
    // Nothing counts as done: the next run brings all of it.
    assert_eq!(database.query("select count(*) from drcore_restore.done").await, ["0"]);
    let mut again = RestoreOptions::default();
    again.onto = Onto::Resume;
    let restored = restore(&archive, &database, &again).await;
    assert!(restored.missing_rows.is_empty(), "{:#?}", restored.errors);
    assert_eq!(database.query("select id from a").await, ["1"]);
}

/// What it holds may be another database's: gone on with, it would be taken for what was restored.
#[tokio::test]
async fn a_target_that_was_not_cleared_to_the_end_is_not_gone_on_with() {
    let source = Database::with("create table a (id int primary key); insert into a values (1)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::with("create table a (id int primary key); insert into a values (7)").await;
    let aim = target(&database, Onto::Replace).await;
    let mut options = RestoreOptions::default();
    options.onto = Onto::Replace;
    let plan = RestorePlan::of(&archive, &aim, &options).await.unwrap();
    let (client, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("begin; lock table a in access share mode").await.unwrap();
    let mut execute = ExecuteOptions::default();
    execute.limits.lock_timeout = Some(drcore::plan::Span::parse("100ms").unwrap());
    plan.execute(&aim, &execute).await.unwrap_err();
    client.batch_execute("rollback").await.unwrap();
    assert_eq!(database.query("select id from a").await, ["7"]);
    options.onto = Onto::Resume;
    let aim = target(&database, Onto::Resume).await;
    let error = RestorePlan::of(&archive, &aim, &options).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    assert!(error.hint_text().unwrap().contains("--start-over"), "{error:?}");
    options.onto = Onto::StartOver;
    let restored = restore(&archive, &database, &options).await;
    assert!(restored.failures().next().is_none(), "{:#?}", restored.errors);
    assert_eq!(database.query("select id from a").await, ["1"]);
}

/// Planned at the same time, done one after the other.
#[tokio::test]
async fn what_somebody_else_restored_meanwhile_is_left_alone() {
    let source = Database::with("create table a (id int); insert into a values (1)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let options = RestoreOptions::default();
    let (one, other) = (target(&database, Onto::Empty).await, target(&database, Onto::Empty).await);
    let plans = (
        RestorePlan::of(&archive, &one, &options).await.unwrap(),
        RestorePlan::of(&archive, &other, &options).await.unwrap(),
    );
    plans.0.execute(&one, &ExecuteOptions::default()).await.unwrap();
    let error = plans.1.execute(&other, &ExecuteOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains("not as it was when it was planned"), "{error:?}");
    assert_eq!(database.query("select id from a").await, ["1"]);
    assert!(database.query("select 1 from pg_namespace where nspname = 'drcore_restore'").await.is_empty());
}
