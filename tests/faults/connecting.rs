use std::time::{Duration, Instant};

use drcore::evidence::CauseKind;
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Verdict, VerifyOptions, verify};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// A port that nobody listens on at the moment.
pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A server of another protocol: it greets, and stays or hangs up.
pub(crate) async fn greeter(greeting: &'static [u8], stays: bool) -> (tokio::task::JoinHandle<()>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(greeting).await;
            if stays {
                kept.push(stream);
            }
        }
    });
    (server, port)
}

/// The cause of everything being unread.
pub(crate) async fn refused(url: &str) -> drcore::evidence::Cause {
    let report = verify(url, &VerifyOptions::default()).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven, "{url}");
    assert!(!format!("{report:?}").contains("s3cret"), "the password is in the report");
    report.checks[0].unread[0].cause.clone()
}

pub(crate) async fn answers(url: &str) -> bool {
    drcore::Source::connect(url).await.is_ok()
}

#[tokio::test]
async fn passwords_come_from_where_libpq_takes_them_and_wrong_ones_are_told() {
    let mut options = ScratchOptions::default();
    let port = free_port().await;
    options.port = Some(port);
    let cluster = ScratchCluster::start(options).await.unwrap();
    // Before PostgreSQL 14 it would be kept as md5.
    let create = "set password_encryption = 'scram-sha-256'; create role app login password 'right one'";
    cluster.execute("postgres", create).await.unwrap();
    let hba = cluster.socket_directory().join("data/pg_hba.conf");
    std::fs::write(&hba, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    cluster.execute("postgres", "select pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    let url = |password: &str| format!("postgresql://app{password}@127.0.0.1:{port}/postgres");
    assert!(answers(&url(":right%20one")).await);
    let cause = refused(&url(":s3cret")).await;
    assert_eq!((cause.kind, cause.sqlstate.as_deref()), (CauseKind::Connection, Some("28P01")));
    assert!(cause.message.contains("password authentication failed"), "{}", cause.message);
    assert!(cause.hint.unwrap().contains("Reset the password"), "says what to do");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("127.0.0.1:{port}:*:app:right one\n")).unwrap();
    let by_file =
        format!("host=127.0.0.1 port={port} user=app dbname=postgres passfile={}", file.path().display());
    assert!(answers(&by_file).await);
    let source = drcore::Source::connect(&by_file).await.unwrap();
    assert!(source.dsn().password_place().unwrap().ends_with("line 1"));

    let service = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        service.path(),
        format!("[there]\nhost=127.0.0.1\nport={port}\nuser=app\npassword=right one\ndbname=postgres\n"),
    )
    .unwrap();
    assert!(answers(&format!("service=there servicefile={}", service.path().display())).await);

    // Too many connections.
    cluster.execute("postgres", "alter role app connection limit 0").await.unwrap();
    let cause = refused(&url(":right%20one")).await;
    assert_eq!(cause.sqlstate.as_deref(), Some("53300"));
}

#[tokio::test]
async fn the_first_server_that_will_do_is_taken() {
    let port = free_port().await;
    let mut options = ScratchOptions::default();
    options.port = Some(port);
    options.settings.push(("default_transaction_read_only".to_owned(), "on".to_owned()));
    let cluster = ScratchCluster::start(options).await.unwrap();
    let dead = free_port().await;
    let two = format!("postgresql://postgres@127.0.0.1:{dead},127.0.0.1:{port}/postgres");
    assert!(answers(&two).await);
    for (attributes, will_do) in [
        ("any", true),
        ("read-only", true),
        ("read-write", false),
        ("primary", true),
        ("standby", false),
        ("prefer-standby", true),
    ] {
        assert_eq!(
            answers(&format!("{two}?target_session_attrs={attributes}")).await,
            will_do,
            "{attributes}"
        );
    }
    let cause = refused(&format!("{two}?target_session_attrs=standby")).await;
    assert!(cause.message.contains("none of 2 servers"), "{}", cause.message);
    drop(cluster);
}

#[tokio::test]
async fn what_is_not_postgresql_is_told_within_the_timeout() {
    // One that greets in another protocol, one that says nothing, one that hangs up.
    for (greeting, stays) in [(&b"220 mail.example.com ESMTP\r\n"[..], true), (b"", true), (b"", false)] {
        let (server, port) = greeter(greeting, stays).await;
        for mode in ["disable", "prefer", "require"] {
            let began = Instant::now();
            let url = format!("postgresql://u:s3cret@127.0.0.1:{port}/d?connect_timeout=2&sslmode={mode}");
            let cause = refused(&url).await;
            assert!(began.elapsed() < Duration::from_secs(6), "{mode}: {:?}", began.elapsed());
            assert_eq!(cause.kind, CauseKind::Connection, "{mode}: {}", cause.message);
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_database_or_role_that_is_not_there_is_told() {
    let cluster = drcore_tests::cluster().await;
    let cause = refused(&cluster.url("no such database")).await;
    assert_eq!(cause.sqlstate.as_deref(), Some("3D000"));
    let cause = refused(&cluster.url("postgres").replace("postgres@", "nobody@")).await;
    assert_eq!(cause.sqlstate.as_deref(), Some("28000"));
}
