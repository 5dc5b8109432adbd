//! A project restored into a fresh one: the platform's schemas stay, and what the application put there comes back.

use drcore::restore::{Onto, RestoreCall, RestoreOptions, RestorePlan, RestoreStep, WhyOmitted};
use drcore::{Against, Verdict};
use drcore_tests::Database;

use super::round_trip::{baseline, dump, is_the_same, restore, target, verify};

/// What an application puts into a project, in the platform's schemas too.
const APPLICATION: &str = "
create table public.profiles (id uuid primary key references auth.users on delete cascade, email text not null);
alter table public.profiles enable row level security;
create policy own on public.profiles for all to authenticated using (id = auth.uid());
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email) values (new.id, new.email);
  return new;
end
$$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create schema internal;
create materialized view internal.domains as select split_part(email, '@', 2) as domain, count(*) from auth.users group by 1;
create view public.mine with (security_invoker) as select * from public.profiles;
create policy \"documents of members\" on storage.objects for select to authenticated using (bucket_id = 'documents');
create policy members on storage.buckets for select to authenticated using (true);
insert into auth.users (instance_id, id, aud, role, email, confirmation_token, recovery_token, email_change_token_new,
                        email_change, created_at)
  select '00000000-0000-0000-0000-000000000000', ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
    'authenticated', 'authenticated', n || '@example.com', '', '', '', '', now() from generate_series(1, 200) n;
insert into auth.identities (provider_id, user_id, identity_data, provider, id)
  select id::text, id, jsonb_build_object('email', email), 'email', gen_random_uuid() from auth.users;
insert into storage.buckets (id, name, public) values ('documents', 'documents', false), ('avatars', 'avatars', true);
insert into storage.objects (bucket_id, name, version) select 'documents', 'a/' || n, 'v' from generate_series(1, 30) n;
select setval('auth.refresh_tokens_id_seq', 777);
";

/// `security_invoker` came with PostgreSQL 15.
fn application(major: u32) -> String {
    let view = "create view public.mine with (security_invoker) as select * from public.profiles;";
    // Without it the view would read past the policies.
    if major < 15 { APPLICATION.replace(view, "") } else { APPLICATION.to_owned() }
}

async fn source() -> Database {
    let source = Database::supabase().await;
    source.execute(&application(drcore_tests::major().await)).await;
    source
}

#[tokio::test]
async fn a_project_comes_back_in_a_fresh_one() {
    let source = source().await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let fresh = Database::supabase().await;
    let planned = RestorePlan::of(&archive, &target(&fresh, Onto::Empty).await, &RestoreOptions::default())
        .await
        .unwrap();
    assert!(planned.target.supabase && planned.target.scratch);
    let lost: Vec<_> = planned.left_out.iter().filter(|omitted| omitted.is_loss()).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let loads: Vec<String> = planned
        .steps
        .iter()
        .filter_map(|step| match step {
            RestoreStep::Load { table, .. } => Some(table.to_string()),
            _ => None,
        })
        .collect();
    let place = |table: &str| loads.iter().position(|name| name == table).unwrap();
    assert!(place("auth.users") < place("auth.identities"), "{loads:?}");
    assert!(place("storage.buckets") < place("storage.objects"), "{loads:?}");

    let restored = restore(&archive, &fresh, &RestoreOptions::default()).await;
    let failures: Vec<_> = restored.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(restored.run.replica_role, Some(true));
    // Its trigger did not run while they came, and is there.
    assert_eq!(
        fresh.query("select count(*) from profiles").await,
        source.query("select count(*) from profiles").await
    );
    assert_eq!(
        fresh.query("select count(*) from pg_trigger where tgname = 'on_auth_user_created'").await,
        ["1"]
    );
    assert_eq!(fresh.query("select count(*) from internal.domains").await, ["1"]);
    assert_eq!(fresh.query("select last_value from auth.refresh_tokens_id_seq").await, ["777"]);
    is_the_same(&verify(&fresh, &before).await, "a fresh project");
}

#[tokio::test]
async fn what_a_dump_opens_again_is_closed_from_the_baseline_and_verified() {
    let source = source().await;
    source
        .execute(
            "create table public.secrets (id int primary key); insert into public.secrets values (1);
             alter table public.secrets enable row level security;
             revoke all on public.secrets from anon, authenticated;
             create function public.admin() returns int language sql security definer set search_path = '' as 'select 1';
             revoke execute on function public.admin() from public, anon, authenticated",
        )
        .await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let fresh = Database::supabase().await;
    let mut call = RestoreCall::default();
    call.verify.against = Some(Against::Evidence(Box::new(before.clone())));
    call.verify.content(true);
    let planned =
        drcore::restore::restore(archive.to_str().unwrap(), &fresh.url().await, &call).await.unwrap();
    let restored = planned.execute(&planned.execute_options()).await.unwrap();
    let after = restored.after.as_ref().unwrap();
    // The target's default privileges granted what the source had revoked.
    let opened = "select has_table_privilege('anon', 'public.secrets', 'select') or has_function_privilege('anon', 'public.admin()', 'execute')";
    assert_eq!(after.first.verdict, Verdict::Failed, "{}", restored.to_text());
    assert!(after.repaired.is_some(), "{:?}", after.failure);
    assert_eq!(fresh.query(opened).await, ["f"], "{}", restored.to_text());
    assert_eq!(after.report().verdict, Verdict::Passed, "{}", restored.to_text());
    assert_eq!(restored.exit_code(), 0);
    is_the_same(&verify(&fresh, &before).await, "after what the dump opened was closed");
    // What no restore does is in the list.
    assert!(
        restored.cut_over.to_markdown().contains("- [ ] stop writes"),
        "{}",
        restored.cut_over.to_markdown()
    );
}

#[tokio::test]
async fn columns_that_the_project_does_not_have_are_dropped_and_told() {
    let source = source().await;
    source.execute("alter table auth.users add old_flag text default 'x'; create table auth.gone (id int primary key)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let fresh = Database::supabase().await;
    let restored = restore(&archive, &fresh, &RestoreOptions::default()).await;
    assert!(restored.failures().next().is_none(), "{:#?}", restored.errors);
    let users = restored.loaded.iter().find(|loaded| loaded.table.to_string() == "auth.users").unwrap();
    assert_eq!((users.rows, &users.dropped[..]), (200, &["old_flag".to_owned()][..]));
    assert!(restored.to_text().contains("LOST     old_flag of auth.users"), "{}", restored.to_text());
    let other =
        restored.plan.left_out.iter().find(|omitted| omitted.why == WhyOmitted::OtherVersion).unwrap();
    assert!(other.objects.contains(&"table auth.gone".to_owned()), "{other:?}");
    assert_eq!(fresh.query("select count(*) from auth.users").await, ["200"]);
}

#[tokio::test]
async fn what_cannot_travel_is_listed_with_what_to_do() {
    let source = Database::supabase().await;
    source
        .execute(
            "create schema cron; create table cron.job (jobid int primary key, schedule text, command text);
             insert into cron.job values (1, '* * * * *', 'select 1');
             create schema vault; create table vault.secrets (id int primary key, secret text);
             insert into vault.secrets values (1, 'encrypted');
             create schema net; create table net.http_request_queue (id int primary key); insert into net.http_request_queue values (1);
             create subscription feed connection 'host=nowhere dbname=x' publication p with (connect = false);
             create table public.a (id int primary key)",
        )
        .await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    // They belong to the whole cluster while they are there.
    source.execute("alter subscription feed disable; alter subscription feed set (slot_name = none); drop subscription feed").await;
    let fresh = Database::supabase().await;
    fresh
        .execute(
            "create schema cron; create table cron.job (jobid int primary key, schedule text, command text);
             create schema vault; create table vault.secrets (id int primary key, secret text);
             create schema net; create table net.http_request_queue (id int primary key);",
        )
        .await;
    let plan = RestorePlan::of(&archive, &target(&fresh, Onto::Empty).await, &RestoreOptions::default())
        .await
        .unwrap();
    let why = |why: WhyOmitted| {
        plan.left_out.iter().find(|omitted| omitted.why == why).map(|omitted| &omitted.objects[..])
    };
    assert_eq!(why(WhyOmitted::Vault), Some(&["rows of vault.secrets".to_owned()][..]));
    assert_eq!(why(WhyOmitted::Queue), Some(&["rows of net.http_request_queue".to_owned()][..]));
    assert_eq!(why(WhyOmitted::Subscription), Some(&["subscription feed".to_owned()][..]));
    let text = plan.to_text();
    assert!(text.contains("LEFT OUT rows of vault.secrets") && text.contains("pgsodium"), "{text}");
    // In a scratch cluster nothing runs them: they are looked at there.
    let restored = restore(&archive, &fresh, &RestoreOptions::default()).await;
    assert!(restored.failures().next().is_none(), "{:#?}", restored.errors);
    assert_eq!(fresh.query("select count(*) from cron.job").await, ["1"]);
    assert_eq!(fresh.query("select count(*) from vault.secrets").await, ["0"]);
}
