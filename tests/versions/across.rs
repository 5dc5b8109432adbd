//! From the oldest server to the newest: a baseline of the one, held against the other.
//!
//! `scripts/test majors` names their programs, in `DRCORE_PG_BIN_13` and `DRCORE_PG_BIN_18`.

use std::collections::BTreeSet;
use std::process::Command;

use drcore::drill::sample_plan;
use drcore::restore::{ScratchCluster, ScratchOptions, Tools};
use drcore::{Against, Evidence, Finding, Report, Severity, Verdict, VerifyOptions, verify};
use drcore_tests::{SAMPLE, SUPABASE, ids};

const DATA: &str = include_str!("../../crates/drcore/src/drill/sample/data.sql");
const DISASTER: &str = include_str!("../../crates/drcore/src/drill/sample/disaster.sql");

/// What versions before 14 write as calls of functions, and later ones as SQL does.
const POLICIES: &str = "
create policy \"written in two ways\" on public.plans for select to authenticated
  using (extract(year from now()) > 2000 and now() at time zone 'UTC' > '2000-01-01' and position('x' in code) = 0
         and trim(both from code) <> '');
create policy \"written in one way\" on public.plans for select to authenticated
  using (code in ('free', 'pro') and exists (select from public.tenants t where t.slug = plans.code)
         and (select auth.uid()) is not null);
";

async fn cluster(major: u32) -> ScratchCluster {
    let name = format!("DRCORE_PG_BIN_{major}");
    let directory =
        std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test majors"));
    let mut options = ScratchOptions::default();
    options.tools = Some(Tools::at(directory).await.unwrap());
    let cluster = ScratchCluster::start(options).await.unwrap();
    let evidence = baseline(&cluster, "postgres").await;
    assert_eq!(evidence.major(), Some(major), "{name}");
    cluster
}

async fn run(cluster: &ScratchCluster, database: &str, scripts: &[&str]) {
    cluster.create_database(database).await.unwrap();
    for sql in scripts {
        cluster.execute(database, sql).await.unwrap();
    }
}

async fn baseline(cluster: &ScratchCluster, database: &str) -> Evidence {
    let mut options = VerifyOptions::default();
    options.plan = sample_plan().unwrap();
    drcore::baseline(&cluster.url(database), &options).await.unwrap()
}

async fn report(cluster: &ScratchCluster, database: &str, against: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = sample_plan().unwrap();
    options.against = Some(Against::Evidence(Box::new(against.clone())));
    verify(&cluster.url(database), &options).await.unwrap()
}

/// Dumps with the newer one's program, and restores with it.
async fn restore(from: &ScratchCluster, to: &ScratchCluster, database: &str) {
    to.create_database(database).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(to.tools().directory.join(program)).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let path = file.path().to_str().unwrap();
    run("pg_dump", &["--format=custom", "--file", path, &from.url(database)]);
    run("pg_restore", &["--exit-on-error", "--dbname", &to.url(database), path]);
}

fn bad(report: &Report) -> Vec<String> {
    let bad = report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
    bad.map(|finding| finding.id().to_owned()).collect()
}

#[tokio::test]
#[ignore = "takes two servers: scripts/test majors"]
async fn a_dump_of_the_oldest_is_whole_on_the_newest_and_damage_to_it_is_found() {
    let (old, new) = (cluster(13).await, cluster(18).await);
    run(&old, "app", &[SUPABASE, SAMPLE, DATA, POLICIES]).await;
    let then = baseline(&old, "app").await;
    // Dumps of a database hold no roles.
    run(&new, "roles", &[SUPABASE]).await;
    restore(&old, &new, "app").await;

    let healthy = report(&new, "app", &then).await;
    assert_eq!(bad(&healthy), [""; 0]);
    assert_eq!(healthy.verdict, Verdict::Passed, "{:#?}", healthy.checks);
    assert_eq!(healthy.notes, [""; 0]);
    let unread: Vec<_> = healthy.checks.iter().flat_map(|check| &check.unread).collect();
    assert!(unread.is_empty(), "{unread:#?}");

    for seed in [1, 7] {
        let copy = format!("copy_{seed}");
        new.execute("postgres", &format!("create database {copy} template app")).await.unwrap();
        let damage = format!(
            "set drcore.seed = {seed};\n{DISASTER};\ncreate table public.damage as select * from pg_temp.damage_log"
        );
        new.execute(&copy, &damage).await.unwrap();
        let damaged = report(&new, &copy, &then).await;
        let found: BTreeSet<String> = ids(&damaged).into_iter().collect();
        let logged = Command::new(new.tools().directory.join("psql"))
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"])
            .args(["select distinct unnest(finding_ids) from public.damage", &new.url(&copy)])
            .output()
            .unwrap();
        let logged = String::from_utf8(logged.stdout).unwrap();
        let missed: Vec<&str> = logged.lines().filter(|id| !found.contains(*id)).collect();
        assert!(
            logged.lines().count() > 10 && missed.is_empty(),
            "seed {seed}, missed: {missed:?} of {logged}"
        );
        assert_eq!(damaged.verdict, Verdict::Failed);
    }
}

/// The same statements on both, as migrations run them. What remains is what the servers write differently, and that
/// is said.
#[tokio::test]
#[ignore = "takes two servers: scripts/test majors"]
async fn the_same_statements_on_both_differ_in_nothing_but_how_they_are_written() {
    let (old, new) = (cluster(13).await, cluster(18).await);
    for server in [&old, &new] {
        run(server, "app", &[SUPABASE, SAMPLE, DATA, POLICIES]).await;
    }
    for (now, then) in [(&new, &old), (&old, &new)] {
        let report = report(now, "app", &baseline(then, "app").await).await;
        let changed = "rls_coverage:policy_changed:public.plans:\"written in two ways\"";
        // On the older one, the view of the sample cannot read with the eyes of who asks, and is shut to the API;
        // and there everybody may create in public.
        let expected = |id: &String| {
            if now.tools().directory == new.tools().directory {
                id.starts_with("rls_coverage:exposure_widened:public.open_invoices:")
            } else {
                id.starts_with("rls_coverage:exposure_narrowed:public.open_invoices:")
                    || id.starts_with("rls_coverage:exposure_widened:public:")
            }
        };
        let (told, others): (Vec<String>, Vec<String>) = bad(&report).into_iter().partition(expected);
        assert_eq!(others, [changed]);
        assert!(told.len() >= 2, "{told:?}");
        let found = report.findings().into_iter().find(|finding| finding.id() == changed).unwrap();
        let Finding::PolicyChanged(policy) = found else { panic!("{found:?}") };
        assert_eq!(policy.differences.len(), 1);
        let hint = policy.common.hint.as_ref().unwrap();
        assert!(hint.contains("the servers' versions differ"), "{hint}");
    }
}
