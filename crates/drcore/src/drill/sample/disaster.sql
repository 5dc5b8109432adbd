-- A restore that went wrong in the ways that real ones do, done to a restored copy of
-- the sample. Superuser, one session, as one batch:
--
--     set drcore.seed = '7';
--     <this file>
--     select damage, object, finding_ids, detail from pg_temp.damage_log order by damage, object;
--
-- The seed alone decides which tables, rows and tenants are hit. The log is not what
-- this script meant to do but what it left behind, measured afterwards with the plainest
-- SQL there is: damages meet in the same rows, and a deleted parent orphans more than
-- one table. One line a finding; a line without finding ids explains others.

drop table if exists pg_temp.damage_log;
drop table if exists pg_temp.lost;
drop table if exists pg_temp.was;
create temporary table damage_log (
  damage      text not null,
  object      text not null,
  finding_ids text[] not null,
  detail      jsonb not null
);
-- Every row that was deleted, by whom.
create temporary table lost (tab regclass, cause text, key text, tenant text);
-- Every table as it was.
create temporary table was (tab regclass, total bigint, newest jsonb);

-- 0 .. n - 1, by the seed and what for.
create or replace function pg_temp.seeded(purpose text, n bigint) returns bigint language sql stable as $$
  select ('x' || substr(md5(current_setting('drcore.seed')::bigint || ':' || purpose), 1, 8))::bit(32)::bigint % n
$$;

-- Candidates in the seed's order.
create or replace function pg_temp.shuffled(purpose text, candidates text[]) returns text[] language sql stable as $$
  select array_agg(c order by md5(current_setting('drcore.seed')::bigint || ':' || purpose || ':' || c) collate "C")
    from unnest(candidates) c
$$;

create or replace function pg_temp.name_of(tab regclass) returns text language sql stable as $$
  select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.oid = tab
$$;

-- The primary key of a row as text: SQL over the alias r. Composite keys with commas.
create or replace function pg_temp.key_of(tab regclass) returns text language sql stable as $$
  select 'concat_ws('','', ' || string_agg(format('r.%I::text', a.attname), ', ' order by k.position) || ')'
    from pg_catalog.pg_constraint c
   cross join lateral unnest(c.conkey) with ordinality k (attnum, position)
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum
   where c.conrelid = tab and c.contype = 'p'
$$;

create or replace function pg_temp.tenant_of(tab regclass) returns text language sql stable as $$
  select case when exists (select from pg_catalog.pg_attribute where attrelid = tab and attname = 'tenant_id')
              then 'r.tenant_id::text' else 'null::text' end
$$;

-- `c.a = p.x and c.b = p.y` for a foreign key.
create or replace function pg_temp.matches(fk oid, child text, parent text) returns text language sql stable as $$
  select string_agg(format('%s.%I = %s.%I', child, ca.attname, parent, pa.attname), ' and ' order by k.position)
    from pg_catalog.pg_constraint c
   cross join lateral unnest(c.conkey, c.confkey) with ordinality k (from_attnum, to_attnum, position)
    join pg_catalog.pg_attribute ca on ca.attrelid = c.conrelid and ca.attnum = k.from_attnum
    join pg_catalog.pg_attribute pa on pa.attrelid = c.confrelid and pa.attnum = k.to_attnum
   where c.oid = fk
$$;

-- The foreign keys of the application, of auth and of storage; those of partitions are
-- copies of their root's.
create or replace function pg_temp.fks() returns table (fk oid, name text, child regclass, parent regclass, full_match boolean)
language sql stable as $$
  select c.oid, c.conname::text, c.conrelid::regclass, c.confrelid::regclass, c.confmatchtype = 'f'
    from pg_catalog.pg_constraint c
    join pg_catalog.pg_namespace n on n.oid = c.connamespace
   where c.contype = 'f' and c.conparentid = 0 and n.nspname in ('public', 'auth', 'storage')
$$;

-- A row r of this table has no children: its loss orphans nothing.
create or replace function pg_temp.childless(tab regclass) returns text language sql stable as $$
  select coalesce(string_agg(format('not exists (select from %s c where %s)', pg_temp.name_of(child),
                                    pg_temp.matches(fk, 'c', 'r')), ' and '), 'true')
    from pg_temp.fks()
   where parent = tab
$$;

-- Deletes rows r and writes them down.
create or replace function pg_temp.lose(tab regclass, cause text, condition text) returns bigint language plpgsql as $$
declare
  n bigint;
begin
  execute format('with gone as (delete from %s r where %s returning %s as key, %s as tenant)
                  insert into pg_temp.lost select %L::oid::regclass, %L, key, tenant from gone',
                 pg_temp.name_of(tab), condition, pg_temp.key_of(tab), pg_temp.tenant_of(tab), tab::oid, cause);
  get diagnostics n = row_count;
  return n;
end
$$;

-- The same for n rows of the seed's choice.
create or replace function pg_temp.lose_some(tab regclass, cause text, condition text, n bigint) returns bigint
language plpgsql as $$
declare
  keys text[];
begin
  execute format('select array_agg(key)
                    from (select %1$s as key
                            from %2$s r
                           where %3$s
                           order by md5(current_setting(''drcore.seed'')::bigint || %4$L || %1$s) collate "C", 1
                           limit %5$s) chosen',
                 pg_temp.key_of(tab), pg_temp.name_of(tab), condition, ':' || cause || ':', n)
     into keys;
  return pg_temp.lose(tab, cause, format('%s = any (%L::text[])', pg_temp.key_of(tab), keys));
end
$$;

-- Row count and newest value of each timestamptz column, for every table.
create or replace function pg_temp.measure() returns table (tab regclass, total bigint, newest jsonb) language plpgsql as $$
declare
  columns text;
begin
  for tab in
    select c.oid
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'auth', 'storage') and c.relkind in ('r', 'p') and not c.relispartition
     order by n.nspname, c.relname
  loop
    select string_agg(format('%L, max(r.%I)', a.attname, a.attname), ', ' order by a.attnum)
      into columns
      from pg_catalog.pg_attribute a
     where a.attrelid = tab and a.attnum > 0 and not a.attisdropped and a.atttypid = 'timestamptz'::regtype;
    execute format('select count(*), jsonb_build_object(%s) from %s r', coalesce(columns, ''), pg_temp.name_of(tab))
       into total, newest;
    return next;
  end loop;
end
$$;

do $disaster$
declare
  backup_at   constant timestamptz := '2026-11-20 02:00:00+00';
  hour_ago    constant timestamptz := '2026-11-20 01:00:00+00';
  old_role    constant text := current_setting('session_replication_role');
  old_path    constant text := current_setting('search_path');
  old_zone    constant text := current_setting('timezone');
  -- Members, users and clients have children in several tables: their loss is the
  -- knock-on kind. Invited users own neither sessions nor files, which refer to
  -- auth.users without a constraint, where this log would be blind.
  fk_names    constant text[] := array[
    'time_logs_task_id_fkey', 'projects_parent_project_id_fkey', 'projects_client_id_fkey',
    'invoice_lines_invoice_fkey', 'audit_events_device_id_fkey', 'notifications_member_fkey',
    'Beacon_ownerId_fkey', 'User_id_fkey'];
  rls_tables  constant text[] := array[
    'public.clients', 'public.projects', 'public.tasks', 'public.time_logs', 'public.invoices',
    'public.invoice_lines', 'public.proposals', 'public.contracts', 'public.notifications',
    'public.devices', 'public.audit_events', 'public."Beacon"'];
  picked      text[];
  fk          record;
  r           record;
  n           bigint;
  tab         regclass;
  pol         record;
  condition   text;
  orphaned    text;
  tenants     jsonb;
  keys        jsonb;
  parents     bigint;
  ids         text[];
  tenant      uuid;
  slug        text;
  top         bigint;
  next_value  bigint;
begin
  if current_setting('drcore.seed', true) is null then
    raise exception 'set drcore.seed first';
  end if;
  perform set_config('search_path', '', true),
          set_config('timezone', 'UTC', true),
          -- As Supabase's own dump loads: no trigger fires, no foreign key is checked,
          -- and every constraint goes on saying that it is valid.
          set_config('session_replication_role', 'replica', true);
  insert into pg_temp.was select * from pg_temp.measure();

  -- Parents lost ----------------------------------------------------------------
  picked := (pg_temp.shuffled('orphaned_rows', fk_names))[1:2];
  for fk in
    select f.* from unnest(picked) with ordinality p (name, position) join pg_temp.fks() f using (name) order by p.position
  loop
    condition := format('exists (select from %s c where %s and c.created_at <= %L)',
                        pg_temp.name_of(fk.child), pg_temp.matches(fk.fk, 'c', 'r'), hour_ago);
    if fk.parent = 'auth.users'::regclass then
      condition := condition || ' and not exists (select from auth.sessions s where s.user_id = r.id)'
                             || ' and not exists (select from auth.refresh_tokens t where t.user_id = r.id::text)'
                             || ' and not exists (select from storage.objects o where o.owner_id = r.id::text or o.owner = r.id)';
    end if;
    perform pg_temp.lose_some(fk.parent, 'orphaned_rows', condition, 2 + pg_temp.seeded('parents:' || fk.name, 4));
  end loop;

  -- Rows lost, out of the middle ------------------------------------------------
  tab := (pg_temp.shuffled('fewer_rows', array[
    'public.time_logs', 'public.notifications', 'public.invoice_lines', 'public.audit_events',
    'public.proposals', 'public.contracts', 'public."Beacon"', 'auth.refresh_tokens']))[1]::regclass;
  perform pg_temp.lose_some(tab, 'fewer_rows', format('r.created_at <= %L and %s', hour_ago, pg_temp.childless(tab)),
                            3 + pg_temp.seeded('rows', 38));

  -- One tenant's last hour lost -------------------------------------------------
  picked := (pg_temp.shuffled('tenant_gap', (select array_agg(t.id::text) from public.tenants t)))[1:1];
  tenant := picked[1];
  select t.slug into slug from public.tenants t where t.id = tenant;
  picked := 'public.time_logs'::text || (pg_temp.shuffled('tenant_gap_tables', array[
    'public.invoices', 'public.tasks', 'public.clients', 'public.notifications', 'public.audit_events',
    'public.proposals', 'public.contracts', 'public."Beacon"']))[1:3];
  if 'public.invoices' = any (picked) then
    picked := 'public.invoice_lines'::text || picked;
  end if;
  for tab in select p::regclass from unnest(picked) p loop
    perform pg_temp.lose(tab, 'tenant_gap', format('r.tenant_id = %L and r.created_at > %L and %s',
                                                   tenant, hour_ago, pg_temp.childless(tab)));
  end loop;
  insert into pg_temp.damage_log
  select 'tenant_gap', tenant::text, '{}',
         jsonb_build_object('tenant', tenant, 'slug', slug, 'since', hour_ago, 'until', backup_at,
                            'rows', sum(g.rows), 'tables', jsonb_object_agg(g.name, g.rows))
    from (select pg_temp.name_of(l.tab) as name, count(*) as rows
            from pg_temp.lost l
           where l.cause = 'tenant_gap'
           group by l.tab) g;

  -- What that comes to ----------------------------------------------------------
  for r in
    select m.tab, w.total as before, m.total as after, w.newest as newest_before, m.newest as newest_after
      from pg_temp.measure() m
      join pg_temp.was w using (tab)
  loop
    select count(*) into n from pg_temp.lost l where l.tab = r.tab;
    if n <> r.before - r.after then
      raise exception '% rows of % were deleted, % are missing', n, r.tab, r.before - r.after;
    end if;
    if n > 0 then
      insert into pg_temp.damage_log
      select 'fewer_rows', pg_temp.name_of(r.tab),
             array[format('row_counts:%s:%s', case when r.after = 0 then 'emptied_table' else 'fewer_rows' end,
                          pg_temp.name_of(r.tab))],
             jsonb_build_object(
               'rows', n, 'before', r.before, 'after', r.after,
               'causes', (select jsonb_object_agg(c.cause, c.rows)
                            from (select l.cause, count(*) as rows from pg_temp.lost l where l.tab = r.tab group by 1) c),
               'tenants', (select coalesce(jsonb_object_agg(t.tenant, t.rows), '{}')
                             from (select l.tenant, count(*) as rows
                                     from pg_temp.lost l
                                    where l.tab = r.tab and l.tenant is not null
                                    group by 1) t),
               'keys', (select jsonb_agg(l.key order by l.key collate "C") from pg_temp.lost l where l.tab = r.tab));
    end if;
    -- The newest row is gone: what the database says of its own age has changed.
    if r.newest_before ->> 'created_at' is distinct from r.newest_after ->> 'created_at' then
      insert into pg_temp.damage_log
      select 'stale_data', pg_temp.name_of(r.tab) || '.created_at',
             array['freshness:stale_data:' || pg_temp.name_of(r.tab) || '.created_at'],
             jsonb_build_object(
               'newest_before', r.newest_before -> 'created_at', 'newest_after', r.newest_after -> 'created_at',
               'lost_seconds', extract(epoch from (r.newest_before ->> 'created_at')::timestamptz
                                                  - (r.newest_after ->> 'created_at')::timestamptz));
    end if;
  end loop;

  for fk in select * from pg_temp.fks() order by pg_temp.name_of(child), name loop
    -- Without a parent; under MATCH SIMPLE a NULL anywhere excuses the row, under MATCH
    -- FULL only NULLs everywhere do.
    select case when fk.full_match
                then 'not (' || string_agg(format('r.%I is null', a.attname), ' and ') || ')'
                else string_agg(format('r.%I is not null', a.attname), ' and ') end
      into condition
      from pg_catalog.pg_constraint c
      join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
     where c.oid = fk.fk;
    orphaned := format('from %s r where %s and not exists (select from %s p where %s)',
                       pg_temp.name_of(fk.child), condition, pg_temp.name_of(fk.parent), pg_temp.matches(fk.fk, 'r', 'p'));
    execute 'select count(*) ' || orphaned into n;
    if n > 0 then
      execute format('select coalesce(jsonb_object_agg(t.tenant, t.rows), ''{}'')
                        from (select %s as tenant, count(*) as rows %s group by 1) t
                       where t.tenant is not null', pg_temp.tenant_of(fk.child), orphaned)
         into tenants;
      execute format('select jsonb_agg(k.key order by k.key collate "C") from (select %s as key %s) k',
                     pg_temp.key_of(fk.child), orphaned)
         into keys;
      execute format('select count(*) from (select distinct %s %s) d',
                     (select string_agg(format('r.%I', a.attname), ', ')
                        from pg_catalog.pg_constraint c
                        join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
                       where c.oid = fk.fk), orphaned)
         into parents;
      insert into pg_temp.damage_log
      values ('orphaned_rows', format('%s:%I', pg_temp.name_of(fk.child), fk.name),
              array[format('orphan_fks:orphaned_rows:%s:%I', pg_temp.name_of(fk.child), fk.name)],
              jsonb_build_object('rows', n, 'tenants', tenants, 'keys', keys, 'parents', parents,
                                 'parent', pg_temp.name_of(fk.parent)));
    end if;
  end loop;

  -- Access ----------------------------------------------------------------------
  picked := pg_temp.shuffled('row_security', rls_tables);
  execute format('alter table %s disable row level security', picked[1]);
  insert into pg_temp.damage_log
  values ('rls_disabled', picked[1], array['rls_coverage:rls_disabled:' || picked[1]], '{}');

  -- On a policy that allows writing: a SELECT for everyone can be meant.
  select pg_temp.name_of(p.polrelid) as tab, p.polname, p.polcmd,
         pg_catalog.pg_get_expr(p.polqual, p.polrelid) as qual
    into pol
    from pg_catalog.pg_policy p
    join unnest(picked[2:]) with ordinality t (name, position) on t.name::regclass = p.polrelid
   where p.polcmd in ('w', 'd')
   order by t.position, md5(current_setting('drcore.seed')::bigint || ':policy_always_true:' || p.polname) collate "C"
   limit 1;
  execute format('alter policy %I on %s using (true) %s', pol.polname, pol.tab,
                 case pol.polcmd when 'w' then 'with check (true)' else '' end);
  insert into pg_temp.damage_log
  values ('policy_always_true', format('%s:%I', pol.tab, pol.polname),
          array[format('rls_coverage:policy_always_true:%s:%I', pol.tab, pol.polname),
                format('rls_coverage:policy_changed:%s:%I', pol.tab, pol.polname)],
          jsonb_build_object('table', pol.tab, 'policy', pol.polname,
                             'command', case pol.polcmd when 'w' then 'update' else 'delete' end,
                             'using_before', pol.qual));

  picked := array_remove(picked[2:], pol.tab);
  select pg_temp.name_of(p.polrelid) as tab, p.polname,
         pg_catalog.pg_get_expr(p.polqual, p.polrelid) as qual,
         pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as with_check
    into pol
    from pg_catalog.pg_policy p
   where p.polrelid = picked[1]::regclass
   order by md5(current_setting('drcore.seed')::bigint || ':policy_lost:' || p.polname) collate "C"
   limit 1;
  execute format('drop policy %I on %s', pol.polname, pol.tab);
  insert into pg_temp.damage_log
  values ('policy_lost', format('%s:%I', pol.tab, pol.polname),
          array[format('rls_coverage:policy_lost:%s:%I', pol.tab, pol.polname)],
          jsonb_build_object('table', pol.tab, 'policy', pol.polname,
                             'using_before', pol.qual, 'with_check_before', pol.with_check));

  -- What default privileges do to an object that is created again.
  picked := array[(pg_temp.shuffled('reopened_table', array['public.api_credentials', 'public.billing_accounts']))[1],
                  (pg_temp.shuffled('reopened_function', array[
                    'public.purge_tenant(uuid)', 'public.rotate_api_key(uuid,text,text)', 'public.handle_new_user()']))[1]];
  execute format('grant all on table %s to anon, authenticated', picked[1]);
  execute format('grant all on function %s to anon, authenticated', picked[2]);
  insert into pg_temp.damage_log
  select 'reopened_grant', o.name,
         -- What only triggers can call, nobody can.
         array[case when o.name = 'public.handle_new_user()' then 'privilege_drift:privileges_widened:public:functions'
                    when o.name like '%)' then 'privilege_drift:definer_functions_opened:public:functions'
                    else 'privilege_drift:privileges_widened:public:tables' end],
         jsonb_build_object('roles', array['anon', 'authenticated'],
                            'object_kind', case when o.name like '%)' then 'function' else 'table' end)
    from unnest(picked) o (name);

  update storage.buckets set public = true where id = 'documents';
  insert into pg_temp.damage_log
  select 'bucket_public', 'documents', array['bucket_privacy:bucket_public:documents'],
         jsonb_build_object('files', count(*)) from storage.objects where bucket_id = 'documents';

  -- Sequences -------------------------------------------------------------------
  picked := (pg_temp.shuffled('sequence_behind', array[
    'public.time_logs_id_seq', 'public.tasks_id_seq', 'public.notifications_id_seq', 'public.devices_id_seq',
    'public.invoices_id_seq', 'public.proposals_id_seq', 'public.audit_events_id_seq',
    'auth.refresh_tokens_id_seq', 'public.document_number_seq']))[1:1];
  if picked[1] = 'public.document_number_seq' then
    ids := array['public.contracts.number', 'public.proposals.number'];
    select max(u.number) into top
      from (select number from public.contracts union all select number from public.proposals) u;
  else
    ids := array[regexp_replace(picked[1], '_id_seq$', '.id')];
    execute format('select max(id) from %s', regexp_replace(picked[1], '_id_seq$', '')) into top;
  end if;
  -- The next value is taken already, in one of the two ways that a sequence can say so.
  next_value := greatest(2, top - pg_temp.seeded('lag', 400));
  if pg_temp.seeded('is_called', 2) = 0 then
    perform setval(picked[1]::regclass, next_value, false);
  else
    perform setval(picked[1]::regclass, next_value - 1, true);
  end if;
  insert into pg_temp.damage_log
  values ('sequence_behind', picked[1], array['sequence_lag:sequence_behind:' || picked[1]],
          jsonb_build_object('next_value', next_value, 'max_value', top, 'columns', ids));

  perform set_config('session_replication_role', old_role, true),
          set_config('search_path', old_path, true),
          set_config('timezone', old_zone, true);
end
$disaster$;
