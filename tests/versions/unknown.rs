//! What no version that we know has: unread, and never taken for something else.

use drcore::check::Outcome;
use drcore::evidence::CauseKind;
use drcore::{ErrorKind, Verdict, VerifyOptions, baseline, verify};
use drcore_tests::{Database, check, ids};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SCHEMA: &str = "
create table parents (id int primary key);
create table children (id bigserial primary key, parent int references parents);
alter table children enable row level security;
alter table parents enable row level security;
create policy p on children for select using (id > 0);
create function f() returns int language sql as 'select 1';
create view v as select 1 as one;
insert into parents values (1);
insert into children (parent) values (1);
";

const PLAN: &str = "[rls_coverage]\nexposed_schemas = [\"public\"]\n";

/// What a version to come may have, as today's catalog would hold it; and a check that it concerns.
const UNKNOWN: &[(&str, &str)] = &[
    ("update pg_class set relkind = 'g' where relname = 'v'", "row_counts"),
    ("update pg_class set relpersistence = 'q' where relname = 'parents'", "row_counts"),
    ("update pg_class set relpersistence = 'q' where relname = 'children_id_seq'", "sequence_lag"),
    ("update pg_policy set polcmd = 'z'", "rls_coverage"),
    ("update pg_proc set prokind = 'z' where proname = 'f'", "rls_coverage"),
];

#[tokio::test]
async fn what_is_not_known_is_unread() {
    for (change, id) in UNKNOWN {
        let database = Database::supabase().await;
        database.execute(SCHEMA).await;
        let baseline = database.evidence(&drcore_tests::parse(PLAN), None).await;
        let before = database.report(PLAN, Some(&baseline)).await;
        assert_eq!(check(&before, id).outcome, Outcome::Passed, "{:#?}", check(&before, id));

        database.execute(&format!("set allow_system_table_mods = on; {change}")).await;
        let after = database.report(PLAN, Some(&baseline)).await;
        let new: Vec<String> = ids(&after).into_iter().filter(|id| !ids(&before).contains(id)).collect();
        assert_eq!(new, [""; 0], "{change}: nothing is wrong for all that we know");
        let result = check(&after, id);
        assert_eq!(result.outcome, Outcome::NotRun, "{change}");
        let unread = |unread: &drcore::check::Unread| {
            unread.cause.kind == CauseKind::Unsupported
                && unread.cause.message.contains("does not understand")
        };
        assert!(result.unread.iter().any(unread), "{change}: {:?}", result.unread);
        assert_eq!(after.verdict, Verdict::Unproven, "{change}");
    }
}

#[tokio::test]
async fn a_server_that_is_newer_than_we_know_is_told() {
    let database = Database::with(SCHEMA).await;
    let plan = drcore_tests::parse("");
    let evidence = database.evidence(&plan, None).await;
    let mut newer = evidence.clone();
    let server = newer.run.server.as_mut().unwrap();
    (server.version, server.version_num) = ("19.1".to_owned(), 190_001);
    let told = |now, then| {
        plan.judge(now, then)
            .notes
            .iter()
            .filter(|note| note.contains("PostgreSQL 19.1 is newer than 18"))
            .count()
    };
    assert_eq!((told(&evidence, None), told(&newer, None), told(&newer, Some(&newer))), (0, 1, 2));
    assert_eq!(told(&evidence, Some(&newer)), 1);
}

/// One that greets as an old server does, and takes no statement.
#[tokio::test]
async fn a_server_that_is_older_than_we_know_is_told_before_anything_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut startup = [0; 1024];
            let _ = stream.read(&mut startup).await;
            let mut greeting = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x1aserver_version\09.4.26\0Z\0\0\0\x05I".to_vec();
            let _ = stream.write_all(&greeting).await;
            greeting.clear();
            let _ = stream.read_to_end(&mut greeting).await;
            asked.push(greeting);
            if asked.len() == 2 {
                break;
            }
        }
        asked
    });
    let url = format!("postgresql://u@127.0.0.1:{port}/d?sslmode=disable");
    let report = verify(&url, &VerifyOptions::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven);
    let cause = &report.checks[0].unread[0].cause;
    assert_eq!(cause.kind, CauseKind::Unsupported);
    assert!(
        cause.message.contains("the server is PostgreSQL 9.4.26, and drcore reads 13 to 18"),
        "{cause:?}"
    );
    assert!(cause.hint.is_some());
    let error = baseline(&url, &VerifyOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // Terminate, at most.
    for asked in server.await.unwrap() {
        assert!(asked.is_empty() || asked[0] == b'X', "{asked:?}");
    }
}
