//! What falls after an instant: exact totals, bounded lists, and never "nothing was lost".

use drcore::evidence::CauseKind;
use drcore::gap::{GapBy, GapVerdict};
use drcore::{ErrorKind, GapOptions, GapReport, gap};
use drcore_tests::Database;

const SINCE: &str = "2026-11-20T02:55:00Z";

/// Written until 05:10; the copy was restored to 02:55.
const STATE: &str = "
create table clients (id int primary key, tenant_id text, created_at timestamptz not null);
insert into clients select n, 't' || n % 3, timestamptz '2026-11-20 02:55:00Z' + n * interval '1 minute' from generate_series(-100, 10) n;
create table invoices (id int primary key, tenant_id text, created_at timestamptz);
insert into invoices select n, case when n % 2 = 0 then 't0' end, timestamptz '2026-11-20 05:00:00Z' + n * interval '1 minute' from generate_series(1, 10) n;
insert into invoices values (100, 't1', null), (101, 't1', 'infinity'), (102, 't1', '-infinity'), (103, 't1', '2026-11-20 02:55:00Z');
create table \"User\" (id int primary key, \"createdAt\" timestamp(3));
insert into \"User\" values (1, '2026-11-20 02:54:59.999'), (2, '2026-11-20 02:55:00.001');
create table events (id int, tenant_id text, inserted_at timestamptz) partition by range (inserted_at);
create table events_1 partition of events for values from ('2026-01-01') to ('2027-01-01');
insert into events values (1, 't2', '2026-11-20 03:00:00Z');
create table quiet (id int primary key, created_at timestamptz);
create table proposals (id int primary key, sent_at timestamptz);
insert into proposals values (1, '2026-11-20 04:00:00Z');
create table settings (key text primary key, updated_at timestamptz);
create table holidays (id int primary key, created date);
";

async fn ask(database: &Database, change: impl FnOnce(&mut GapOptions)) -> drcore::Result<GapReport> {
    let mut options = GapOptions::new(SINCE.parse().unwrap());
    change(&mut options);
    database.untouched(gap(&database.url().await, &options)).await
}

fn by_tenant(options: &mut GapOptions) {
    options.tenant_column = Some("tenant_id".to_owned());
}

#[tokio::test]
async fn totals_tenants_and_hours_are_exact() {
    let database = Database::with(STATE).await;
    let report = ask(&database, by_tenant).await.unwrap();
    assert_eq!((report.verdict, report.exit_code()), (GapVerdict::Found, 0));
    let rows: Vec<(String, u64, u64)> =
        report.tables.iter().map(|table| (table.table.to_string(), table.rows, table.undated)).collect();
    // The row of exactly the instant is in the copy.
    let expected: [(&str, u64, u64); 5] = [
        ("public.clients", 10, 0),
        ("public.invoices", 10, 1),
        ("public.\"User\"", 1, 0),
        ("public.events", 1, 0),
        ("public.quiet", 0, 0),
    ];
    assert_eq!(rows, expected.map(|(table, rows, undated)| (table.to_owned(), rows, undated)));
    assert_eq!(report.rows, 22);
    let left: Vec<String> = report.not_covered.iter().map(|left| left.table.to_string()).collect();
    assert_eq!(left, ["public.holidays", "public.proposals", "public.settings"]);

    let invoices = &report.tables[1];
    let tenants: Vec<(Option<&str>, u64)> =
        invoices.tenants.iter().map(|row| (row.tenant.as_deref(), row.rows)).collect();
    assert_eq!(tenants, [(Some("t0"), 5), (None, 5)]);
    let hours: Vec<(String, u64)> =
        report.tables[0].hours.iter().map(|row| (row.hour.to_string(), row.rows)).collect();
    assert_eq!(hours, [("2026-11-20T02:00:00Z".to_owned(), 4), ("2026-11-20T03:00:00Z".to_owned(), 6)]);
    // No zone: taken as UTC, and said.
    assert!(report.tables[2].zoneless && !report.tables[2].by_tenant);

    let records = report.records();
    for by in [GapBy::Total, GapBy::Hour] {
        assert_eq!(
            records.iter().filter(|record| record.by == by).map(|record| record.rows).sum::<u64>(),
            22
        );
    }
    assert_eq!(GapReport::from_json(&report.to_json().unwrap()).unwrap(), report);
}

#[tokio::test]
async fn the_text_adds_up() {
    let database = Database::with(STATE).await;
    let mut report = ask(&database, by_tenant).await.unwrap();
    report.run.server = None;
    insta::assert_snapshot!(report.to_text());
}

#[tokio::test]
async fn the_restored_copy_says_nothing_of_what_was_lost() {
    let database = Database::with(STATE).await;
    database
        .execute(&format!(
            "delete from clients where created_at > '{SINCE}'; delete from invoices where created_at > '{SINCE}'; \
             delete from \"User\" where \"createdAt\" > '2026-11-20 02:55'; delete from events"
        ))
        .await;
    let report = ask(&database, |_| ()).await.unwrap();
    assert_eq!((report.verdict, report.rows, report.exit_code()), (GapVerdict::Unproven, 0, 3));
    assert!(report.notes[0].contains("looks like the restored copy"), "{:?}", report.notes);
    let text = report.to_text();
    assert!(text.starts_with("UNPROVEN"), "{text}");
    assert!(!text.contains("nothing was lost"));

    let empty = Database::with("create table settings (key text)").await;
    let report = ask(&empty, |_| ()).await.unwrap();
    assert_eq!(report.verdict, GapVerdict::Unproven);
    assert!(report.notes[0].contains("no table could be asked"));
}

#[tokio::test]
async fn what_cannot_be_read_is_unread_and_the_others_are_counted() {
    let database = Database::with(STATE).await;
    database
        .execute(
            "create role gap_reader login; grant usage on schema public to gap_reader; \
             grant select on all tables in schema public to gap_reader; revoke select on clients from gap_reader; \
             alter table events enable row level security",
        )
        .await;
    let options = GapOptions::new(SINCE.parse().unwrap());
    let report = database.untouched(gap(&database.url_as("gap_reader").await, &options)).await.unwrap();
    let unread: Vec<(&str, CauseKind)> =
        report.unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect();
    assert_eq!(
        unread,
        [
            ("public.clients.created_at", CauseKind::Permission),
            ("public.events.inserted_at", CauseKind::RowSecurity),
        ]
    );
    assert_eq!((report.rows, report.verdict, report.exit_code()), (11, GapVerdict::Found, 3));
    assert!(report.notes.iter().any(|note| note.contains("there may be more")));
}

#[tokio::test]
async fn tables_and_columns_are_those_that_are_named() {
    let database = Database::with(STATE).await;
    let report = ask(&database, |options| {
        options.tables = vec![drcore::plan::TableName::parse("invoices").unwrap()];
        options.columns = vec![drcore::plan::ColumnName::parse("proposals.sent_at").unwrap()];
    })
    .await
    .unwrap();
    let tables: Vec<(String, u64)> =
        report.tables.iter().map(|table| (table.table.to_string(), table.rows)).collect();
    assert_eq!(tables, [("public.invoices".to_owned(), 10), ("public.proposals".to_owned(), 1)]);

    for change in [
        (|options| options.tables = vec![drcore::plan::TableName::parse("nowhere").unwrap()])
            as fn(&mut GapOptions),
        |options| options.columns = vec![drcore::plan::ColumnName::parse("proposals.made_at").unwrap()],
        |options| options.columns = vec![drcore::plan::ColumnName::parse("proposals.id").unwrap()],
        |options| options.tenant_column = Some("tenat_id".to_owned()),
    ] {
        assert_eq!(ask(&database, change).await.unwrap_err().kind(), ErrorKind::Usage);
    }
    let options = GapOptions::new(SINCE.parse().unwrap());
    let error = gap("postgresql://postgres@127.0.0.1:1/nowhere", &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn long_lists_are_bounded_and_totals_are_not() {
    let database = Database::with(
        "create table logs (id bigint primary key, tenant_id int, created_at timestamptz not null);
         insert into logs select n, n % 1500, timestamptz '2026-11-20 03:00:00Z' + n * interval '1 hour' from generate_series(0, 2999) n;",
    )
    .await;
    let report = ask(&database, by_tenant).await.unwrap();
    let logs = &report.tables[0];
    assert_eq!((logs.rows, logs.tenants_total, logs.hours_total), (3000, 1500, 3000));
    assert_eq!((logs.tenants.len(), logs.hours.len()), (1000, 2000));
    let text = report.to_text();
    assert!(text.contains("12 of at least 1,500 tenants") || text.contains("12 of 1,500 tenants"), "{text}");
    assert!(text.contains("others"), "{text}");
}

#[tokio::test]
async fn html_is_escaped_and_small() {
    let database = Database::with(
        "create table \"<script>\" (id int primary key, tenant_id text, created_at timestamptz);
         insert into \"<script>\" select n, repeat('<&\"' || n, 500), now() + n * interval '1 hour' from generate_series(1, 3000) n;
         do $$ begin for n in 1..300 loop
           execute format('create table %I (id int primary key, created_at timestamptz)', '<b>' || n);
         end loop; end $$;",
    )
    .await;
    let html = ask(&database, by_tenant).await.unwrap().to_html_fragment();
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    assert!(html.contains("3,000 rows created after"), "{html}");
    assert!(html.contains("and 262 more"), "{html}");
    assert!(html.len() < 100_000, "{}", html.len());
}
