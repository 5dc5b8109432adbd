//! `tenant_isolation` where it is tried who may write: each way is seen, and nothing of it stays.

use drcore::check::Outcome;
use drcore::finding::Severity;
use drcore::{Finding, Report, VerifyOptions, verify};
use drcore_tests::{Database, check, parse};

use super::tenant_isolation::{A, B, ID, healthy, plan};

fn wanted() -> String {
    plan().replacen(
        "[[tenant_isolation.users]]",
        "[tenant_isolation]\nattempt_writes = true\n[[tenant_isolation.users]]",
        1,
    )
}

/// The name of the database, as the guard knows it.
async fn name(database: &Database) -> String {
    let identifier = database.query("select system_identifier from pg_control_system()").await;
    format!("{}@{}", database.name, identifier[0])
}

/// What verifying says where it is allowed, without a trace of it in the database.
async fn tried(database: &Database, plan: &str) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(plan);
    options.collect.only = vec![ID.to_owned()];
    options.collect.attempt_writes = Some(name(database).await);
    let before = rows(database).await;
    let report = verify(&database.url().await, &options).await.unwrap();
    assert_eq!(rows(database).await, before);
    report
}

/// Every row of every table, where it lies, and where every sequence stands.
async fn rows(database: &Database) -> Vec<String> {
    let tables = "select format('select %L || (ctid, r)::text from %s r', oid::regclass, oid::regclass) from pg_class \
                  where relkind = 'r' and relnamespace = 'public'::regnamespace union all \
                  select format('select %L || last_value || is_called from %s', oid::regclass, oid::regclass) \
                  from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace order by 1";
    let mut rows = Vec::new();
    for select in database.query(tables).await {
        rows.extend(database.query(&format!("{select} order by 1")).await);
    }
    rows
}

/// What is found about writing, by table: who, how bad, and in which ways.
fn found(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    for finding in &check(report, ID).findings {
        let (who, ways) = match finding {
            Finding::RowsOfOthersWritable(writable) => {
                assert_eq!(writable.users, [A, B]);
                ("users", &writable.ways)
            }
            Finding::RowsWritableByAnonymous(writable) => ("anybody", &writable.ways),
            _ => continue,
        };
        let severity = if finding.severity() == Severity::Critical { "critical" } else { "warning" };
        found.push(format!("{} {who} {severity}: {}", finding.common().object, ways.join(", ")));
    }
    found.sort();
    found
}

fn unread(report: &Report) -> Vec<String> {
    let unread = check(report, ID).unread.iter();
    unread.map(|unread| format!("{}: {}", unread.object, unread.cause.message)).collect()
}

#[tokio::test]
async fn the_healthy_twin_passes() {
    let report = tried(&healthy().await, &wanted()).await;
    assert_eq!((found(&report), unread(&report)), (vec![], vec![]));
    let result = check(&report, ID);
    assert_eq!(result.outcome, Outcome::Passed);
    assert!(result.examined["writes"] > 20, "{:?}", result.examined);
}

#[tokio::test]
async fn every_way_is_found() {
    for (damage, expected) in [
        (
            // What they see they may write, too.
            "alter policy own on invoices using (auth.uid() is not null)",
            &["public.invoices users critical: delete, give, insert, take, update"][..],
        ),
        (
            "alter table \"Log\"\"s; drop\" disable row level security",
            &[
                "public.\"Log\"\"s; drop\" anybody critical: delete, insert, update",
                "public.\"Log\"\"s; drop\" users critical: delete, give, insert, take, update",
            ],
        ),
        (
            "create policy w on drafts for insert to authenticated with check (true)",
            &["public.drafts users critical: insert"],
        ),
        // What SELECT hides, a filter hides too.
        (
            "create policy w on drafts for delete to authenticated using (true)",
            &["public.drafts users warning: delete blindly"],
        ),
        (
            "create policy w on drafts for delete to authenticated using (true);
             alter policy own on drafts using (true)",
            &["public.drafts users critical: delete"],
        ),
        (
            "create policy w on drafts for update to authenticated using (true)",
            &["public.drafts users warning: give blindly, take blindly, update blindly"],
        ),
        (
            "create policy w on drafts for update to authenticated using (true) with check (tenant_id in (select mine()));
             alter policy own on drafts using (true)",
            &["public.drafts users critical: take"],
        ),
        (
            "create policy w on drafts for update to authenticated using (tenant_id in (select mine())) with check (true)",
            &["public.drafts users warning: give blindly"],
        ),
        (
            "create policy w on drafts for update to authenticated using (tenant_id in (select mine())) with check (true);
             alter policy own on drafts using (true)",
            &["public.drafts users critical: give"],
        ),
        // A row of theirs that is not the first.
        (
            "create policy w on drafts for delete to anon using (id = 6)",
            &["public.drafts anybody warning: delete blindly"],
        ),
        // The privilege is for one column, which is not the tenant's.
        (
            "alter table drafts add body text default 'x'; revoke update on drafts from authenticated;
             grant update (body) on drafts to authenticated;
             create policy w on drafts for update to authenticated using (true)",
            &["public.drafts users warning: update blindly"],
        ),
        (
            "revoke update, delete, insert on drafts from authenticated;
             create policy w on drafts to authenticated using (true)",
            &[],
        ),
    ] {
        let database = healthy().await;
        database.execute(damage).await;
        let report = tried(&database, &wanted()).await;
        assert_eq!(found(&report), expected, "{damage}");
        assert_eq!(unread(&report), [""; 0], "{damage}");
    }
}

/// Identities, generated columns, partitions, columns that nobody may give, and keys that stand in the way.
#[tokio::test]
async fn every_shape_of_table_can_be_tried() {
    let database = healthy().await;
    database
        .execute(
            "create table numbered (id int generated always as identity primary key, tenant_id uuid not null,
               twice text generated always as (tenant_id || 'x') stored, tags text[], raw bytea, at timestamptz);
             create table parts (id int, tenant_id uuid not null, primary key (id, tenant_id)) partition by hash (tenant_id);
             create table parts_0 partition of parts for values with (modulus 2, remainder 0);
             create table parts_1 partition of parts for values with (modulus 2, remainder 1);
             create table counted (id serial, tenant_id uuid not null);
             revoke insert on counted from authenticated, anon;
             grant insert (tenant_id) on counted to authenticated;
             insert into numbered (tenant_id, tags, raw, at) select tenant_id, '{a,\"b c\"}', '\\xff00', now() from drafts;
             insert into parts select id, tenant_id from drafts;
             insert into counted (tenant_id) select tenant_id from drafts;
             do $$ declare t text; begin foreach t in array '{numbered,parts,counted}'::text[] loop
               execute format('alter table %I enable row level security', t);
               execute format('create policy own on %I to authenticated using (tenant_id in (select mine()))', t);
             end loop; end $$;
             alter table parts_0 enable row level security; alter table parts_1 enable row level security",
        )
        .await;
    let report = tried(&database, &wanted()).await;
    assert_eq!(found(&report), [""; 0]);
    assert_eq!(
        unread(&report),
        ["insert on public.counted: a trigger or a rule would have run, or not every column may be given"]
    );
    database
        .execute("alter policy own on numbered using (true); alter policy own on parts using (true)")
        .await;
    let report = tried(&database, &wanted()).await;
    assert_eq!(
        found(&report),
        [
            "public.numbered users critical: delete, give, insert, take, update",
            "public.parts users critical: delete, give, insert, take, update"
        ]
    );
}

/// Nothing runs that could leave a trace outside of the transaction, and what may forbid it is not taken for harmless.
#[tokio::test]
async fn triggers_and_rules_do_not_run_and_leave_it_open() {
    let open = "create policy w on drafts to authenticated using (true) with check (true);
        create sequence ran;
        create function run() returns trigger language plpgsql security definer as
        $$ begin perform nextval('public.ran'); if tg_op = 'DELETE' then return old; end if; return new; end $$;";
    let guarded =
        "policies let it through; whether a trigger, a rule or a foreign key stops it was not tried";
    let untried = "a trigger or a rule would have run, or not every column may be given";
    for (guard, expected) in [
        (
            "create trigger t before update or delete on drafts for each row execute function run()",
            (vec!["public.drafts users critical: insert".to_owned()], format!("delete, give, take and update on public.drafts: {guarded}")),
        ),
        (
            "create trigger t before update or delete on drafts for each row execute function run();
             alter table drafts enable always trigger t",
            (vec!["public.drafts users critical: insert".to_owned()], format!("delete, give, take and update on public.drafts: {untried}")),
        ),
        (
            "create rule r as on insert to drafts do also select nextval('public.ran')",
            (vec!["public.drafts users critical: delete, give, take, update".to_owned()], format!("insert on public.drafts: {guarded}")),
        ),
        (
            "alter table drafts add unique (tenant_id, id);
             create table lines (id int, tenant_id uuid, foreign key (tenant_id, id) references drafts (tenant_id, id));
             revoke all on lines from anon, authenticated",
            (vec!["public.drafts users critical: delete, insert, update".to_owned()], format!("give and take on public.drafts: {guarded}")),
        ),
    ] {
        let database = healthy().await;
        database.execute(open).await;
        database.execute(guard).await;
        let report = tried(&database, &wanted()).await;
        assert_eq!((found(&report), unread(&report)), (expected.0, vec![expected.1]), "{guard}");
        assert_eq!(database.query("select is_called from ran").await, ["f"], "{guard}");
    }
}

/// Who may not switch triggers off tries nothing that one of them would run on, here or in what refers to the table.
#[tokio::test]
async fn triggers_that_cannot_be_switched_off_are_kept_from_running() {
    let database = healthy().await;
    database
        .execute(
            "do $$ begin create role tw_verifier login bypassrls; exception when duplicate_object then null; end $$;
             grant anon, authenticated to tw_verifier;
             grant select on all tables in schema public to tw_verifier;
             create policy w on drafts to authenticated using (true) with check (true);
             create policy w on settings to authenticated using (true) with check (true);
             insert into settings values ('b0000000-0000-4000-8000-000000000000', 'light');
             create sequence ran;
             create function run() returns trigger language plpgsql security definer as
             $$ begin perform nextval('public.ran'); return null; end $$;
             create trigger t after delete on drafts for each row execute function run();
             create table themes (tenant_id uuid references settings on delete cascade, primary key (tenant_id));
             insert into themes select tenant_id from settings;
             revoke all on themes from anon, authenticated;
             create trigger t after delete on themes for each row execute function run()",
        )
        .await;
    let mut options = VerifyOptions::default();
    options.plan = parse(&wanted());
    options.collect.only = vec![ID.to_owned()];
    options.collect.attempt_writes = Some(name(&database).await);
    let before = rows(&database).await;
    let report = verify(&database.url_as("tw_verifier").await, &options).await.unwrap();
    assert_eq!(rows(&database).await, before);
    let untried = "a trigger or a rule would have run, or not every column may be given";
    assert_eq!(
        unread(&report),
        [format!("delete on public.drafts: {untried}"), format!("delete on public.settings: {untried}")]
    );
    assert_eq!(
        found(&report),
        [
            "public.drafts users critical: give, insert, take, update",
            "public.settings users critical: give, insert, take, update"
        ]
    );
    // A superuser switches both off, and says of the one that stands on the table itself that it may forbid it.
    let report = tried(&database, &wanted()).await;
    assert!(
        unread(&report)[0].starts_with("delete on public.drafts: policies let it through"),
        "{:?}",
        unread(&report)
    );
    assert_eq!(found(&report)[1], "public.settings users critical: delete, give, insert, take, update");
}

#[tokio::test]
async fn where_it_is_not_allowed_nothing_is_tried_and_that_is_no_pass() {
    let database = healthy().await;
    let report = database.report(&wanted(), None).await;
    let result = check(&report, ID);
    assert_eq!(result.outcome, Outcome::NotRun);
    assert!(result.unread[0].cause.hint.as_ref().unwrap().contains("--attempt-writes NAME"), "{result:?}");
    let protected = format!("[restore]\nprotect = [\"{}\"]\n{}", name(&database).await, wanted());
    let mut options = VerifyOptions::default();
    for (plan, name, why) in [
        (wanted(), "another@7".to_owned(), "not \"another@7\""),
        (protected, name(&database).await, "is protected: no write is attempted in it"),
    ] {
        options.plan = parse(&plan);
        options.collect.attempt_writes = Some(name);
        let report = database.untouched(verify(&database.url().await, &options)).await.unwrap();
        assert_eq!(check(&report, ID).outcome, Outcome::NotRun);
        assert!(unread(&report)[0].contains(why), "{:?}", unread(&report));
    }
    // Allowed, and not wanted.
    options.plan = parse(&plan());
    assert_eq!(verify(&database.url().await, &options).await.unwrap_err().kind(), drcore::ErrorKind::Usage);
}

#[tokio::test]
async fn what_fails_is_unread() {
    let database = healthy().await;
    database.execute("create policy w on drafts for delete to authenticated using (1 / (id - id) = 1)").await;
    let report = tried(&database, &wanted()).await;
    assert_eq!(unread(&report), ["delete on public.drafts: it failed: division by zero"]);
    // Whoever may not become them has been refused nothing.
    database
        .execute(
            "do $$ begin create role tw_outsider login bypassrls; exception when duplicate_object then null; end $$;
             grant select on all tables in schema public to tw_outsider",
        )
        .await;
    let mut options = VerifyOptions::default();
    options.plan = parse(&wanted());
    options.collect.attempt_writes = Some(name(&database).await);
    let report = verify(&database.url_as("tw_outsider").await, &options).await.unwrap();
    let writes: Vec<String> =
        unread(&report).into_iter().filter(|unread| unread.starts_with("writes")).collect();
    assert!(
        !writes.is_empty() && !check(&report, ID).examined.contains_key("writes"),
        "{:?}",
        unread(&report)
    );
}

/// A row that somebody holds is waited for no longer than the plan says.
#[tokio::test]
async fn what_somebody_holds_is_unread() {
    let database = healthy().await;
    database.execute("create policy w on drafts for delete to authenticated using (true)").await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; update drafts set id = id").await.unwrap();
    let plan = format!("[limits]\nlock_timeout = \"200ms\"\n{}", wanted());
    let report = tried(&database, &plan).await;
    assert!(unread(&report)[0].starts_with("delete on public.drafts: it failed"), "{:?}", unread(&report));
    drop(holder);
    driver.await.unwrap().unwrap();
}
