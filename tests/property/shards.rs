//! Shards that several collect come to what one collects, whatever the order in which they are put together.

use drcore::check::Outcome;
use drcore::collect::{CollectOptions, ContentChoice, Shard, collect};
use drcore::evidence::CauseKind;
use drcore::{ErrorKind, Evidence, Report, Source, Verdict};
use drcore_tests::standby::Pair;
use drcore_tests::{Database, ids, major, parse};
use tokio_postgres::{Client, NoTls};

use super::parts::{TREE, WAYS, name, sketches};

/// Blocks of a large table that go to one shard together, here.
const CHUNK: u32 = 7;

/// A session that holds a snapshot, and its id.
async fn hold(url: &str) -> (Client, String) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("begin isolation level repeatable read read only").await.unwrap();
    let id = client.query_one("select pg_export_snapshot()", &[]).await.unwrap().get(0);
    (client, id)
}

/// What this shard reads, or what one alone does.
async fn read(
    url: &str,
    plan: &str,
    shard: Option<Shard>,
    snapshot: Option<&str>,
    then: Option<&Evidence>,
) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = if then.is_some() { ContentChoice::AsBaseline } else { ContentChoice::Always };
    options.blocks = Some(CHUNK);
    options.shard = shard;
    options.snapshot = snapshot.map(str::to_owned);
    let source = Source::connect(url).await.unwrap();
    collect(&source, &parse(plan), then, &options).await.unwrap()
}

async fn shards(
    url: &str,
    plan: &str,
    of: u32,
    snapshot: Option<&str>,
    then: Option<&Evidence>,
) -> Vec<Evidence> {
    let mut all = Vec::new();
    for number in 1..=of {
        all.push(read(url, plan, Some(Shard::new(number, of).unwrap()), snapshot, then).await);
    }
    all
}

/// Further tables, with what else is counted.
const MORE: &str = "\
    create table parent (id int primary key);\n\
    insert into parent select generate_series(1, 300);\n\
    create table child_of (id int primary key, parent int not null, tenant text, at timestamptz);\n\
    insert into child_of select n, n % 320, 't' || n % 5, '2026-01-01Z'::timestamptz + n * interval '1 h' \
      from generate_series(1, 2000) n;\n\
    alter table child_of add foreign key (parent) references parent not valid;\n\
    create sequence counted; select nextval('counted');\n";

const PLAN: &str = "[freshness]\ntables = [\"plain.at\", \"tree.at\"]\n[tenancy]\ncolumn = \"tenant\"\n\
    [duplicate_keys]\nkeys = [\"child_of (id)\"]\n[[assertions]]\nname = \"parents\"\nsql = \"select count(*) from parent\"\nexpect = \"= 300\"\n";

#[tokio::test]
async fn all_shards_come_to_the_whole_in_any_order() {
    let database = Database::with(&format!("{TREE}{MORE}")).await;
    let url = database.url().await;
    let (_holder, id) = hold(&url).await;
    for way in WAYS {
        let plan = format!("{PLAN}{way}");
        let whole = read(&url, &plan, None, Some(&id), None).await;
        for of in [1, 2, 3, 5] {
            let all = database.untouched(shards(&url, &plan, of, Some(&id), None)).await;
            if of > 1 {
                let divided =
                    all.iter().filter(|shard| shard.scans.parts.contains_key(&name("plain"))).count();
                // Before 14 no table is divided.
                assert!(divided == 0 || divided == of as usize, "each reads a part of what is large");
                let scan = &all[0].scans.tables[&name("plain")];
                if divided > 0 {
                    assert_eq!(scan.content.get().unwrap_err().kind, CauseKind::OtherShard);
                }
                assert!(all.iter().any(|shard| shard.scans.orphans.values().all(|fact| fact.get().is_err())));
            }
            let forwards = Evidence::merge(all.clone()).unwrap();
            let backwards = Evidence::merge(all.iter().rev().cloned()).unwrap();
            let mut pairs = Vec::new();
            for pair in all.chunks(2) {
                pairs.push(Evidence::merge(pair.iter().cloned()).unwrap());
            }
            for (merged, order) in [
                (forwards, "forwards"),
                (backwards, "backwards"),
                (Evidence::merge(pairs).unwrap(), "in pairs"),
            ] {
                let mut scans = merged.scans.clone();
                scans.parts.clear();
                assert_eq!(scans, whole.scans, "{way}: {of} {order}");
                assert_eq!(merged.catalog, whole.catalog, "{way}: {of} {order}");
                assert_eq!(merged.assertions, whole.assertions, "{way}: {of} {order}");
                assert!(sketches(&merged) == sketches(&whole), "{way}: {of} {order}");
                assert_eq!(merged.run.shards.as_ref().unwrap().missing(), [0; 0]);
                // As it is stored and read again.
                assert_eq!(Evidence::from_json(&merged.to_json().unwrap()).unwrap(), merged);
            }
        }
    }
}

#[tokio::test]
async fn shards_find_what_one_alone_finds() {
    let healthy = Database::with(&format!("{TREE}{MORE}")).await;
    let damaged = healthy.copy().await;
    damaged
        .execute(
            "update plain set v = 'other' where id in (77, 5000); delete from tree where id = 9; \
             alter table child_of drop constraint child_of_parent_fkey; \
             delete from parent where id in (3, 4); update toast set v = 'x' where id = 5",
        )
        .await;
    for way in WAYS {
        let plan = format!("{PLAN}{way}");
        let baseline = read(&healthy.url().await, &plan, None, None, None).await;
        let url = damaged.url().await;
        let (_holder, id) = hold(&url).await;
        let alone = read(&url, &plan, None, Some(&id), Some(&baseline)).await;
        let alone = Report::judge(&parse(&plan), &alone, Some(&baseline), &[]);
        assert!(ids(&alone).iter().any(|id| id.starts_with("content_drift:")), "{:?}", ids(&alone));
        let all = shards(&url, &plan, 3, Some(&id), Some(&baseline)).await;
        // Whichever is left out, nothing is proven; what the others found stands.
        for left_out in 0..all.len() {
            let some = all.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, one)| one.clone());
            let some = Evidence::merge(some).unwrap();
            let report = Report::judge(&parse(&plan), &some, Some(&baseline), &[]);
            assert_ne!(report.verdict, Verdict::Passed);
            let found = ids(&report);
            assert!(found.iter().all(|id| ids(&alone).contains(id)), "{found:?}");
            // Large tables have parts in every shard.
            let content = report.checks.iter().find(|check| check.id == "content_drift").unwrap();
            let has = |kind| content.unread.iter().any(|unread| unread.cause.kind == kind);
            assert!(has(CauseKind::OtherShard) || major().await < 14, "{:?}", content.unread);
        }
        let merged = Evidence::merge(all).unwrap();
        let report = Report::judge(&parse(&plan), &merged, Some(&baseline), &[]);
        assert_eq!(ids(&report), ids(&alone), "{way}");
        assert_eq!(report.verdict, Verdict::Failed);
        // The healthy one is silent.
        let url = healthy.url().await;
        let (_holder, id) = hold(&url).await;
        let merged = Evidence::merge(shards(&url, &plan, 3, Some(&id), Some(&baseline)).await).unwrap();
        let report = Report::judge(&parse(&plan), &merged, Some(&baseline), &[]);
        assert_eq!(ids(&report), ids(&Report::judge(&parse(&plan), &baseline, Some(&baseline), &[])));
        for id in ["content_drift", "row_counts"] {
            let check = report.checks.iter().find(|check| check.id == id).unwrap();
            assert_eq!(check.outcome, Outcome::Passed, "{check:#?}");
        }
    }
}

#[tokio::test]
async fn what_does_not_belong_together_is_not_put_together() {
    let database = Database::with(TREE).await;
    let other = database.copy().await;
    let url = database.url().await;
    let (holder, id) = hold(&url).await;
    let all = shards(&url, WAYS[0], 2, Some(&id), None).await;
    let refused = |all: Vec<&Evidence>| {
        let error = Evidence::merge(all.into_iter().cloned()).unwrap_err();
        (error.kind(), error.to_string())
    };
    assert_eq!(refused(Vec::new()).0, ErrorKind::Usage);
    let (kind, twice) = refused(vec![&all[0], &all[0]]);
    assert_eq!((kind, twice.contains("twice")), (ErrorKind::Usage, true), "{twice}");
    let third = read(&url, WAYS[0], Some(Shard::new(2, 3).unwrap()), Some(&id), None).await;
    let (kind, divisions) = refused(vec![&all[0], &third]);
    assert_eq!((kind, divisions.contains("divisions")), (ErrorKind::Usage, true), "{divisions}");
    let elsewhere = read(&other.url().await, WAYS[0], Some(Shard::new(2, 2).unwrap()), None, None).await;
    let (kind, databases) = refused(vec![&all[0], &elsewhere]);
    assert_eq!((kind, databases.contains("different databases")), (ErrorKind::Refused, true), "{databases}");
    // Once something is written, it is another state.
    holder.batch_execute("rollback").await.unwrap();
    database.execute("delete from plain where id = 1").await;
    let later = read(&url, WAYS[0], Some(Shard::new(2, 2).unwrap()), None, None).await;
    let (kind, states) = refused(vec![&all[0], &later]);
    assert_eq!((kind, states.contains("different states")), (ErrorKind::Refused, true), "{states}");
}

/// A standby that has replayed all that its primary did shows the same state.
#[tokio::test]
async fn a_primary_and_its_standby_share_the_work() {
    let pair = Pair::start(TREE, &[]).await;
    let (primary, replica) = (pair.primary.url("app"), pair.standby.url("app"));
    pair.catch_up().await;
    let whole = read(&primary, WAYS[0], None, None, None).await;
    let one = read(&primary, WAYS[0], Some(Shard::new(1, 2).unwrap()), None, None).await;
    let two = read(&replica, WAYS[0], Some(Shard::new(2, 2).unwrap()), None, None).await;
    assert!(two.run.in_recovery() && !one.run.in_recovery());
    let merged = Evidence::merge([two, one]).unwrap();
    for (table, scan) in &whole.scans.tables {
        let merged = &merged.scans.tables[table];
        assert_eq!((&merged.rows, &merged.content), (&scan.rows, &scan.content), "{table}");
    }
}
