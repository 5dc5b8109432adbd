use drcore::check::{Outcome, Reason};
use drcore::evidence::{CauseKind, Evidence};
use drcore::remedy::Remedy;
use drcore::{Finding, Report, Severity, Verdict};
use drcore_tests::{Database, check, ids, parse};

const SCRIPT: &str = include_str!("sequence_lag.sql");

/// The ids of this check's findings.
fn found(report: &Report) -> Vec<String> {
    ids(report).into_iter().filter(|id| id.starts_with("sequence_lag:")).collect()
}

async fn baseline_of(database: &Database) -> Evidence {
    database.evidence(&parse(""), None).await
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let baseline = baseline_of(&healthy).await;
    for then in [None, Some(&baseline)] {
        let report = healthy.report("", then).await;
        assert_eq!(found(&report), [""; 0]);
        let result = check(&report, "sequence_lag");
        assert_eq!(result.outcome, Outcome::Passed, "{:?}", result.unread);
        // Two feed nothing that is known: without a baseline there is nothing to hold them against.
        let sequences = if then.is_some() { 17 } else { 15 };
        assert_eq!((result.examined["sequences"], result.examined["columns"]), (sequences, 16));
    }
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline_of(&healthy).await;
    let absolute = [
        "sequence_lag:sequence_behind:\"we.ird\".\"We\"\"ird_I d_seq\"",
        "sequence_lag:sequence_behind:public.countdown_id_seq",
        "sequence_lag:sequence_behind:public.document_number",
        "sequence_lag:sequence_behind:public.films_seq",
        "sequence_lag:sequence_behind:public.invoices_id_seq",
        "sequence_lag:sequence_behind:public.odd_id_seq",
        "sequence_lag:sequence_behind:public.partitioned_id_seq",
        "sequence_lag:sequence_behind:public.positions_place_seq",
        "sequence_lag:sequence_behind:public.tasks_id_seq",
        "sequence_lag:sequence_near_exhaustion:public.small_id_seq",
        "sequence_lag:sequence_near_exhaustion:public.wide",
    ];
    assert_eq!(found(&damaged.report("", None).await), absolute);

    let report = damaged.report("", Some(&baseline)).await;
    let mut with_baseline: Vec<&str> = absolute.to_vec();
    with_baseline.extend([
        "sequence_lag:missing_sequence:public.orphaned",
        "sequence_lag:missing_sequence:public.renamed_id_seq",
        "sequence_lag:sequence_went_back:public.receipts",
        "sequence_lag:unfed_column:public.defaultless.id",
    ]);
    with_baseline.sort_unstable();
    assert_eq!(found(&report), with_baseline);
    assert_eq!(report.verdict, Verdict::Failed);

    let by_id = |id: &str| {
        let id = format!("sequence_lag:{id}");
        report.findings().into_iter().find(|finding| finding.id() == id).cloned().unwrap()
    };
    let invoices = by_id("sequence_behind:public.invoices_id_seq");
    assert_eq!(invoices.severity(), Severity::Critical);
    assert_eq!(
        invoices.common().message,
        "the next value is 1,201, public.invoices.id already goes up to 1,204 (max): inserts will fail"
    );
    let Finding::SequenceBehind(invoices) = invoices else { panic!() };
    assert_eq!((invoices.next.as_str(), invoices.columns["public.invoices.id"].as_str()), ("1201", "1204"));
    // No constraint refuses these: the numbers double.
    for id in ["sequence_behind:public.positions_place_seq", "sequence_behind:public.partitioned_id_seq"] {
        assert_eq!(by_id(id).severity(), Severity::Warning);
    }
    assert_eq!(by_id("sequence_near_exhaustion:public.small_id_seq").severity(), Severity::Warning);
    assert_eq!(by_id("sequence_near_exhaustion:public.wide").severity(), Severity::Critical);
    // Another sequence feeds the column: nothing is lost.
    assert_eq!(by_id("missing_sequence:public.renamed_id_seq").severity(), Severity::Info);
    assert_eq!(by_id("missing_sequence:public.orphaned").severity(), Severity::Warning);
}

#[tokio::test]
async fn the_remedies_put_it_right_and_are_harmless_twice() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline_of(&healthy).await;
    let report = damaged.report("", Some(&baseline)).await;
    for _ in 0..2 {
        for finding in report.findings() {
            if let Some(Remedy::Sql(remedy)) = &finding.common().remedy {
                damaged.execute(&remedy.statements.join(";\n")).await;
            }
        }
        let after = damaged.report("", Some(&baseline)).await;
        assert_eq!(
            found(&after),
            [
                "sequence_lag:missing_sequence:public.orphaned",
                "sequence_lag:missing_sequence:public.renamed_id_seq",
                "sequence_lag:sequence_near_exhaustion:public.small_id_seq",
                "sequence_lag:sequence_near_exhaustion:public.wide",
            ]
        );
        // Whatever the case, the very next insert works.
        damaged
            .execute(
                "begin; insert into invoices default values; insert into tasks default values; \
                 insert into films default values; insert into letters default values; \
                 insert into memos default values; insert into countdown default values; \
                 insert into odd default values; insert into defaultless default values; \
                 do $$ begin \
                   assert (select max(id) from invoices) = 1205, 'invoices'; \
                   assert (select max(number) from memos) = 14, 'memos'; \
                   assert (select min(id) from countdown) = -11, 'countdown'; \
                   assert (select max(id) from odd) = 21, 'odd'; \
                 end $$; rollback",
            )
            .await;
        // The rollback takes back the rows and not the numbers.
        damaged.execute("select setval('invoices_id_seq', 1205, false), setval('document_number', 13, false), setval('countdown_id_seq', -11, false), setval('odd_id_seq', 21, false)").await;
    }
}

#[tokio::test]
async fn numbers_of_lost_rows_are_not_given_to_others() {
    let healthy = Database::with(
        "create table contracts (id bigserial primary key); insert into contracts select from generate_series(1, 100);
         create table quiet (id bigserial primary key); insert into quiet select from generate_series(1, 100);
         delete from quiet where id > 90;",
    )
    .await;
    let baseline = baseline_of(&healthy).await;
    // Restored to an earlier point: rows and sequence went back together.
    let restored = healthy.copy().await;
    restored
        .execute(
            "delete from contracts where id > 80; select setval('contracts_id_seq', 80), setval('quiet_id_seq', 95)",
        )
        .await;
    let report = restored.report("", Some(&baseline)).await;
    let ids = [
        "sequence_lag:sequence_went_back:public.contracts_id_seq",
        "sequence_lag:sequence_went_back:public.quiet_id_seq",
    ];
    assert_eq!(found(&report), ids);
    let severity = |report: &Report, id: &str| {
        report.findings().into_iter().find(|finding| finding.id() == id).map(Finding::severity)
    };
    assert_eq!(severity(&report, ids[0]), Some(Severity::Warning));
    // No row of `quiet` had the numbers 96 to 100 when the baseline was taken.
    assert_eq!(severity(&report, ids[1]), Some(Severity::Info));
    // From the beginning again: that was no busy source.
    let reset = healthy.copy().await;
    reset.execute("delete from quiet; select setval('quiet_id_seq', 1, false)").await;
    let report = reset.report("", Some(&baseline)).await;
    assert_eq!(found(&report), [ids[1]]);
    assert_eq!(severity(&report, ids[1]), Some(Severity::Warning));
    for (_, _, fix) in report.fixes() {
        reset.execute(&fix.statements.join(";\n")).await;
    }
    assert_eq!(reset.query("select nextval('quiet_id_seq')").await, ["101"]);
    // Behind the rows that are left: put right beyond those that are lost, or it would only have gone back.
    let both = healthy.copy().await;
    both.execute("delete from contracts where id > 80; select setval('contracts_id_seq', 50)").await;
    let report = both.report("", Some(&baseline)).await;
    assert_eq!(found(&report), ["sequence_lag:sequence_behind:public.contracts_id_seq"]);
    for (_, _, fix) in report.fixes() {
        both.execute(&fix.statements.join(";\n")).await;
    }
    assert_eq!(found(&both.report("", Some(&baseline)).await), [""; 0]);
    // Deleting the newest rows leaves the sequence where it was.
    let deleted = healthy.copy().await;
    deleted.execute("delete from contracts where id > 80").await;
    assert_eq!(found(&deleted.report("", Some(&baseline)).await), [""; 0]);
}

#[tokio::test]
async fn expressions_are_unread_without_a_baseline_and_compared_with_one() {
    let database = Database::with(
        "create sequence s; create table codes (code text primary key default 'INV-' || nextval('s'), \
         n bigint default nextval('s') * 10); insert into codes default values;",
    )
    .await;
    let report = database.report("", None).await;
    let result = check(&report, "sequence_lag");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    let unread: Vec<&str> = result.unread.iter().map(|unread| unread.object.as_str()).collect();
    assert_eq!(unread, ["public.codes.code (fed by public.s)", "public.codes.n (fed by public.s)"]);
    assert_eq!(result.unread[0].cause.kind, CauseKind::Unsupported);
    // What it makes of them is not known, but that it goes on where it was.
    let baseline = baseline_of(&database).await;
    let report = database.report("", Some(&baseline)).await;
    let result = check(&report, "sequence_lag");
    assert_eq!((result.outcome, result.examined["sequences"]), (Outcome::Passed, 1), "{:?}", result.unread);
    database.execute("select setval('s', 1)").await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(found(&report), ["sequence_lag:sequence_went_back:public.s"]);
    assert_eq!(report.findings()[0].severity(), Severity::Warning);
    database.execute("select setval('s', 7)").await;
    assert_eq!(found(&database.report("", Some(&baseline)).await), [""; 0]);
}

#[tokio::test]
async fn domains_precision_and_unique_indexes_count() {
    let database = Database::with(
        "create domain key as int; create domain short_key as key; create domain code as numeric(3);
         create sequence a; create table ta (id short_key primary key default nextval('a'));
         create sequence b; create table tb (id code unique default nextval('b'));
         create sequence c; create table tc (id numeric(4) default nextval('c')); create unique index on tc (id) include (id);
         create sequence d; create table td (id int default nextval('d')); create unique index on td (id) where id > 0;
         create unique index on td ((id + 1));
         insert into ta select nextval('a') from generate_series(1, 9);
         insert into tb select nextval('b') from generate_series(1, 9);
         insert into tc select nextval('c') from generate_series(1, 9);
         insert into td select nextval('d') from generate_series(1, 9);",
    )
    .await;
    let report = database.report("", None).await;
    let result = check(&report, "sequence_lag");
    assert_eq!((result.outcome, result.examined["columns"]), (Outcome::Passed, 4), "{:?}", result.unread);
    database.execute("select setval('a', 5), setval('b', 950), setval('c', 9999), setval('d', 5)").await;
    let report = database.report("", None).await;
    assert_eq!(
        found(&report),
        [
            "sequence_lag:sequence_behind:public.a",
            "sequence_lag:sequence_behind:public.d",
            "sequence_lag:sequence_near_exhaustion:public.b",
            "sequence_lag:sequence_near_exhaustion:public.c",
        ]
    );
    let by_id = |id: &str| report.findings().into_iter().find(|finding| finding.id() == id).unwrap().clone();
    assert_eq!(by_id("sequence_lag:sequence_behind:public.a").severity(), Severity::Critical);
    assert_eq!(by_id("sequence_lag:sequence_behind:public.d").severity(), Severity::Warning);
    let Finding::SequenceNearExhaustion(c) = by_id("sequence_lag:sequence_near_exhaustion:public.c") else {
        panic!()
    };
    assert_eq!((c.left.as_str(), c.last.as_str()), ("0", "9999"));
    database.execute("select setval('c', 5)").await;
    let report = database.report("", None).await;
    let Some(Finding::SequenceBehind(c)) =
        report.findings().into_iter().find(|finding| finding.id() == "sequence_lag:sequence_behind:public.c")
    else {
        panic!()
    };
    assert!(c.inserts_fail, "a unique index refuses them as a constraint does");
}

#[tokio::test]
async fn a_sequence_that_is_only_left_over_is_behind_nothing() {
    let database = Database::with(
        "create table a (id serial primary key); insert into a select from generate_series(1, 5);
         alter table a alter id drop default, alter id add generated by default as identity (start 6);
         insert into a select from generate_series(1, 50);
         create table b (id bigserial primary key); alter table b alter id drop default;
         insert into b values (7123456789012345);
         create table c (id serial primary key); create sequence c_new;
         alter table c alter id set default nextval('c_new'); insert into c select from generate_series(1, 100);
         create table d (id serial primary key); alter table d alter id set default 0; insert into d values (9);
         create table e (\"it's\" serial primary key); insert into e select from generate_series(1, 9);",
    )
    .await;
    let baseline = baseline_of(&database).await;
    for then in [None, Some(&baseline)] {
        let report = database.report("", then).await;
        assert_eq!(found(&report), [""; 0]);
        let result = check(&report, "sequence_lag");
        assert_eq!((result.outcome, result.examined["columns"]), (Outcome::Passed, 3), "{:?}", result.unread);
    }
    // Those that are drawn on are compared all the same.
    database.execute("select setval('a_id_seq1', 7), setval('c_new', 7), setval('\"e_it''s_seq\"', 7)").await;
    assert_eq!(
        found(&database.report("", None).await),
        [
            "sequence_lag:sequence_behind:public.\"e_it's_seq\"",
            "sequence_lag:sequence_behind:public.a_id_seq1",
            "sequence_lag:sequence_behind:public.c_new",
        ]
    );
}

#[tokio::test]
async fn what_has_nothing_to_be_held_against_is_not_passed() {
    // Called by the application, by a name that the catalog does not know, and by a partition alone.
    let database = Database::with(
        "create sequence invoice_no; create table inv (no bigint unique);
         insert into inv select generate_series(1, 500);
         create sequence late; create table t (id int primary key default nextval('late'::text::regclass));
         insert into t select generate_series(1, 10);
         create table m (id int not null, k int) partition by list (k); create table m1 (id serial primary key, k int);
         alter table m attach partition m1 for values in (1); insert into m1 (k) select 1 from generate_series(1, 20);",
    )
    .await;
    let report = database.report("", None).await;
    let result = check(&report, "sequence_lag");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::NoExpectation)), "{result:?}");
    assert!(result.examined.is_empty());
    let baseline = baseline_of(&database).await;
    let report = database.report("", Some(&baseline)).await;
    let result = check(&report, "sequence_lag");
    assert_eq!((result.outcome, result.examined["sequences"]), (Outcome::Passed, 3));
}

#[tokio::test]
async fn a_constant_feeds_no_column() {
    let database = Database::with(
        "create table t (id serial primary key); insert into t default values;
         create table u (id serial primary key); alter table u alter id set default 0;",
    )
    .await;
    let baseline = baseline_of(&database).await;
    database.execute("alter table t alter id set default 0").await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(found(&report), ["sequence_lag:unfed_column:public.t.id"]);
    let finding = report.findings().into_iter().find(|finding| finding.kind() == "unfed_column").unwrap();
    assert_eq!(finding.severity(), Severity::Critical);
    assert!(finding.common().message.contains("constant"), "{}", finding.common().message);
    for (_, _, fix) in report.fixes() {
        database.execute(&fix.statements.join(";\n")).await;
    }
    assert_eq!(found(&database.report("", Some(&baseline)).await), [""; 0]);
}

#[tokio::test]
async fn one_sequence_without_privilege_hides_no_other() {
    let (_, damaged) = super::twins(SCRIPT).await;
    damaged
        .execute(
            "create role lag_reader login; grant usage on schema public, \"we.ird\" to lag_reader; \
             grant select on all tables in schema public, \"we.ird\" to lag_reader; \
             grant select on all sequences in schema public, \"we.ird\" to lag_reader; \
             revoke select on sequence invoices_id_seq, receipts from lag_reader; \
             revoke select on table tasks from lag_reader",
        )
        .await;
    let source = drcore::Source::connect(&damaged.url_as("lag_reader").await).await.unwrap();
    let plan = parse("");
    let evidence =
        drcore::collect::collect(&source, &plan, None, &drcore::collect::CollectOptions::default())
            .await
            .unwrap();
    let report = plan.judge(&evidence, None);
    let result = check(&report, "sequence_lag");
    let unread: Vec<(&str, CauseKind)> =
        result.unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect();
    assert_eq!(
        unread,
        [
            ("public.invoices_id_seq", CauseKind::Permission),
            ("public.receipts", CauseKind::Permission),
            ("public.tasks.id", CauseKind::Permission),
        ]
    );
    assert!(found(&report).contains(&"sequence_lag:sequence_behind:public.films_seq".to_owned()));
}

#[tokio::test]
async fn without_sequences_it_does_not_apply() {
    let database = Database::with("create table t (id uuid primary key)").await;
    let report = database.report("", None).await;
    assert_eq!(check(&report, "sequence_lag").reason, Some(Reason::NotApplicable));
}

#[tokio::test]
async fn the_plan_sets_the_threshold() {
    let database = Database::with("create sequence s maxvalue 100; select setval('s', 80)").await;
    assert_eq!(found(&database.report("", None).await), [""; 0]);
    let report = database.report("[sequence_lag]\nmax_used_percent = 75\n", None).await;
    assert_eq!(found(&report), ["sequence_lag:sequence_near_exhaustion:public.s"]);
}
