//! Orphans that are counted here, from copied rows, are those that the server counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::evidence::CauseKind;
use drcore::{Evidence, Source};
use drcore_tests::interceptor::{Interceptor, Moment, Plot, Strike};
use drcore_tests::{Database, check, cluster, major, parse};

/// Collects for `orphan_fks`, with the content or without, in parts of so many blocks.
async fn read(
    url: &str,
    plan: &str,
    baseline: Option<&Evidence>,
    content: ContentChoice,
    blocks: Option<u32>,
) -> Evidence {
    let mut options = CollectOptions::default();
    options.only = vec!["orphan_fks".to_owned()];
    if content == ContentChoice::Always {
        options.only.push("content_drift".to_owned());
    }
    options.content = content;
    options.blocks = blocks;
    collect(&Source::connect(url).await.unwrap(), &parse(plan), baseline, &options).await.unwrap()
}

/// Whether every way comes to the same: the server's, a pass of its own, and the pass of the content.
pub async fn agree(database: &Database, baseline: Option<&Evidence>) -> Result<(), String> {
    let url = database.url().await;
    let server =
        read(&url, "[orphan_fks]\nway = \"server\"\n", baseline, ContentChoice::AsBaseline, None).await;
    if !server.run.counted_here.is_empty() {
        return Err(format!("the server did not count {:?}", server.run.counted_here));
    }
    for blocks in [1, 3] {
        let plan = "[orphan_fks]\nway = \"server\"\n";
        let parts = read(&url, plan, baseline, ContentChoice::AsBaseline, Some(blocks)).await;
        if parts.scans.orphans != server.scans.orphans {
            return Err(format!(
                "parts of {blocks}: {:?}, whole: {:?}",
                parts.scans.orphans, server.scans.orphans
            ));
        }
    }
    let stream = "[orphan_fks]\nway = \"stream\"\n[content_drift]\nway = \"stream\"\n";
    for (content, blocks) in [
        (ContentChoice::AsBaseline, None),
        (ContentChoice::AsBaseline, Some(1)),
        (ContentChoice::Always, Some(1)),
    ] {
        // A baseline without content leaves nothing to compare.
        let baseline = baseline.filter(|_| content != ContentChoice::Always);
        let server = match baseline {
            Some(_) => server.clone(),
            None => {
                read(&url, "[orphan_fks]\nway = \"server\"\n", None, ContentChoice::AsBaseline, None).await
            }
        };
        let here = read(&url, stream, baseline, content, blocks).await;
        for key in here.scans.orphans.keys().chain(server.scans.orphans.keys()) {
            let of = |evidence: &Evidence| {
                (evidence.scans.orphans.get(key).cloned(), evidence.scans.orphan_samples.get(key).cloned())
            };
            if of(&here) != of(&server) {
                return Err(format!("{content:?} {blocks:?} {key}: {:?} {:?}", of(&here), of(&server)));
            }
        }
    }
    Ok(())
}

/// A type of the parent's key, that of the child, and whether equal values have equal bytes.
const TYPES: &[(&str, &str, bool)] = &[
    ("int2", "int8", true),
    ("int4", "int4", true),
    ("int8", "int2", true),
    ("uuid", "uuid", true),
    ("date", "date", true),
    ("time", "time", true),
    ("timestamp(3)", "timestamp", true),
    ("timestamptz", "timestamptz", true),
    ("text", "varchar(9)", true),
    ("varchar", "text", true),
    ("text collate \"C\"", "text collate \"C\"", true),
    ("bytea", "bytea", true),
    ("bool", "bool", true),
    ("oid", "oid", true),
    ("money", "money", true),
    ("macaddr", "macaddr", true),
    ("pg_lsn", "pg_lsn", true),
    // A relation of the plan compares these as text.
    ("short", "short", false),
    ("word", "text", false),
    ("\"char\"", "\"char\"", false),
    ("loose", "loose", false),
    ("text collate loose_order", "text collate loose_order", false),
    ("numeric", "numeric(9,3)", false),
    ("int4", "numeric", false),
    ("float8", "float8", false),
    ("interval", "interval", false),
    ("char(9)", "char(9)", false),
    ("char(9)", "text", false),
    ("timestamptz", "date", false),
    ("jsonb", "jsonb", false),
    ("inet", "inet", false),
    ("name", "name", false),
    ("mood", "mood", false),
    ("int4[]", "int4[]", false),
    ("int4range", "int4range", false),
];

/// What stands for a small number in a column of this type: a parent's, or a child's equal one that looks different.
fn value(kind: &str, number: u32, child: bool) -> String {
    let text = match kind.split(['(', ' ']).next().unwrap_or(kind) {
        "uuid" => format!("'00000000-0000-4000-8000-00000000000{number}'"),
        "date" => format!("'2026-01-0{}'", number + 1),
        "time" => format!("'0{number}:00:00'"),
        "timestamp" | "timestamptz" => format!("'2026-01-0{} 00:00'", number + 1),
        "bytea" => format!("'\\x0{number}'"),
        "bool" => format!("'{}'", number.is_multiple_of(2)),
        "macaddr" => format!("'08:00:2b:01:02:0{number}'"),
        "pg_lsn" => format!("'0/{number}'"),
        "interval" if child => format!("'{} hours'", 24 * number),
        "interval" => format!("'{number} days'"),
        "numeric" if child => format!("'{number}.000'"),
        "float8" if child && number == 0 => "'-0'".to_owned(),
        "char" if child => format!("'k{number}  '"),
        "text" | "loose" if child && kind.contains("loose") => format!("'K{number}'"),
        "char" | "loose" | "name" | "text" | "varchar" | "word" => format!("'k{number}'"),
        "jsonb" if child => format!("'{{\"a\":{number}.0}}'"),
        "jsonb" => format!("'{{\"a\":{number}}}'"),
        "inet" => format!("'10.0.0.{number}'"),
        "mood" => format!("'m{number}'"),
        "int4[]" => format!("'{{{number}}}'"),
        "int4range" => format!("'[{number},9)'"),
        _ => format!("'{number}'"),
    };
    format!("{text}::{}", kind.split(" collate").next().unwrap_or(kind))
}

const OWN_TYPES: &str = "\
    create domain short as int2;\n\
    create domain word as varchar(9) check (value <> '');\n\
    create type mood as enum ('m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7');\n\
    create collation loose_order (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n\
    create domain loose as text collate loose_order;\n";

#[tokio::test]
async fn every_type_is_counted_alike() {
    let mut sql = OWN_TYPES.to_owned();
    let mut plan = String::new();
    for (at, (parent, child, _)) in TYPES.iter().enumerate() {
        sql += &format!(
            "create table p{at} (id {parent}); create table c{at} (n serial primary key, ref {child});\n"
        );
        let row = |kind: &str, number, child| format!("({})", value(kind, number, child));
        let parents: Vec<String> = [0, 1, 2, 5].iter().map(|n| row(parent, *n, false)).collect();
        let children: Vec<String> = [0, 1, 1, 3, 4, 5, 7].iter().map(|n| row(child, *n, true)).collect();
        sql += &format!(
            "insert into p{at} values {}, (null); insert into c{at} (ref) values {}, (null);\n",
            parents.join(", "),
            children.join(", ")
        );
        plan += &format!("[[orphan_fks.relations]]\nchild = \"c{at}.ref\"\nparent = \"p{at}.id\"\n");
    }
    let database = Database::with(&sql).await;
    let url = database.url().await;
    let of = async |way: &str| {
        let plan = format!("[orphan_fks]\nway = \"{way}\"\n{plan}");
        database.untouched(read(&url, &plan, None, ContentChoice::AsBaseline, None)).await
    };
    let (here, server) = (of("stream").await, of("server").await);
    assert_eq!(server.run.counted_here, BTreeSet::new());
    for (at, (parent, child, bytewise)) in TYPES.iter().enumerate() {
        let key = format!("public.c{at}(ref) -> public.p{at}(id)");
        let (counted, expected) = (&here.scans.orphans[&key], &server.scans.orphans[&key]);
        assert_eq!(counted, expected, "{parent} = {child}");
        assert_eq!(here.scans.orphan_samples.get(&key), server.scans.orphan_samples.get(&key));
        assert_eq!(here.run.counted_here.contains(&key), *bytewise, "{parent} = {child}");
        if *parent != "bool" {
            assert_eq!(counted.read().unwrap().rows, 3, "{parent} = {child}");
        }
    }
}

/// Composite keys, MATCH FULL with some of it NULL, self-references, partitions on either side, children that
/// come before their parents in every order, and parents that the content leaves out.
const SHAPES: &str = "\
    create schema \"aside; \"\"\";\n\
    create table \"aside; \"\"\".\"par'ent\" (\"a b\" int, \"c\"\"d\" text, primary key (\"a b\", \"c\"\"d\"));\n\
    create table a_full (id int primary key, x int, y text, tenant_id int, \
      foreign key (x, y) references \"aside; \"\"\".\"par'ent\" match full);\n\
    create table a_simple (id uuid primary key default gen_random_uuid(), x int, y text, \
      foreign key (y, x) references \"aside; \"\"\".\"par'ent\" (\"c\"\"d\", \"a b\"));\n\
    create table tree (id int primary key, up int references tree);\n\
    create table split (id int, at date, primary key (id, at)) partition by range (at);\n\
    create table split_1 partition of split for values from ('2026-01-01') to ('2026-02-01');\n\
    create table split_2 partition of split for values from ('2026-02-01') to ('2026-04-01') partition by hash (id);\n\
    create table split_3 partition of split_2 for values with (modulus 1, remainder 0);\n\
    create table leaf (id bigint, at date, tenant_id int, foreign key (id, at) references split) partition by hash (id);\n\
    create table leaf_0 partition of leaf for values with (modulus 2, remainder 0);\n\
    create table leaf_1 partition of leaf for values with (modulus 2, remainder 1);\n\
    create table \"we\"\"ird; DROP\" (\"k'\" text primary key, at timestamptz, day date, n int8, up text references \"we\"\"ird; DROP\");\n\
    create table dated (at timestamptz, n smallint, tree int references tree, primary key (at, n));\n\
    create domain number as bigint check (value > 0);\n\
    create domain word as varchar(9);\n\
    create table \"Domain\" (id number, w word, primary key (w, id));\n\
    create table of_domain (id number primary key, d int, w text, foreign key (d, w) references \"Domain\" (id, w));\n\
    create table mother (id int primary key);\n\
    create table child () inherits (mother);\n\
    create table of_mother (id int primary key, m int references mother);\n\
    set session_replication_role = replica;\n\
    insert into \"aside; \"\"\".\"par'ent\" select n, 'k' || n % 7 from generate_series(1, 300) n;\n\
    insert into a_full select n, nullif(n % 310, 5), case when n % 11 > 0 then 'k' || (n % 310) % 7 end, n % 4 \
      from generate_series(1, 3000) n;\n\
    insert into a_simple (x, y) select n % 400, 'k' || (n % 400) % 7 from generate_series(1, 900) n;\n\
    insert into tree select n, case when n % 5 > 0 then (n * 7) % 1100 end from generate_series(1, 1000) n;\n\
    insert into split select n, date '2026-01-01' + n % 80 from generate_series(1, 800) n;\n\
    insert into leaf select n % 900, date '2026-01-01' + (n % 900) % 80, n % 3 from generate_series(1, 2000) n;\n\
    insert into \"we\"\"ird; DROP\" select 'k' || n, now(), now(), n, 'k' || n * 2 from generate_series(1, 500) n;\n\
    insert into dated select '2026-01-01Z'::timestamptz + n * interval '7.000001 min', -n, -n from generate_series(1, 700) n;\n\
    insert into dated values ('infinity', 1, 1), ('0044-03-15 BC', 2, 1);\n\
    insert into \"Domain\" select n, 'w' || n % 5 from generate_series(1, 100) n;\n\
    insert into of_domain select n, n, 'w' || n % 6 from generate_series(1, 110) n;\n\
    insert into mother values (1); insert into child values (2);\n\
    insert into of_mother select n, n from generate_series(1, 3) n;\n";

#[tokio::test]
async fn every_shape_is_counted_alike() {
    let database = Database::with(SHAPES).await;
    agree(&database, None).await.unwrap();
    let url = database.url().await;
    let plan = "[tenancy]\ncolumn = \"tenant_id\"\n[content_drift]\nway = \"stream\"\nexclude = [\"aside*\", \"*.tree\"]\n";
    let here = read(&url, plan, None, ContentChoice::Always, Some(2)).await;
    let server = "[orphan_fks]\nway = \"server\"\n[tenancy]\ncolumn = \"tenant_id\"\n";
    let server = read(&url, server, None, ContentChoice::AsBaseline, None).await;
    assert_eq!(here.scans.orphans, server.scans.orphans);
    assert_eq!(here.scans.orphan_samples, server.scans.orphan_samples);
    assert_eq!(here.run.counted_here, here.scans.orphans.keys().cloned().collect());
    let rows = |key: &str| here.scans.orphans[key].read().unwrap().clone();
    let full = rows("public.a_full:a_full_x_y_fkey");
    assert!(full.rows > 50 && full.half_null > 200, "{full:?}");
    assert_eq!(rows("public.of_mother:of_mother_m_fkey").rows, 2, "the child's row is nobody's parent");
    for key in ["public.tree:tree_up_fkey", "public.leaf:leaf_id_at_fkey", "public.dated:dated_tree_fkey"] {
        assert!(rows(key).rows > 0, "{key}");
    }
}

/// More parents than there is room for, and parents that are many beside few children: the server's.
#[tokio::test]
async fn what_there_is_no_room_for_is_left_to_the_server() {
    let database = Database::with(
        "create table many (id uuid primary key);\n\
         insert into many select md5(n::text)::uuid from generate_series(1, 60000) n;\n\
         create table few (id int primary key, ref uuid references many);\n\
         insert into few select n, md5(n::text)::uuid from generate_series(1, 10) n;\n\
         create table lots (id int primary key, ref uuid references many);\n\
         insert into lots select n, md5((n % 60000 + 1)::text)::uuid from generate_series(1, 90000) n;\n\
         set session_replication_role = replica;\n\
         delete from many where id in (md5('7')::uuid, md5('8')::uuid);\n\
         analyze;\n",
    )
    .await;
    let url = database.url().await;
    let evidence = read(&url, "", None, ContentChoice::AsBaseline, None).await;
    // A set that is there for one is there for the other.
    assert_eq!(evidence.run.counted_here.len(), 2);
    database.execute("drop table lots").await;
    let evidence = read(&url, "", None, ContentChoice::AsBaseline, None).await;
    assert_eq!(evidence.run.counted_here.len(), 0);
    assert_eq!(evidence.scans.orphans["public.few:few_ref_fkey"].read().unwrap().rows, 2);
}

/// A role that may not read the parents gets the cause, not a count.
#[tokio::test]
async fn parents_that_may_not_be_read_are_no_empty_list() {
    let database = Database::with(
        "create table p (id int primary key, secret text); create table c (id int primary key, ref int references p);\n\
         create table guarded (id int primary key); create table d (id int primary key, ref int references guarded);\n\
         insert into p select n from generate_series(1, 50) n; insert into c select n, n from generate_series(1, 50) n;\n\
         insert into guarded select n from generate_series(1, 50) n; insert into d select n, n from generate_series(1, 50) n;\n\
         alter table guarded enable row level security;\n\
         create policy p on guarded using (id < 10);\n\
         create role nearly login; grant select on c, d, guarded to nearly; grant select (secret) on p to nearly;\n\
         create role sparing login; grant select (id) on p, guarded to sparing; grant select (ref) on c, d to sparing;\n",
    )
    .await;
    let kinds = async |role: &str| {
        let url = database.url_as(role).await;
        let evidence = read(&url, "", None, ContentChoice::AsBaseline, None).await;
        let kind = |key: &str| evidence.scans.orphans[key].get().err().map(|cause| cause.kind);
        [kind("public.c:c_ref_fkey"), kind("public.d:d_ref_fkey")]
    };
    assert_eq!(kinds("nearly").await, [Some(CauseKind::Permission), Some(CauseKind::RowSecurity)]);
    // It may read what tells, and not the key by which orphans would be named.
    assert_eq!(kinds("sparing").await, [None, Some(CauseKind::Permission)]);
}

/// The way is told, and asked for in the plan.
#[tokio::test]
async fn the_plan_says_where_orphans_are_counted() {
    let database = Database::with(
        "create table p (id int primary key); create table c (id int primary key, ref int references p);\n\
         insert into p values (1); insert into c values (1, 1);\n",
    )
    .await;
    for (plan, here) in [
        ("", true),
        ("[orphan_fks]\nway = \"stream\"\n", true),
        ("[orphan_fks]\nway = \"server\"\n", false),
        ("[content_drift]\nway = \"server\"\n", true),
    ] {
        let evidence = read(&database.url().await, plan, None, ContentChoice::AsBaseline, None).await;
        assert_eq!(!evidence.run.counted_here.is_empty(), here, "{plan}");
        let report = parse(plan).judge(&evidence, None);
        assert_eq!(check(&report, "orphan_fks").outcome, drcore::check::Outcome::Passed);
    }
}

const SERVER: &str = "[orphan_fks]\nway = \"server\"\n[limits]\nsessions = 1\n";

/// Whether it counts orphans, and shows none of them.
fn is_count(sql: &str) -> bool {
    sql.contains("select pg_catalog.count(*), ") && sql.contains("not exists")
}

/// Reads by the server with one session, while something happens to what is asked.
async fn read_through(database: &Database, plot: Plot) -> (Evidence, u32) {
    let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
    let interceptor = Interceptor::start(socket, plot).await;
    let url = interceptor.url("postgres", &database.name);
    let evidence = read(&url, SERVER, None, ContentChoice::AsBaseline, None).await;
    interceptor.settled().await;
    (evidence, interceptor.struck())
}

/// A server that takes longer than a statement may for all of a child is asked for less at a time.
#[tokio::test]
async fn a_statement_timeout_is_no_obstacle_to_counting() {
    if major().await < 14 {
        return;
    }
    let database = Database::with(SHAPES).await;
    let whole = read(&database.url().await, SERVER, None, ContentChoice::AsBaseline, None).await;
    let strike = Strike::Refuse { severity: "ERROR", code: "57014" };
    // All of it, and then what goes on to the end of it.
    let whole_only = |sql: &str| is_count(sql) && !sql.contains("ctid");
    let moment = Moment::Statement(whole_only);
    let (parts, struck) =
        read_through(&database, Plot { moment, strike: strike.clone(), times: u32::MAX }).await;
    // Each was asked for as a whole first, and of the one that is partitioned a partition.
    assert_eq!(struck as usize, whole.scans.orphans.len() + 1);
    assert_eq!(parts.scans.orphans, whole.scans.orphans);
    assert_eq!(parts.scans.orphan_samples, whole.scans.orphan_samples);
    let full = parts.scans.orphans["public.a_full:a_full_x_y_fkey"].read().unwrap();
    assert!(full.rows > 50 && full.half_null > 200, "{full:?}");
    // A few blocks at most.
    let moment = Moment::Statement(|sql| {
        let block = |word: &str| {
            let (_, rest) = sql.split_once(word)?;
            rest.split(',').next()?.parse::<u32>().ok()
        };
        let (from, to) = (block("ctid >= '(").unwrap_or(0), block("ctid < '(").unwrap_or(40));
        is_count(sql) && to.saturating_sub(from) > 3 && from < 40
    });
    let (parts, struck) = read_through(&database, Plot { moment, strike, times: u32::MAX }).await;
    assert!(struck as usize > whole.scans.orphans.len(), "{struck}");
    assert_eq!(parts.scans.orphans, whole.scans.orphans);
}

/// A part that is never answered: the reference is unread, never the sum of the others, and only this one is.
#[tokio::test]
async fn a_part_that_is_never_counted_leaves_the_reference_unread() {
    if major().await < 14 {
        return;
    }
    let database = Database::with(SHAPES).await;
    let whole = read(&database.url().await, SERVER, None, ContentChoice::AsBaseline, None).await;
    for (code, kind) in [("57014", CauseKind::StatementTimeout), ("XX001", CauseKind::Error)] {
        let moment = match code {
            "57014" => {
                Moment::Statement(|sql| sql.contains("a_full") && is_count(sql) && !sql.contains("ctid <"))
            }
            _ => Moment::Statement(|sql| sql.contains("a_full") && is_count(sql)),
        };
        let strike = Strike::Refuse { severity: "ERROR", code };
        let (parts, struck) = read_through(&database, Plot { moment, strike, times: u32::MAX }).await;
        assert!(struck > 0);
        for (key, orphans) in &whole.scans.orphans {
            if key.starts_with("public.a_full:") {
                let cause = parts.scans.orphans[key].get().unwrap_err();
                assert_eq!(cause.kind, kind, "{cause:?}");
            } else {
                assert_eq!(&parts.scans.orphans[key], orphans, "{key}");
            }
        }
        let report = parse(SERVER).judge(&parts, None);
        assert_eq!(
            check(&report, "orphan_fks").outcome,
            drcore::check::Outcome::Failed,
            "others have orphans"
        );
    }
}

/// A child that loses its rows between two of its parts is unread, never the sum of what was there.
#[tokio::test]
async fn a_child_that_is_truncated_between_its_parts_is_unread() {
    if major().await < 14 {
        return;
    }
    let database = Database::with(
        "create table p (id int primary key);\n\
         create table c (id int primary key, ref int references p, v text);\n\
         set session_replication_role = replica;\n\
         insert into c select n, n, repeat('x', 500) from generate_series(1, 3000) n;\n",
    )
    .await;
    let (cluster, name) = (cluster().await, database.name.clone());
    let strike = Strike::Do(Arc::new(move |_| {
        let name = name.clone();
        Box::pin(async move { cluster.execute(&name, "truncate c").await.unwrap() })
    }));
    let socket = cluster.socket_directory().join(".s.PGSQL.5432");
    let moment = Moment::Statement(|sql| is_count(sql) && sql.contains("ctid >= '(50,0)'"));
    let interceptor = Interceptor::start(socket, Plot { moment, strike, times: 1 }).await;
    let url = interceptor.url("postgres", &database.name);
    let evidence = read(&url, SERVER, None, ContentChoice::AsBaseline, Some(10)).await;
    interceptor.settled().await;
    assert_eq!(interceptor.struck(), 1, "it was counted in parts");
    let cause = evidence.scans.orphans["public.c:c_ref_fkey"].get().unwrap_err();
    assert_eq!(cause.kind, CauseKind::Rewritten, "{cause:?}");
}
