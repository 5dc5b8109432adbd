use drcore::check::{Outcome, Reason};
use drcore::finding::Severity;
use drcore::remedy::Remedy;
use drcore::{Finding, Report, Verdict};
use drcore_tests::{Database, SAMPLE, check, parse};

const SCRIPT: &str = include_str!("bucket_privacy.sql");

async fn twins() -> (Database, Database) {
    let (healthy, damage) = SCRIPT.split_once("-- damage\n").unwrap();
    let database = Database::supabase().await;
    database.execute(healthy).await;
    let damaged = database.copy().await;
    damaged.execute(damage).await;
    (database, damaged)
}

/// Every finding with the first letter of its severity, without the check's name.
fn found(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = check(report, "bucket_privacy")
        .findings
        .iter()
        .map(|finding| {
            let id = finding.id().strip_prefix("bucket_privacy:").unwrap();
            format!("{} {id}", &finding.severity().as_str()[..1])
        })
        .collect();
    found.sort();
    found
}

const HEALTHY: &[&str] = &[
    "i broad_object_policy:storage.objects:\"list logos\"",
    "i broad_object_policy:storage.objects:\"staff scans\"",
    "i bucket_flag_null:undecided",
];

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = healthy.restored().await.report("", Some(&baseline)).await;
    assert_eq!(found(&report), HEALTHY);
    let check = check(&report, "bucket_privacy");
    assert_eq!(check.outcome, Outcome::Passed);
    assert_eq!((check.examined["buckets"], check.examined["policies"], check.examined["tables"]), (6, 7, 2));
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    assert_eq!(
        found(&report),
        [
            "c broad_object_policy:storage.objects:\"staff scans\"",
            "c bucket_public:documents",
            "c missing_bucket:Exports 2026",
            "c policy_lost:storage.objects:fence",
            "c storage_rls_disabled:storage.buckets",
            "i broad_object_policy:storage.objects:\"list logos\"",
            "i bucket_flag_null:undecided",
            "i unknown_bucket:spare",
            "w broad_object_policy:storage.objects:\"delete own\"",
            "w broad_object_policy:storage.objects:\"upload for all\"",
            "w bucket_limits_changed:avatars",
            "w bucket_private:avatars",
            "w policy_added:storage.objects:\"upload for all\"",
            "w policy_changed:storage.objects:\"staff scans\"",
            "w policy_lost:storage.buckets:\"know buckets\"",
            "w policy_lost:storage.objects:\"own documents\"",
            "w unknown_bucket:leak",
        ]
    );
    // rls_coverage leaves these tables alone.
    let twice = &check(&report, "rls_coverage").findings;
    assert!(twice.iter().all(|finding| !finding.common().object.starts_with("storage.")), "{twice:#?}");
}

#[tokio::test]
async fn the_remedies_put_it_right_and_the_queries_run() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    for finding in &check(&report, "bucket_privacy").findings {
        if let Some(query) = &finding.common().query {
            assert!(!damaged.query(query).await.is_empty() || finding.kind() != "bucket_public", "{query}");
        }
        if let Some(Remedy::Sql(remedy)) = &finding.common().remedy {
            damaged.execute(&remedy.statements.join(";\n")).await;
        }
    }
    let mut left = found(&damaged.report("", Some(&baseline)).await);
    left.retain(|finding| !HEALTHY.contains(&finding.as_str()));
    assert_eq!(left, ["i unknown_bucket:spare", "w unknown_bucket:leak"]);
}

#[tokio::test]
async fn the_plan_goes_before_the_baseline() {
    let (healthy, damaged) = twins().await;
    let plan = "[bucket_privacy.buckets]\ndocuments = \"public\"\navatars = { public = false, allowed_mime_types = \
                [\"text/html\", \"image/png\"] }\nnowhere = \"private\"\nlogos = \"private\"\n";
    let baseline = healthy.evidence(&parse(""), None).await;
    let of_buckets = |report: &Report| -> Vec<String> {
        found(report)
            .into_iter()
            .filter(|finding| finding.contains("bucket:") || finding.contains("bucket_"))
            .collect()
    };
    assert_eq!(
        of_buckets(&damaged.report(plan, Some(&baseline)).await),
        [
            "c bucket_public:logos",
            "c missing_bucket:Exports 2026",
            "c missing_bucket:nowhere",
            "i bucket_flag_null:undecided",
            "i unknown_bucket:spare",
            // Its size limit is the baseline's to say.
            "w bucket_limits_changed:avatars",
            "w unknown_bucket:leak",
        ]
    );
    // Without a baseline the plan is all there is.
    assert_eq!(
        of_buckets(&healthy.report("[bucket_privacy.buckets]\ndocuments = \"private\"\n", None).await),
        [
            "i bucket_flag_null:undecided",
            "i unknown_bucket:Exports 2026",
            "i unknown_bucket:scans",
            "i unknown_bucket:undecided",
            "w unknown_bucket:avatars",
            "w unknown_bucket:logos",
        ]
    );
}

#[tokio::test]
async fn without_plan_or_baseline_only_what_is_wrong_by_itself_is_found() {
    let sample = Database::supabase().await;
    sample.execute(SAMPLE).await;
    sample
        .execute("insert into storage.buckets (id, name, public) values ('documents', 'documents', false)")
        .await;
    let report = sample.report("", None).await;
    assert_eq!(found(&report), [""; 0]);
    assert_eq!(check(&report, "bucket_privacy").reason, Some(Reason::NoExpectation));
    assert!(!check(&report, "bucket_privacy").counts);
    sample
        .execute("create policy leak on storage.objects for all to public using (true); alter table storage.objects disable row level security")
        .await;
    let report = sample.report("", None).await;
    assert_eq!(
        found(&report),
        ["c broad_object_policy:storage.objects:leak", "c storage_rls_disabled:storage.objects"]
    );
}

#[tokio::test]
async fn a_database_without_storage_has_nothing_to_judge() {
    let plain = Database::with("create table t (id int)").await;
    let baseline = plain.evidence(&parse(""), None).await;
    for then in [None, Some(&baseline)] {
        let report = plain.report("", then).await;
        assert_eq!(check(&report, "bucket_privacy").reason, Some(Reason::NotApplicable));
    }
    // What the plan or the baseline had is gone.
    let report = plain.report("[bucket_privacy.buckets]\ndocuments = \"private\"\n", None).await;
    assert_eq!(found(&report), ["c missing_bucket:documents"]);
    let (healthy, _) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = plain.report("", Some(&baseline)).await;
    assert_eq!(found(&report).len(), 6, "{:?}", found(&report));
}

#[tokio::test]
async fn buckets_that_cannot_be_read_are_unread() {
    let (healthy, _) = twins().await;
    let role = "bucket_privacy_reader";
    healthy.execute(&format!("create role {role} login")).await;
    let plan = "[bucket_privacy.buckets]\ndocuments = \"private\"\n";
    let source = drcore::Source::connect(&healthy.url_as(role).await).await.unwrap();
    let plan = parse(plan);
    let options = drcore::collect::CollectOptions::default();
    let evidence = drcore::collect::collect(&source, &plan, None, &options).await.unwrap();
    let report = plan.judge(&evidence, None);
    let check = check(&report, "bucket_privacy");
    assert_eq!(check.outcome, Outcome::NotRun);
    assert_eq!(check.unread[0].object, "storage.buckets");
    assert_ne!(report.verdict, Verdict::Passed);
    let critical = check.findings.iter().filter(|finding| finding.severity() == Severity::Critical);
    assert_eq!(critical.map(Finding::id).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn what_the_baseline_opened_just_the_same_is_told() {
    let database = Database::supabase().await;
    database
        .execute(
            "insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
             create policy open on storage.objects for select to anon using (bucket_id = 'documents')",
        )
        .await;
    let id = "broad_object_policy:storage.objects:open";
    assert_eq!(found(&database.report("", None).await), [format!("c {id}")]);
    let baseline = database.evidence(&parse(""), None).await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(found(&report), [format!("i {id}")]);
    assert!(check(&report, "bucket_privacy").findings[0].common().message.ends_with("as in the baseline"));
    // It lets in more.
    database.execute("alter policy open on storage.objects to anon, authenticated").await;
    let more = found(&database.report("", Some(&baseline)).await);
    assert_eq!(more, [format!("c {id}"), "w policy_changed:storage.objects:open".to_owned()]);
}
