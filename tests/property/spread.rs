//! Rows per tenant and hour: the same counted here and by the server, in parts and as a whole, and what they
//! tell after a loss.

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::evidence::{Spread, TenantRows};
use drcore::sql::QualifiedName;
use drcore::{Evidence, Finding, Report, Source};
use drcore_tests::{Database, parse};

const WAYS: [&str; 2] = ["[content_drift]\nway = \"stream\"\n", "[content_drift]\nway = \"server\"\n"];
const PLAN: &str = "[tenancy]\ncolumn = \"tenant\"\n[freshness]\ntables = [\"days.day\", \"local.at\"]\n";

async fn read(database: &Database, plan: &str, blocks: Option<u32>) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = ContentChoice::Always;
    options.blocks = blocks;
    let source = Source::connect(&database.url().await).await.unwrap();
    collect(&source, &parse(plan), None, &options).await.unwrap()
}

fn spread<'e>(evidence: &'e Evidence, table: &str) -> &'e Spread {
    let scan = &evidence.scans.tables[&QualifiedName::new("public", table)];
    scan.spread.get().unwrap_or_else(|cause| panic!("{table}: {cause:?}"))
}

const TABLES: &str = "\
    create collation folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n\
    create type mood as enum ('sad', 'ok');\n\
    create table uuids (id int primary key, tenant uuid, created_at timestamptz);\n\
    insert into uuids select n, case when n % 5 > 0 then md5((n % 7)::text)::uuid end, \
      timestamptz '2026-11-01 00:00Z' + n * interval '17 min' from generate_series(1, 900) n;\n\
    insert into uuids values (1000, null, null), (1001, null, 'infinity'), (1002, null, '-infinity'), \
      (1003, null, '0001-01-01 00:00Z'), (1004, null, '0001-01-01 00:00Z'::timestamptz - interval '1 us'), \
      (1005, null, '9998-12-31 23:59:59.999999Z'), (1006, null, '9999-01-01 00:00Z'), \
      (1007, null, '1999-12-31 23:59:59.999999Z'), (1008, null, '2000-01-01 00:00Z'), (1009, null, '4000-01-01 BC');\n\
    create table days (tenant text collate folded, day date);\n\
    insert into days values ('a', '2026-01-01'), ('A', '2026-01-01'), ('', 'infinity'), (null, null), ('ä', '0044-03-15 BC'), \
      ('a', '5874897-12-31');\n\
    create table local (tenant varchar(9), at timestamp);\n\
    insert into local select 't' || n % 3, timestamp '2026-03-29 00:30' + n * interval '10 min' from generate_series(1, 50) n;\n\
    create table moods (tenant mood, created_at timestamptz);\n\
    insert into moods values ('sad', now()), ('ok', now()), ('ok', now());\n\
    create table smallints (tenant int2);\n\
    insert into smallints values (-32768), (7), (7);\n\
    create table bigints (tenant int8);\n\
    insert into bigints values (-9223372036854775808), (7), (null);\n\
    create table numbers (tenant numeric);\n\
    insert into numbers values (1.0), (1.00), (7);\n\
    create table empty (tenant int, created_at timestamptz);\n\
    create table neither (id int);\n\
    create table many (tenant int, created_at timestamptz);\n\
    insert into many select n, timestamptz '2020-01-01Z' + n * interval '1 hour' from generate_series(1, 3000) n;\n\
    insert into many select n, '2026-01-01Z' from generate_series(1, 5) n, generate_series(1, 3) m;\n";

#[tokio::test]
async fn it_is_the_same_counted_here_and_by_the_server_and_in_parts() {
    let database = Database::with(TABLES).await;
    let [stream, server] = WAYS.map(|way| format!("{way}{PLAN}"));
    let (here, there) = (read(&database, &stream, None).await, read(&database, &server, None).await);
    let parts = database.untouched(read(&database, &stream, Some(1))).await;
    for table in ["uuids", "days", "local", "moods", "smallints", "bigints", "numbers", "empty", "many"] {
        assert_eq!(spread(&here, table), spread(&there, table), "{table}");
        assert_eq!(spread(&here, table), spread(&parts, table), "{table}");
    }
    let none = &here.scans.tables[&QualifiedName::new("public", "neither")];
    assert!(none.spread.is_not_asked());
    let uuids = spread(&here, "uuids");
    assert_eq!(uuids.undated, 6);
    assert_eq!(uuids.tenants.iter().map(|tenant| tenant.rows).sum::<u64>(), 910);
    assert_eq!(uuids.tenants[0], TenantRows::new(None, 190));
    let days = spread(&here, "days");
    assert_eq!((days.tenants_total, days.hours_total, days.undated), (5, 1, 4));
    let many = spread(&here, "many");
    assert_eq!(
        (many.tenants.len(), many.tenants_total, many.hours.len(), many.hours_total),
        (1_000, 3_000, 2_000, 3_001)
    );
    assert_eq!(many.tenants[0].rows, 4);
    // A plan that names neither counts neither.
    let plain = read(&database, WAYS[0], None).await;
    assert!(plain.scans.tables.values().all(|scan| scan.spread.is_not_asked()));
}

fn affected(report: &Report) -> Vec<(String, String, Option<drcore::evidence::Affected>)> {
    report
        .findings()
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::FewerRows(fewer) => {
                Some(("fewer".to_owned(), fewer.common.message.clone(), fewer.affected.clone()))
            }
            Finding::RowsDiffer(differ) => {
                Some(("differ".to_owned(), differ.common.message.clone(), differ.affected.clone()))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn after_a_loss_it_tells_whose_rows_they_were_and_of_when() {
    let healthy = "create table t (id int primary key, tenant text, created_at timestamptz);\n\
        insert into t select n, 'tenant ' || n % 4, timestamptz '2026-11-20 00:00Z' + n * interval '1 min' \
          from generate_series(0, 599) n;\n\
        create table whole (id int primary key, tenant text);\n\
        insert into whole select n, 'tenant ' || n % 4 from generate_series(1, 100) n;\n";
    let database = Database::with(healthy).await;
    let stored = read(
        &database,
        &format!("{}{PLAN}", WAYS[0]).replace("days.day", "t.created_at").replace(", \"local.at\"", ""),
        None,
    )
    .await;
    let stored = Evidence::from_json(&stored.to_json().unwrap()).unwrap();
    // The columns are the baseline's: the plan of the verification names none.
    for way in WAYS {
        let report = database.report(way, Some(&stored)).await;
        assert_eq!(affected(&report), []);
    }
    database
        .execute(
            "delete from t where id >= 590 or id in (1, 5, 9);\n\
             update t set tenant = 'tenant 0' where id = 2;\n\
             -- As many rows as there were.\n\
             update whole set tenant = 'tenant 1' where id in (2, 6);\n",
        )
        .await;
    for way in WAYS {
        let report = database.report(way, Some(&stored)).await;
        let found = affected(&report);
        let clause = "; of 4 tenants: tenant 1 −5, tenant 2 −4, tenant 3 −3, …; \
                      of 2 hours: 2026-11-20T09:00Z −10, 2026-11-20T00:00Z −3";
        assert_eq!(found.len(), 3, "{way}: {found:?}");
        for (kind, message, affected) in &found {
            let affected = affected.as_ref().unwrap();
            assert!(affected.whole, "{kind}");
            if message.contains("as many") || affected.hours_total == 0 {
                assert!(message.ends_with("; of 2 tenants: tenant 1 +2, tenant 2 −2"), "{way}: {message}");
            } else {
                assert!(message.ends_with(clause), "{way}: {message}");
            }
        }
    }
    // A column that is gone is not counted by, and is no obstacle.
    database.execute("alter table t drop column tenant").await;
    let report = database.report(WAYS[1], Some(&stored)).await;
    let found = affected(&report);
    let (_, _, of_t) = found.iter().find(|(kind, ..)| kind == "fewer").unwrap();
    let of_t = of_t.as_ref().unwrap();
    assert_eq!((of_t.tenants_total, of_t.hours_total), (0, 2));
}
