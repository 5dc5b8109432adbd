//! Servers that only follow another one, and servers that only read.

use std::time::Duration;

use drcore::check::Outcome;
use drcore::evidence::CauseKind;
use drcore::report::TextOptions;
use drcore::{Against, Evidence, Report, Verdict, VerifyOptions, verify};
use drcore_tests::app::{APP, DAMAGE, FOUND, PLAN};
use drcore_tests::standby::Pair;
use drcore_tests::{Database, SUPABASE, check, ids, parse};

/// Rows that a standby does not have.
const UNLOGGED: &str = "
create unlogged table drafts (id int primary key, tenant_id int references tenants, created_at timestamptz);
alter table drafts enable row level security;
create policy own on drafts for select to authenticated using (tenant_id = 1);
insert into drafts values (1, 1, '2026-11-20T01:00:00Z');
";

async fn report(url: &str, then: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    options.against = Some(Against::Evidence(Box::new(then.clone())));
    verify(url, &options).await.unwrap()
}

/// What could not be read of a check, and why.
fn unread<'r>(report: &'r Report, id: &str) -> Vec<(&'r str, CauseKind)> {
    check(report, id).unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_proves_what_its_primary_does_but_for_sequences_and_unlogged_tables() {
    let pair = Pair::start(&format!("{SUPABASE}{APP}{UNLOGGED}"), &[]).await;
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    let then = drcore::baseline(&pair.primary.url("app"), &options).await.unwrap();
    pair.catch_up().await;

    let healthy = report(&pair.standby.url("app"), &then).await;
    assert_eq!(ids(&healthy), [""; 0]);
    let run = &healthy.run.evidence;
    assert_eq!((run.sessions, run.one_snapshot), (2, true), "{:?}", run.notes);
    let drafts = |object| vec![(object, CauseKind::Standby)];
    for (id, expected) in [
        ("assertions", vec![]),
        ("bucket_privacy", vec![]),
        ("freshness", drafts("public.drafts.created_at")),
        ("orphan_fks", drafts("public.drafts.tenant_id → public.tenants.id")),
        ("rls_coverage", vec![]),
        ("row_counts", drafts("public.drafts")),
        (
            "sequence_lag",
            vec![
                ("auth.refresh_tokens_id_seq", CauseKind::Standby),
                ("public.invoices_id_seq", CauseKind::Standby),
            ],
        ),
    ] {
        assert_eq!(unread(&healthy, id), expected, "{id}");
        let outcome = if expected.is_empty() { Outcome::Passed } else { Outcome::NotRun };
        assert_eq!(check(&healthy, id).outcome, outcome, "{id}");
        for unread in &check(&healthy, id).unread {
            let hint = unread.cause.hint.as_deref().unwrap_or_default();
            assert!(hint.contains("on the primary"), "{}: {hint}", unread.object);
        }
    }
    assert_eq!(healthy.verdict, Verdict::Unproven);

    // Without unlogged tables and sequences nothing is left to prove.
    pair.execute("drop table drafts").await;
    options.plan =
        parse(&format!("{PLAN}[[skip]]\ncheck = \"sequence_lag\"\nreason = \"looked at on the primary\"\n"));
    options.against = Some(Against::Evidence(Box::new(
        drcore::baseline(&pair.primary.url("app"), &options).await.unwrap(),
    )));
    assert_eq!(verify(&pair.standby.url("app"), &options).await.unwrap().verdict, Verdict::Passed);

    pair.execute(DAMAGE).await;
    options.plan = parse(PLAN);
    let damaged = verify(&pair.standby.url("app"), &options).await.unwrap();
    assert_eq!(ids(&damaged), FOUND);
    assert_eq!(ids(&verify(&pair.primary.url("app"), &options).await.unwrap()), FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_that_only_looks_ahead_on_a_standby_does_not_pass() {
    let pair = Pair::start("create table t (id int generated always as identity primary key)", &[]).await;
    let url = pair.standby.url("app");
    // The primary hands out 1 and logs 33; rows that were loaded go up to 20.
    pair.execute(
        "insert into t default values; insert into t overriding system value select generate_series(2, 20)",
    )
    .await;
    let then = drcore::baseline(&pair.primary.url("app"), &VerifyOptions::default()).await.unwrap();
    let primary = report(&pair.primary.url("app"), &then).await;
    let behind = ["sequence_lag:sequence_behind:public.t_id_seq"];
    assert_eq!(ids(&primary), behind);
    assert_eq!(pair.standby.query("select last_value from t_id_seq").await, "33");
    let standby = report(&url, &then).await;
    assert_eq!(ids(&standby), [""; 0]);
    assert_eq!(unread(&standby, "sequence_lag"), [("public.t_id_seq", CauseKind::Standby)]);
    assert_eq!(check(&standby, "sequence_lag").outcome, Outcome::NotRun);
    // Behind even so.
    pair.execute("insert into t overriding system value select generate_series(21, 60)").await;
    assert!(ids(&report(&url, &then).await).contains(&behind[0].to_owned()));
    // A baseline of the standby knows how far it had come at least.
    let then = drcore::baseline(&url, &VerifyOptions::default()).await.unwrap();
    assert_eq!(ids(&report(&pair.primary.url("app"), &then).await), behind);
    pair.execute("select setval('t_id_seq', 60)").await;
    assert_eq!(ids(&report(&pair.primary.url("app"), &then).await), [""; 0]);
}

/// Held up for a while by an assertion, so that something can happen meanwhile.
async fn slowly(pair: &Pair, then: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan =
        parse("[[assertions]]\nname = \"slow\"\nsql = \"select 1 from pg_sleep(2)\"\nexpect = \"rows\"\n");
    options.against = Some(Against::Evidence(Box::new(then.clone())));
    verify(&pair.standby.url("app"), &options).await.unwrap()
}

async fn sleeps(pair: &Pair) {
    let question =
        "select count(*) from pg_stat_activity where application_name = 'drcore' and wait_event = 'PgSleep'";
    while pair.standby.query(question).await != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_standby_cancels_is_read_again_or_unread_and_never_green() {
    let rows = "create table t (id int primary key); insert into t select generate_series(1, 1000);
                create table victims (id int primary key); insert into victims select generate_series(1, 1000)";
    let pair =
        Pair::start(rows, &[("max_standby_streaming_delay", "0"), ("wal_receiver_status_interval", "1")])
            .await;
    let then = drcore::baseline(&pair.primary.url("app"), &VerifyOptions::default()).await.unwrap();
    pair.catch_up().await;
    // Rows that the standby's snapshot sees are vacuumed away; what is read again does not hold them.
    let conflict = "delete from victims where id = (select max(id) from victims)";
    let vacuum = async || {
        pair.primary.execute("app", conflict).await.unwrap();
        pair.primary.execute("app", "vacuum victims").await.unwrap();
    };

    let (once, ()) = tokio::join!(slowly(&pair, &then), async {
        sleeps(&pair).await;
        vacuum().await;
    });
    assert_eq!(
        ids(&once),
        ["content_drift:rows_differ:public.victims", "row_counts:fewer_rows:public.victims"],
        "{:#?}",
        once.run
    );
    assert_eq!(check(&once, "assertions").outcome, Outcome::Passed, "{:?}", check(&once, "assertions"));
    assert!(
        once.run.evidence.notes.iter().any(|note| note.contains("read again")),
        "{:?}",
        once.run.evidence.notes
    );

    let always = tokio::select! {
        report = slowly(&pair, &then) => report,
        () = async { loop {
            vacuum().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        } } => unreachable!(),
    };
    assert_ne!(check(&always, "assertions").outcome, Outcome::Passed);
    let failure = always.run.evidence.failure.clone().unwrap();
    assert_eq!(failure.sqlstate.as_deref(), Some("40001"), "{failure:?}");
    assert!(failure.hint.as_ref().unwrap().contains("hot_standby_feedback"), "{failure:?}");
    let cause = &check(&always, "assertions").unread[0].cause;
    assert_eq!(cause.kind, CauseKind::Standby, "{cause:?}");
    assert!(cause.hint.as_ref().unwrap().contains("on the primary"), "{cause:?}");
}

#[tokio::test]
async fn servers_that_only_read_are_read() {
    let database = Database::supabase().await;
    database.execute(APP).await;
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    let then = database.untouched(drcore::baseline(&database.url().await, &options)).await.unwrap();
    database
        .execute(&format!("alter database {} set default_transaction_read_only = on", database.name))
        .await;
    options.against = Some(Against::Evidence(Box::new(then)));
    let healthy = database.untouched(verify(&database.url().await, &options)).await.unwrap();
    // But that it only reads, which is told.
    let own = "schema_drift:object_added:default_transaction_read_only of the database:setting";
    let found = |report: &Report| ids(report).into_iter().filter(|id| id != own).collect::<Vec<_>>();
    assert_eq!((healthy.verdict, found(&healthy)), (Verdict::Passed, Vec::new()));
    assert_eq!(healthy.run.evidence.sessions, 2, "the snapshot is shared");
    database.execute(&format!("begin read write; {DAMAGE}; commit")).await;
    assert_eq!(found(&database.untouched(verify(&database.url().await, &options)).await.unwrap()), FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_says_that_it_is_a_standby_and_how_far_behind() {
    let pair = Pair::start("create table t (id int primary key)", &[]).await;
    let then = drcore::baseline(&pair.primary.url("app"), &VerifyOptions::default()).await.unwrap();
    assert!(then.run.standby.is_none());
    pair.catch_up().await;
    let url = pair.standby.url("app");

    let caught_up = report(&url, &then).await;
    let standby = caught_up.run.evidence.standby.clone().unwrap();
    assert!(standby.is_caught_up(), "{standby:?}");
    assert_eq!(standby.lag_bytes, Some(0));
    assert!(caught_up.to_text(TextOptions::default()).contains("standby, 0 s behind"));
    assert!(caught_up.to_markdown().contains("standby, 0 s behind"));

    // As a role that may not see where the receiver stands.
    pair.execute("create role st_reader login").await;
    let reader = report(&pair.standby.url_as("st_reader", "app"), &then).await;
    assert!(reader.run.evidence.standby.unwrap().is_caught_up());

    // Where the server does not tell, as some hosted ones do not.
    pair.execute("revoke execute on function pg_is_wal_replay_paused() from public").await;
    let untold = report(&pair.standby.url_as("st_reader", "app"), &then).await;
    assert!(untold.run.evidence.standby.is_none() && untold.run.evidence.failure.is_none());
    let text = untold.to_text(TextOptions::default());
    assert!(text.contains("standby, how far behind is not known"), "{text}");
    assert!(text.contains("the standby may be behind"), "{text}");
    assert!(untold.run.evidence.notes.iter().any(|note| note.contains("permission denied")));

    pair.standby.query("select pg_wal_replay_pause()").await;
    pair.primary.execute("app", "insert into t values (1)").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let paused = report(&url, &then).await;
    let standby = paused.run.evidence.standby.clone().unwrap();
    assert!(standby.paused && standby.receiving && !standby.is_caught_up(), "{standby:?}");
    assert!(standby.lag_ms.unwrap() >= 1_000 && standby.lag_bytes.unwrap() > 0, "{standby:?}");
    let text = paused.to_text(TextOptions::default());
    assert!(text.contains("standby, replay is paused, "), "{text}");
    assert!(text.contains("may only not have arrived yet"), "{text}");
    assert!(paused.to_markdown().contains("may only not have arrived yet"));
    pair.standby.query("select pg_wal_replay_resume()").await;
    pair.catch_up().await;
    assert!(report(&url, &then).await.run.evidence.standby.unwrap().is_caught_up());
}
