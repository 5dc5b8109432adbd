//! From the oldest server to the newest: a baseline of the one, held against the other.
//!
//! `scripts/test majors` names their programs, in `DRCORE_PG_BIN_13` and `DRCORE_PG_BIN_18`.

use std::collections::BTreeSet;
use std::process::Command;

use drcore::check::Outcome;
use drcore::collect::ContentChoice;
use drcore::drill::sample_plan;
use drcore::restore::{ScratchCluster, ScratchOptions, Tools};
use drcore::{Against, Evidence, Finding, Report, Severity, Verdict, VerifyOptions, verify};
use drcore_tests::generated::application;
use drcore_tests::{SAMPLE, SUPABASE, check, ids, parse};

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

/// One of every kind of object.
const EVERYTHING: &str = include_str!("../structure/everything.sql");

const CONTENT: &str = include_str!("../damage/content_drift.sql");

/// One of every type that a table may have in version 13.
const TYPES: &str = "
create type humour as enum ('sad', 'happy');
create type couple as (a int, b text);
create domain positive as numeric check (value > 0);
create table every_type (
  id int primary key, a bool, b bytea, c \"char\", d name, e smallint, f bigint, g text, h oid, i json, j xml,
  k point, l lseg, m path, n box, o polygon, p line, q circle, r cidr, s inet, t macaddr, u macaddr8, v real,
  w double precision, x money, y char(5), z varchar(9), aa date, ab time, ac timestamp, ad timestamptz, ae interval,
  af timetz, ag bit(4), ah varbit, ai numeric, aj uuid, ak pg_lsn, al tsvector, am tsquery, an jsonb, ao jsonpath,
  a_range int4range, ap numrange, aq tsrange, ar tstzrange, at daterange, av int8range, aw xid8, ax int[],
  ay text[][], az humour, ba couple, bb positive, bc humour[], bd couple[], be regclass, bf float8[], bg txid_snapshot,
  bh timestamptz[], bi jsonb[]
);
insert into every_type values (
  1, true, '\\x00ff', 'x', 'name', -3, 9223372036854775807, 'Ärzte 🩺', 4294967295, '{\"a\" : 1}', '<a>ö</a>',
  '(0.1,1e300)', '[(1,2),(3,4)]', '((1,2),(3,4))', '(1,2),(3,4)', '((0,0),(1,1),(1,0))', '{1,2,3}', '<(1,2),0.3>',
  '10.0.0.0/8', '2001:db8::1/64', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 0.1, 1e-300, '-12.34', 'ab', 'abc',
  '0044-03-15 BC', '24:00', 'infinity', '2026-11-20 02:00:00.123456+05:30', '1 mon -1 day 00:00:00.000001',
  '23:59:59.999999+14', '1010', '10101', 'NaN', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '16/B374D848',
  'a:1A fat:2B,4C', 'fat & (rat | cat:AB*)', '{\"b\": [1.10, null, \"ü\"]}', 'strict $.a[*] ? (@.b > 1.0e-5)',
  '[1,2)', '(,1.50]', 'empty', '[2026-11-20 02:00+00,)', '[2026-01-01,2026-02-01)', '(1,9]', '123', '{1,NULL,3}',
  '{{a,\"b c\"},{NULL,\"\"}}', 'happy', '(1,\"x, y\")', 1.50, '{sad,happy}', '{\"(1,a)\",\"(,)\"}', 'every_type',
  '{-0,NaN,Infinity,5e-324}', '10:20:10,14,15', '{\"2026-11-20 02:00+00\"}', '{\"{}\",NULL}'
);
insert into every_type (id, v, w) values (2, '-0', 'NaN');
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
    assert!(!healthy.notes.iter().any(|note| note.contains("PostgreSQL")), "{:?}", healthy.notes);
    let content = check(&healthy, "content_drift");
    assert!(content.outcome == Outcome::Passed && content.examined["tables"] > 20, "{content:#?}");
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
        let view = "schema_drift:object_changed:public.open_invoices:view";
        // On the older one, the view of the sample cannot read with the eyes of who asks, and is shut to the API;
        // and there everybody may create in public.
        let expected = if now.tools().directory == new.tools().directory {
            BTreeSet::from(["privilege_drift:privileges_widened:public:tables", view, changed])
        } else {
            BTreeSet::from([
                "privilege_drift:privileges_widened:schemas",
                "privilege_drift:privileges_narrowed:public:tables",
                view,
                changed,
            ])
        };
        assert_eq!(
            bad(&report).into_iter().collect::<BTreeSet<_>>(),
            expected.into_iter().map(str::to_owned).collect()
        );
        let view = |finding: &&Finding| finding.id().ends_with(":public:tables");
        let view = report.findings().into_iter().find(view).unwrap().common();
        assert_eq!(view.object, "public.open_invoices");
        let found = report.findings().into_iter().find(|finding| finding.id() == changed).unwrap();
        let Finding::PolicyChanged(policy) = found else { panic!("{found:?}") };
        assert_eq!(policy.differences.len(), 1);
        let hint = policy.common.hint.as_ref().unwrap();
        assert!(hint.contains("the servers' versions differ"), "{hint}");
    }
}

/// Every kind of object, and an application of some thousand objects: what is written differently is no difference.
#[tokio::test]
#[ignore = "takes two servers: scripts/test majors"]
async fn the_structure_is_the_same_to_both() {
    let (old, new) = (cluster(13).await, cluster(18).await);
    for server in [&old, &new] {
        run(server, "roles", &[SUPABASE]).await;
    }
    run(&old, "everything", &[EVERYTHING]).await;
    run(&old, "application", &[SUPABASE, &application()]).await;
    for database in ["everything", "application"] {
        restore(&old, &new, database).await;
        let read = async |cluster: &ScratchCluster| {
            drcore::baseline(&cluster.url(database), &VerifyOptions::default()).await.unwrap()
        };
        let (then, now) = (read(&old).await, read(&new).await);
        // And the other way round: an upgrade that is taken back.
        for (now, then) in [(&now, &then), (&then, &now)] {
            let only = ["schema_drift".to_owned()];
            let report = Report::judge(&parse(""), now, Some(then), &only);
            let result = check(&report, "schema_drift");
            // But that the newer server brings newer versions of extensions.
            let is_version = |finding: &Finding| finding.id().ends_with(":extension");
            let bad: Vec<&str> =
                result.findings.iter().filter(|finding| !is_version(finding)).map(Finding::id).collect();
            assert_eq!(bad, [""; 0], "{database}");
            let older = now.major() < then.major() && database == "everything";
            let outcome = if older { Outcome::Failed } else { Outcome::Passed };
            assert_eq!(result.outcome, outcome, "{database}: {result:#?}");
        }
    }
}

/// Every value as it was, whatever version prints or sends it.
#[tokio::test]
#[ignore = "takes two servers: scripts/test majors"]
async fn the_content_of_tables_is_the_same_to_both() {
    let (old, new) = (cluster(13).await, cluster(18).await);
    let (healthy, damage) = CONTENT.split_once("-- damage\n").unwrap();
    run(&old, "app", &[healthy, TYPES]).await;
    restore(&old, &new, "app").await;
    new.execute("postgres", "create database damaged template app").await.unwrap();
    new.execute("damaged", damage).await.unwrap();
    new.execute("damaged", "update every_type set a_range = '[1,3)'").await.unwrap();
    for way in ["server", "stream"] {
        let mut options = VerifyOptions::default();
        options.plan = parse(&format!("[content_drift]\nway = \"{way}\"\n"));
        options.collect.content = ContentChoice::Always;
        let then = drcore::baseline(&old.url("app"), &options).await.unwrap();
        for other in ["server", "stream"] {
            options.plan = parse(&format!("[content_drift]\nway = \"{other}\"\n"));
            options.against = Some(Against::Evidence(Box::new(then.clone())));
            let healthy = verify(&new.url("app"), &options).await.unwrap();
            let content = check(&healthy, "content_drift");
            assert_eq!(content.outcome, Outcome::Passed, "{way}, {other}: {content:#?}");
            assert_eq!((content.examined["tables"], &content.unread), (13, &Vec::new()));
            let damaged = verify(&new.url("damaged"), &options).await.unwrap();
            let differ = |finding: &&Finding| matches!(finding, Finding::RowsDiffer(_));
            let differ = damaged.findings().into_iter().filter(differ).count();
            assert_eq!(differ, 13, "{way}, {other}: {:?}", ids(&damaged));
        }
    }
}
