//! What goes wrong, and when.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use drcore_tests::interceptor::{Backends, Moment, Plot, Strike};

use super::arena::{Arena, Run, Subject, Twins, deed};

/// None of them ends a healthy run, on a slow machine either.
const LIMITS: &str =
    "connect_timeout = \"2s\"\nlock_timeout = \"500ms\"\nstatement_timeout = \"20s\"\ndeadline = \"60s\"\n";
/// Silence is noticed after 9.5 s, and the deadline is far.
const SILENT_ONCE: &str =
    "connect_timeout = \"1s\"\nlock_timeout = \"500ms\"\nstatement_timeout = \"4s\"\ndeadline = \"60s\"\n";
/// The deadline is before silence is noticed.
const SILENT_ALWAYS: &str =
    "connect_timeout = \"1s\"\nlock_timeout = \"500ms\"\nstatement_timeout = \"8s\"\ndeadline = \"8s\"\n";

const ONCE: u32 = 1;
const ALWAYS: u32 = u32::MAX;

type Running<'a> = Pin<Box<dyn Future<Output = Run> + 'a>>;
type Runner = dyn for<'a> Fn(&'a Arena, &'a Twins, &'a Subject) -> Running<'a>;

/// One fault at one moment.
pub(super) struct Case {
    pub(super) fault: String,
    pub(super) moment: &'static str,
    pub(super) times: &'static str,
    /// Whether it is done to the whole server, so that nothing else can be done beside it.
    pub(super) alone: bool,
    pub(super) run: Box<Runner>,
}

/// A phase of a run, and how it is known.
#[derive(Clone, Copy)]
struct Phase(&'static str, Moment);

const STARTUP: Phase = Phase("startup", Moment::Startup);
const AUTHENTICATION: Phase = Phase("authentication", Moment::Password);
const SNAPSHOT: Phase = Phase("snapshot", Moment::Statement(|sql| sql.contains("pg_export_snapshot")));
const JOIN: Phase = Phase("join", Moment::Statement(|sql| sql.contains("set transaction snapshot")));
const CATALOG: Phase = Phase("catalog", Moment::Statement(is_catalog));
const SIZES: Phase = Phase("sizes", Moment::Statement(|sql| sql.contains("pg_relation_size")));
const SCAN: Phase = Phase("scan", Moment::Statement(is_scan));
const SAMPLE: Phase = Phase("sample", Moment::Statement(is_sample));
const CLOSING: Phase = Phase("closing", Moment::Statement(|sql| sql == "rollback"));

fn is_catalog(sql: &str) -> bool {
    sql.contains("to_json(f)") && !sql.contains("cluster_name")
}

fn is_sample(sql: &str) -> bool {
    sql.contains("with orphan as materialized") || sql.contains("with copy as materialized")
}

/// Tables, their content, sequences, assertions.
fn is_scan(sql: &str) -> bool {
    sql.contains("row_to_json(q)")
        || sql.starts_with("copy ")
        || sql.contains("rollback to savepoint drcore")
            && sql.contains("from ")
            && !is_catalog(sql)
            && !is_sample(sql)
            && !sql.contains("pg_locks")
}

/// By the interceptor, at these phases, once and always.
fn struck(fault: &str, phases: &[Phase], strike: &Strike) -> Vec<Case> {
    let both = |phase: &Phase| [once(fault, *phase, strike.clone()), always(fault, *phase, strike.clone())];
    phases.iter().flat_map(both).collect()
}

fn once(fault: &str, phase: Phase, strike: Strike) -> Case {
    through(fault, phase, ONCE, move |_, _| strike.clone())
}

fn always(fault: &str, phase: Phase, strike: Strike) -> Case {
    through(fault, phase, ALWAYS, move |_, _| strike.clone())
}

fn through(
    fault: &str,
    Phase(name, moment): Phase,
    times: u32,
    strike: impl Fn(&Arena, &str) -> Strike + 'static,
) -> Case {
    let strike = Arc::new(strike);
    Case {
        fault: fault.to_owned(),
        moment: name,
        times: if times == ONCE { "once" } else { "always" },
        alone: false,
        run: Box::new(move |arena, _, subject| {
            let strike = Arc::clone(&strike);
            Box::pin(async move {
                let strike = strike(arena, &subject.name);
                let limits = match (&strike, times) {
                    (Strike::BlackHole(_), ONCE) => SILENT_ONCE,
                    (Strike::BlackHole(_), _) => SILENT_ALWAYS,
                    _ => LIMITS,
                };
                let user = if matches!(moment, Moment::Password) { "scram:right" } else { "postgres" };
                arena.through(Plot { moment, strike, times }, user, subject, &subject.name, limits).await
            })
        }),
    }
}

/// To the whole server.
fn alone(case: Case) -> Case {
    Case { alone: true, ..case }
}

/// On a copy that is spoilt by it.
fn spoilt(fault: &str, sql: &'static str) -> Case {
    Case {
        fault: fault.to_owned(),
        moment: "scan",
        times: "once",
        alone: false,
        run: Box::new(move |arena, _, subject| {
            Box::pin(async move {
                let copy = arena.copy(&subject.name).await;
                let (cluster, database) = (Arc::clone(&arena.cluster), copy.clone());
                let strike = deed(move || {
                    let (cluster, database) = (Arc::clone(&cluster), database.clone());
                    async move { cluster.execute(&database, sql).await.unwrap() }
                });
                arena
                    .through(Plot { moment: SCAN.1, strike, times: ONCE }, "postgres", subject, &copy, LIMITS)
                    .await
            })
        }),
    }
}

/// While something is so.
fn during(
    fault: &str,
    run: impl for<'a> Fn(&'a Arena, &'a Twins, &'a Subject) -> Running<'a> + 'static,
) -> Case {
    Case { fault: fault.to_owned(), moment: "throughout", times: "always", alone: true, run: Box::new(run) }
}

/// Ends the backend that is spoken to, or the one that holds the snapshot.
fn kill(whom: fn(Backends) -> u32) -> impl Fn(&Arena, &str) -> Strike {
    move |arena, _| {
        let cluster = Arc::clone(&arena.cluster);
        Strike::Do(Arc::new(move |backends| {
            let cluster = Arc::clone(&cluster);
            Box::pin(async move {
                let pid = whom(backends);
                cluster.execute("postgres", &format!("select pg_terminate_backend({pid})")).await.unwrap();
            })
        }))
    }
}

/// Ends all backends of the run.
fn kill_all(arena: &Arena, database: &str) -> Strike {
    let cluster = Arc::clone(&arena.cluster);
    let sql = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'");
    deed(move || {
        let (cluster, sql) = (Arc::clone(&cluster), sql.clone());
        async move { cluster.execute("postgres", &sql).await.unwrap() }
    })
}

/// Every table that a check reads, its catalog included.
const LOCK: &str = "begin; lock table tenants, tasks, kinds, visits, storage.buckets, pg_catalog.pg_policy \
                    in access exclusive mode";

/// All of them.
pub(super) fn all() -> Vec<Case> {
    let network = [STARTUP, AUTHENTICATION, SNAPSHOT, JOIN, CATALOG, SIZES, SCAN, SAMPLE, CLOSING];
    let mut cases = vec![always(
        "latency of 2 ms a message",
        Phase("throughout", Moment::Statement(|_| true)),
        Strike::Latency(Duration::from_millis(2)),
    )];
    cases.extend(struck("connection cut", &network, &Strike::Cut(7)));
    cases.extend(struck("connection reset", &[STARTUP, SNAPSHOT, SCAN, CLOSING], &Strike::Reset(7)));
    cases.extend(struck("black hole", &network, &Strike::BlackHole(7)));
    cases.extend(struck(
        "end of an answer lost",
        &[SNAPSHOT, JOIN, CATALOG, SCAN, SAMPLE],
        &Strike::Swallow(b'C'),
    ));
    cases.extend(struck(
        "row of an answer lost",
        &[SNAPSHOT, JOIN, CATALOG, SIZES, SCAN, SAMPLE],
        &Strike::Swallow(b'D'),
    ));
    for times in [ONCE, ALWAYS] {
        for phase in [SNAPSHOT, JOIN, CATALOG, SCAN, SAMPLE, CLOSING] {
            cases.push(through("backend killed", phase, times, kill(|backends| backends.this)));
        }
        for phase in [CATALOG, SCAN, SAMPLE, CLOSING] {
            let killed =
                kill(|backends| if backends.exporter == 0 { backends.this } else { backends.exporter });
            cases.push(through("holder of the snapshot killed", phase, times, killed));
        }
        for phase in [CATALOG, SCAN, SAMPLE] {
            cases.push(alone(through("all backends killed", phase, times, kill_all)));
        }
    }
    for (code, what) in [("57P03", "server is starting up"), ("53300", "too many connections")] {
        cases.extend(refused(what, code, "FATAL", &[STARTUP]));
    }
    // Always is as if backends were killed.
    for (code, what) in [
        ("57P01", "administrator ends the session"),
        ("57P02", "another backend crashed"),
        ("57P05", "idle_session_timeout"),
        ("25P03", "idle_in_transaction_session_timeout"),
        ("25P04", "transaction_timeout"),
        ("08006", "connection failure"),
    ] {
        let strike = Strike::Refuse { severity: "FATAL", code };
        cases.push(once(&format!("FATAL {code}, {what}"), SCAN, strike));
    }
    for (code, what) in [
        ("53100", "disk full"),
        ("53200", "out of memory"),
        ("40001", "conflict with recovery"),
        ("40P01", "deadlock"),
    ] {
        cases.extend(refused(what, code, "ERROR", &[CATALOG, SCAN]));
    }
    // Not tried again: it depends on chance whose statement it is that fails once.
    let strike = Strike::Refuse { severity: "ERROR", code: "XX001" };
    for phase in [CATALOG, SIZES, SCAN, SAMPLE] {
        cases.push(always("ERROR XX001, data corrupted", phase, strike.clone()));
    }
    cases.push(spoilt(
        "TRUNCATE in mid-run",
        "truncate tenants, tasks, kinds, visits, storage.buckets, storage.objects",
    ));
    cases.push(spoilt("VACUUM FULL in mid-run", "vacuum full tasks"));
    cases.extend(of_the_server());
    cases.extend(of_the_address());
    cases
}

fn refused(what: &str, code: &'static str, severity: &'static str, phases: &[Phase]) -> Vec<Case> {
    struck(&format!("{severity} {code}, {what}"), phases, &Strike::Refuse { severity, code })
}

fn of_the_server() -> Vec<Case> {
    let mut cases = Vec::new();
    for phase in [SNAPSHOT, JOIN, CATALOG, SCAN, SAMPLE, CLOSING] {
        for (fault, arguments) in [
            ("server restarted, fast", &["restart", "-m", "fast"] as &[&str]),
            ("server restarted, immediate", &["restart", "-m", "immediate"]),
        ] {
            cases.push(alone(through(fault, phase, ONCE, move |arena, _| arena.control(arguments))));
        }
    }
    let stop = through("server stopped", CATALOG, ONCE, |arena, _| arena.control(&["stop", "-m", "fast"]));
    cases.push(alone(Case {
        times: "for good",
        run: Box::new(move |arena, twins, subject| {
            let stopped = (stop.run)(arena, twins, subject);
            Box::pin(async move {
                let run = stopped.await;
                if run.struck == Some(1) {
                    arena.start().await;
                }
                run
            })
        }),
        fault: stop.fault.clone(),
        ..stop
    }));
    for (fault, limits) in [
        ("lock held, lock_timeout", LIMITS),
        (
            "lock held, statement_timeout",
            "connect_timeout = \"2s\"\nlock_timeout = \"1m\"\nstatement_timeout = \"2s\"\ndeadline = \"60s\"\n",
        ),
        (
            "lock held, deadline",
            "connect_timeout = \"2s\"\nlock_timeout = \"1m\"\nstatement_timeout = \"1m\"\ndeadline = \"6s\"\n",
        ),
    ] {
        let held = during(fault, move |arena, twins, subject| {
            Box::pin(async move {
                let copy = arena.copy(&subject.name).await;
                let holder = arena.client(&copy).await;
                holder.batch_execute(LOCK).await.unwrap();
                twins.verify(&arena.cluster.url(&copy), subject, limits).await
            })
        });
        cases.push(Case { alone: false, ..held });
    }
    for (free, fault) in [(0, "no connection left"), (1, "one connection left"), (2, "two connections left")]
    {
        cases.push(during(fault, move |arena, twins, subject| {
            Box::pin(async move {
                let _held = arena.leave_connections(free).await;
                twins.verify(&arena.cluster.url(&subject.name), subject, LIMITS).await
            })
        }));
    }
    cases.push(during("lock table nearly full", |arena, twins, subject| {
        Box::pin(async move {
            let _held = arena.leave_locks(30).await;
            twins.verify(&arena.cluster.url(&subject.name), subject, LIMITS).await
        })
    }));
    cases
}

fn of_the_address() -> Vec<Case> {
    let at = |fault: &str, url: fn(&Arena, &str) -> String| {
        during(fault, move |arena, twins, subject| {
            Box::pin(async move { twins.verify(&url(arena, &subject.name), subject, LIMITS).await })
        })
    };
    let mut cases = vec![
        at("none, over TLS", |arena, database| tls(arena, "postgres", "localhost", database, &arena.root())),
        at("wrong password", |arena, database| {
            tls(arena, "scram:wrong", "localhost", database, &arena.root())
        }),
        at("wrong CA", |arena, database| {
            tls(arena, "postgres", "localhost", database, &arena.foreign_root())
        }),
        at("wrong host name", |arena, database| tls(arena, "postgres", "127.0.0.1", database, &arena.root())),
        at("no such database", |arena, _| arena.cluster.url("nowhere")),
    ];
    cases.push(during("another protocol on the port", |_, twins, subject| {
        Box::pin(async move {
            let (task, port) = crate::connecting::greeter(b"220 mail.example.com ESMTP\r\n", true).await;
            let url = format!("postgresql://postgres@127.0.0.1:{port}/{}?sslmode=disable", subject.name);
            let run = twins.verify(&url, subject, LIMITS).await;
            task.abort();
            run
        })
    }));
    // The last: from here on the certificate has expired.
    cases.push(during("expired certificate", |arena, twins, subject| {
        Box::pin(async move {
            arena.expire().await;
            twins
                .verify(&tls(arena, "postgres", "localhost", &subject.name, &arena.root()), subject, LIMITS)
                .await
        })
    }));
    cases
}

fn tls(arena: &Arena, user: &str, host: &str, database: &str, root: &std::path::Path) -> String {
    let port = arena.port;
    format!("postgresql://{user}@{host}:{port}/{database}?sslmode=verify-full&sslrootcert={}", root.display())
}

/// The server may write no temporary file, and the tables need some.
pub(super) async fn without_temporary_files(arena: &Arena, twins: &Twins, subject: &Subject) -> Run {
    arena.execute("postgres", "alter system set temp_file_limit = '64kB'").await;
    arena.execute("postgres", "select pg_reload_conf()").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Here nothing would be joined.
    let limits = format!("{LIMITS}[orphan_fks]\nway = \"server\"\n");
    let run = twins.verify(&arena.cluster.url(&subject.name), subject, &limits).await;
    arena.execute("postgres", "alter system reset temp_file_limit").await;
    arena.execute("postgres", "select pg_reload_conf()").await;
    run
}
