-- About 230,000 rows, the same on every machine and in every year: no clock, no random
-- numbers, no generated ids. The backup instant is 2026-11-20 02:00:00 UTC; the newest
-- rows are seconds older, and every tenant wrote something in the last hour.
-- Needs a UTF8 database. Runs after schema.sql, as one batch or statement by statement.

-- Spreads a key over 0 .. 67,108,863.
create function pg_temp.mix(key bigint, salt integer) returns bigint language sql immutable as $$
  select ((key * 2654435761 + salt * 374761393::bigint) % 4294967291) / 64
$$;

-- When row k of n was written: the last h of them within the last hour, the others
-- thinning out over two years.
create function pg_temp.written(k integer, n integer, h integer, lag integer) returns timestamptz
language sql immutable as $$
  select timestamptz '2026-11-20 02:00:00+00' - interval '1 microsecond' * (
    pg_temp.mix(k, lag) % 900000
    + 1000000 * case
        when n - k < h then 3 + lag + (n - k) * (3300 / h)
        else 3700 + (n - k - h + 1)::bigint * (n - k - h + 1) * 60000000 / (greatest(n - h, 1)::bigint * greatest(n - h, 1))
      end)
$$;

-- The row of an older table that row k of n belongs to; never one of its last `fresh`
-- rows, which therefore have no children.
create function pg_temp.elder(k integer, n integer, elders integer, fresh integer, salt integer) returns integer
language sql immutable as $$
  select greatest(1, least(elders - fresh, (k::bigint * elders / n)::integer) - (pg_temp.mix(k, salt) % 23)::integer)
$$;

create function pg_temp.uid(kind text, t integer, k integer) returns uuid language sql immutable as $$
  select md5(kind || ':' || t || ':' || k)::uuid
$$;

-- w is the tenant's weight in per cent; the _before columns start its block of ids.
create temp table size as
select s.*,
       md5('tenant:' || s.slug)::uuid as id,
       5 * w + 4 as users, 20 * w as clients, 30 * w as projects, 200 * w as tasks, 1200 * w as logs,
       60 * w as invoices, 15 * w as proposals, 10 * w as contracts, 150 * w as notes, 400 * w as events,
       4 * w + 2 as devices, 8 * w + 4 as beacons,
       (200 * (sum(w) over earlier))::integer as tasks_before,
       (60 * (sum(w) over earlier))::integer as invoices_before,
       (15 * (sum(w) over earlier))::integer as proposals_before,
       (sum(4 * w + 2) over earlier)::integer as devices_before,
       (t * 5) % 12 as lag
  from (values ( 1, 17, 'nordlicht-digital',   'Nordlicht Digital GmbH',           'scale'),
               ( 2,  3, 'atelier-cafe-noir',   'Atelier « Café Noir »',            'studio'),
               ( 3, 29, 'hotmess-london',      'HOTMESS London',                   'scale'),
               ( 4,  1, 'obrien-and-sons',     'O''Brien & Sons',                  'free'),
               ( 5, 12, 'sonan-digital',       'SONAN DIGITAL',                    'scale'),
               ( 6,  6, 'paycraft',            'PayCraft',                         'studio'),
               ( 7,  8, 'aamodha-labs',        'Aamodha Labs (आमोध)',              'studio'),
               ( 8,  2, 'tokyo-design',        '東京デザイン株式会社',             'free'),
               ( 9,  9, 'lodz-web',            'Łódź "Web" Studio',                'studio'),
               (10,  5, 'rocket-science',      'Rocket 🚀 Science',                'studio'),
               (11,  4, 'backslash-inc',       'C:\Backslash\Inc',                 'free'),
               (12,  4, 'quiet-lines',         E'Quiet\nLines',                    'free')
       ) as s (t, w, slug, name, plan)
window earlier as (order by t rows between unbounded preceding and 1 preceding);
update size
   set tasks_before = coalesce(tasks_before, 0),
       invoices_before = coalesce(invoices_before, 0),
       proposals_before = coalesce(proposals_before, 0),
       devices_before = coalesce(devices_before, 0);
analyze size;

insert into public.plans (code, name, price_cents, created_at)
values ('free',   'Free',             0, '2024-11-01 09:00:00+00'),
       ('studio', 'Studio',        4900, '2024-11-01 09:00:00+00'),
       ('scale',  'Scale',        19900, '2024-11-01 09:00:00+00'),
       ('legacy', 'Legacy “2024”', 2900, '2024-11-01 09:00:00+00');

insert into public.tenants (id, slug, name, plan_code, settings, created_at)
select id, slug, name, plan,
       jsonb_build_object('locale', (array['de', 'fr', 'en', 'ja'])[1 + t % 4], 'weight', w),
       timestamptz '2024-11-05 08:00:00+00' + t * interval '1 day'
  from size
 order by t;

-- Users: number 1 of a tenant owns it; every fourth was invited and never came.
create temp table people as
select s.t, k, s.id as tenant_id, s.slug,
       pg_temp.uid('user', s.t, k) as id,
       'user' || k || '@' || s.slug || '.example' as email,
       (array['Ada', 'Björn', 'Chloé', 'D’Arcy', 'Ewa', 'Fátima', 'Göran', 'Hana 花', 'Ines "Nes"', 'Jörg'])[1 + k % 10]
         || ' ' || (array['Okafor', 'Müller', 'O''Neil', 'Nowak', '佐藤', 'Rossi', 'de la Cruz'])[1 + (k * 3 + s.t) % 7] as name,
       k % 4 <> 0 as active,
       timestamptz '2024-11-06 08:00:00+00' + s.t * interval '1 day'
         + interval '1 second' * (pg_temp.mix(s.t * 1000 + k, 1) % 60000000) * least(k - 1, 1) as created_at
  from size s
 cross join lateral generate_series(1, s.users) k;
analyze people;

-- The trigger on auth.users writes the "User" rows.
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, invited_at,
                        confirmation_token, recovery_token, email_change_token_new, email_change, last_sign_in_at,
                        raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
select '00000000-0000-0000-0000-000000000000', id, 'authenticated', 'authenticated', email,
       case when active then '$2a$10$' || md5('password:' || id) || substr(md5('salt:' || id), 1, 21) else '' end,
       case when active then created_at + interval '7 minutes' end,
       case when not active then created_at end,
       '', '', '', '',
       case when active then timestamptz '2026-11-20 01:50:00+00' - interval '1 second' * (pg_temp.mix(k * 13 + t, 2) % 5000000) end,
       '{"provider": "email", "providers": ["email"]}',
       jsonb_build_object('name', name, 'tenant_id', tenant_id, 'locale', (array['de-DE', 'fr-FR', 'en-GB', 'ja-JP'])[1 + k % 4]),
       created_at, created_at
  from people p
 order by p.created_at, p.id;

update public."User"
   set bio = E'Line one\nline "two", it''s\ttabbed \\ and — dashed'
 where id in (select id from people where k % 3 = 0);

insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select md5('identity:' || id)::uuid, id::text, id,
       jsonb_build_object('sub', id, 'email', email, 'email_verified', active),
       'email', case when active then timestamptz '2026-11-19 12:00:00+00' - k * interval '3 hours' end, created_at, created_at
  from people p
 order by p.created_at, p.id;

insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, aal, user_agent, ip)
select md5('session:' || id)::uuid, id,
       timestamptz '2026-11-20 01:59:00+00' - interval '1 second' * (pg_temp.mix(k * 17 + t, 3) % 2400000),
       timestamptz '2026-11-20 01:59:30+00' - interval '1 second' * (pg_temp.mix(k * 17 + t, 3) % 1200000),
       timestamp '2026-11-20 01:59:30' - interval '1 second' * (pg_temp.mix(k * 17 + t, 3) % 1200000),
       'aal1', 'Mozilla/5.0 (X11; Linux x86_64)', ('10.' || t || '.' || k / 250 || '.' || k % 250)::inet
  from people
 where active
 order by t, k;

-- Two per session: one used up, its child current.
insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
select '00000000-0000-0000-0000-000000000000',
       substr(md5('token:' || g || ':' || s.id), 1, 22), s.user_id::text, g = 1,
       s.created_at + g * interval '1 second', s.created_at + g * interval '1 second',
       case when g = 2 then substr(md5('token:1:' || s.id), 1, 22) end, s.id
  from auth.sessions s
 cross join generate_series(1, 2) g
 order by s.created_at, s.id, g;

-- The first three of each tenant also help out at the next one.
insert into public.tenant_members (tenant_id, user_id, role, created_at)
select tenant_id, id, case when k = 1 then 'owner' when k % 9 = 2 then 'admin' when k % 11 = 5 then 'viewer' else 'member' end,
       created_at
  from people
union all
select s.id, p.id, 'viewer', greatest(p.created_at, timestamptz '2025-01-01 00:00:00+00')
  from people p
  join size s on s.t = p.t % 12 + 1
 where p.k <= 3;

insert into public."Beacon" (id, tenant_id, "ownerId", title, "startsAt", latitude, longitude, created_at)
select pg_temp.uid('beacon', s.t, k), s.id, pg_temp.uid('user', s.t, 1 + (pg_temp.mix(k, 4) % s.users)::integer),
       (array['Launch 🚀', 'Werkschau', 'It''s "late"', 'Café-Treff', E'Two\nlines', '展示会'])[1 + k % 6] || ' #' || k,
       pg_temp.written(k, s.beacons, 1, s.lag + 3) + interval '9 days',
       51.5 + (pg_temp.mix(k, 5) % 100000) / 100000.0, -0.1 + (pg_temp.mix(k, 6) % 100000) / 100000.0,
       pg_temp.written(k, s.beacons, 1, s.lag + 3)
  from size s
 cross join lateral generate_series(1, s.beacons) k
 order by 8, 1;

insert into public.clients (id, tenant_id, name, email, notes, created_at, updated_at)
select pg_temp.uid('client', s.t, k), s.id,
       (array['Müller & Söhne', 'O''Hara "Prints"', 'Société Générale de Thé', 'Acme, Inc.', '株式会社サクラ', 'Ćwikła sp. z o.o.',
              'Null', 'Robert''); drop table students;--'])[1 + k % 8] || ' ' || k,
       case when k % 7 <> 0 then 'office' || k || '@client' || k % 97 || '.example' end,
       case k % 5 when 0 then null when 1 then '' when 2 then E'first line\nsecond line\r\nthird'
                  when 3 then 'path C:\new\table' else 'prefers “quotes”, tabs	and 100 % cotton' end,
       pg_temp.written(k, s.clients, 1 + s.w / 8, s.lag + 1), pg_temp.written(k, s.clients, 1 + s.w / 8, s.lag + 1)
  from size s
 cross join lateral generate_series(1, s.clients) k
 order by 6, 1;

-- Four in five belong to a programme, the project before them that is a multiple of five.
insert into public.projects (id, tenant_id, client_id, parent_project_id, name, status, budget_cents, created_at, updated_at)
select pg_temp.uid('project', s.t, k), s.id,
       pg_temp.uid('client', s.t, pg_temp.elder(k, s.projects, s.clients, 1 + s.w / 8, 7)),
       case when k > 5 and k % 5 <> 0 then pg_temp.uid('project', s.t, k - k % 5) end,
       (array['Relaunch', 'Brand book', 'Shop « v2 »', 'Ünïcode audit', 'Support'])[1 + k % 5] || ' ' || k,
       (array['done', 'active', 'archived', 'lead'])[1 + k % 4],
       (pg_temp.mix(k, 8) % 900 + 100) * 10000,
       pg_temp.written(k, s.projects, 1, s.lag + 2), pg_temp.written(k, s.projects, 1, s.lag + 2)
  from size s
 cross join lateral generate_series(1, s.projects) k
 order by 8, 1;

insert into public.tasks (id, tenant_id, project_id, assignee_tenant_id, assignee_user_id, title, description, status, created_at)
select s.tasks_before + k, s.id,
       pg_temp.uid('project', s.t, pg_temp.elder(k, s.tasks, s.projects, 1, 9)),
       case when k % 3 <> 0 then s.id end,
       case when k % 3 <> 0 then pg_temp.uid('user', s.t, 1 + (pg_temp.mix(k, 10) % s.users)::integer) end,
       (array['Draft', 'Review', 'Fix', 'Ship', 'Call', 'Übergabe'])[1 + k % 6] || ' ' || k,
       case k % 4 when 0 then E'- step one\n- step "two"\n' when 1 then 'it''s ready' end,
       (array['open', 'doing', 'done', 'done'])[1 + k % 4],
       pg_temp.written(k, s.tasks, 2 + s.w / 4, s.lag)
  from size s
 cross join lateral generate_series(1, s.tasks) k;

-- Ids in the order of writing. Only people who came log time. The two biggest tables
-- are loaded as restores load: checking their foreign keys row by row takes as long as
-- all the rest.
set session_replication_role = replica;
insert into public.time_logs (tenant_id, task_id, user_id, logged_date, hours, billable, note, created_at)
select id, task_id, user_id, (created_at at time zone 'utc')::date, hours, billable, note, created_at
  from (select s.id, k,
               s.tasks_before + pg_temp.elder(k, s.logs, s.tasks, 2 + s.w / 4, 11) as task_id,
               case when k % 50 <> 0
                    then pg_temp.uid('user', s.t, 4 * (pg_temp.mix(k, 12) % (s.users / 4))::integer + 1 + k % 3) end as user_id,
               0.25 * (1 + pg_temp.mix(k, 13) % 32) as hours,
               k % 6 <> 0 as billable,
               case k % 9 when 0 then 'pairing with “Zoë”' when 1 then E'fix:\n\tthe "quote" bug' when 2 then '' end as note,
               pg_temp.written(k, s.logs, 4 + s.w, s.lag) as created_at
          from size s
         cross join lateral generate_series(1, s.logs) k) w
 order by created_at, id, k;
reset session_replication_role;

-- Lines first, so that each invoice is the sum of its own.
create temp table line as
select s.t, s.id as tenant_id, k, l,
       'INV-' || lpad(k::text, 5, '0') as number,
       (array['Design', 'Development', 'Hosting', 'Travel — 2nd class', 'Consulting "on site"'])[1 + (k + l) % 5] as description,
       1 + pg_temp.mix(k * 5 + l, 14) % 12 as quantity,
       100 * (50 + pg_temp.mix(k * 5 + l, 15) % 120) as unit_cents,
       pg_temp.written(k, s.invoices, 2 + s.w / 10, s.lag + 2) as created_at
  from size s
 cross join lateral generate_series(1, s.invoices) k
 cross join lateral generate_series(1, 1 + k % 5) l;

insert into public.invoices (id, tenant_id, number, client_id, project_id, status, subtotal_cents, issued_on, created_at)
select s.invoices_before + i.k, s.id, i.number,
       pg_temp.uid('client', s.t, pg_temp.elder(i.k, s.invoices, s.clients, 1 + s.w / 8, 16)),
       case when i.k % 4 <> 0 then pg_temp.uid('project', s.t, pg_temp.elder(i.k, s.invoices, s.projects, 1, 17)) end,
       case when s.invoices - i.k < 5 then 'draft' else (array['paid', 'paid', 'sent', 'void', 'paid'])[1 + i.k % 5] end,
       i.subtotal_cents, (i.created_at at time zone 'utc')::date, i.created_at
  from size s
  join (select t, k, number, created_at, sum(quantity * unit_cents) as subtotal_cents
          from line
         group by t, k, number, created_at) i on i.t = s.t
 order by 1;

insert into public.invoice_lines (tenant_id, invoice_number, line_no, description, quantity, unit_cents, created_at)
select tenant_id, number, l, description, quantity, unit_cents, created_at
  from line
 order by t, k, l;

-- Proposals carry the even numbers of the common series, contracts the odd ones.
insert into public.proposals (id, tenant_id, number, client_id, title, body, amount_cents, file_path, status, created_at)
select s.proposals_before + k, s.id, 2 * (s.proposals_before + k),
       pg_temp.uid('client', s.t, pg_temp.elder(k, s.proposals, s.clients, 1 + s.w / 8, 18)),
       (array['Website', 'Rebrand', 'Retainer "Gold"', 'Été campaign'])[1 + k % 4] || ' ' || k,
       E'Dear client,\n\nwe''d be glad to …\n',
       (pg_temp.mix(k, 19) % 500 + 20) * 10000,
       case when k % 2 = 0 then s.id || '/proposals/' || s.proposals_before + k || '.pdf' end,
       (array['accepted', 'sent', 'lost', 'accepted', 'draft'])[1 + k % 5],
       pg_temp.written(k, s.proposals, 1 + s.w / 10, s.lag + 4)
  from size s
 cross join lateral generate_series(1, s.proposals) k;

insert into public.contracts (id, tenant_id, number, proposal_id, title, file_path, signed_at, created_at)
select pg_temp.uid('contract', s.t, k), s.id, 2 * (s.proposals_before + k) - 1,
       case when k % 6 <> 0 then s.proposals_before + pg_temp.elder(k, s.contracts, s.proposals, 1 + s.w / 10, 20) end,
       'Contract № ' || k,
       s.id || '/contracts/' || 2 * (s.proposals_before + k) - 1 || '-signed.pdf',
       case when k % 5 <> 0 then pg_temp.written(k, s.contracts, 1 + s.w / 10, s.lag + 5) end,
       pg_temp.written(k, s.contracts, 1 + s.w / 10, s.lag + 5)
  from size s
 cross join lateral generate_series(1, s.contracts) k;

insert into public.notifications (tenant_id, user_id, kind, body, read_at, created_at)
select id, user_id, kind, body, case when k % 3 <> 0 then created_at + interval '4 seconds' end, created_at
  from (select s.id, k,
               pg_temp.uid('user', s.t, 1 + (pg_temp.mix(k, 21) % s.users)::integer) as user_id,
               (array['task.assigned', 'invoice.paid', 'mention', 'contract.signed'])[1 + k % 4] as kind,
               (array['You''ve been assigned', 'Paid: “thank you”', E'@you\nsee below', 'Signed ✔'])[1 + k % 4] || ' (' || k || ')' as body,
               pg_temp.written(k, s.notes, 3 + s.w / 3, s.lag + 6) as created_at
          from size s
         cross join lateral generate_series(1, s.notes) k) n
 order by created_at, id, k;

insert into public.devices (id, tenant_id, user_id, label, created_at)
select s.devices_before + k, s.id,
       pg_temp.uid('user', s.t, 4 * (pg_temp.mix(k, 22) % (s.users / 4))::integer + 1 + k % 3),
       (array['MacBook', 'Pixel', 'iPhone “work”', 'ThinkPad'])[1 + k % 4] || ' ' || k,
       pg_temp.written(k, s.devices, 1, s.lag + 20)
  from size s
 cross join lateral generate_series(1, s.devices) k;

set session_replication_role = replica;
insert into public.audit_events (tenant_id, device_id, actor_id, action, payload, created_at)
select id, device_id, actor_id, action, payload, created_at
  from (select s.id, k,
               case when k % 8 <> 0 then s.devices_before + pg_temp.elder(k, s.events, s.devices, 1, 23) end as device_id,
               pg_temp.uid('user', s.t, 1 + (pg_temp.mix(k, 24) % s.users)::integer) as actor_id,
               (array['login', 'client.update', 'invoice.send', 'file.open', 'task.move'])[1 + k % 5] as action,
               case when k % 3 = 0 then jsonb_build_object('n', k, 'note', 'it''s "ok" ✓', 'path', array['a', 'b']) end as payload,
               pg_temp.written(k, s.events, 3 + s.w / 2, s.lag) as created_at
          from size s
         cross join lateral generate_series(1, s.events) k) e
 order by created_at, id, k;
reset session_replication_role;

insert into public.api_credentials (id, tenant_id, label, key_hash, created_at)
select pg_temp.uid('credential', t, k), id, (array['production', 'staging', 'ci "nightly"'])[k],
       md5('hash1:' || t || ':' || k) || md5('hash2:' || t || ':' || k),
       timestamptz '2025-03-01 10:00:00+00' + (t * 3 + k) * interval '5 days'
  from size
 cross join generate_series(1, 3) k
 order by t, k;

insert into public.billing_accounts (tenant_id, customer_ref, tax_number, created_at)
select id, 'cus-' || substr(md5('customer:' || t), 1, 14), case when t % 3 <> 0 then 'DE' || 100000000 + t * 7919 end,
       timestamptz '2024-11-05 08:30:00+00' + t * interval '1 day'
  from size
 order by t;

insert into public.rate_limits (tenant_id, route, hits, created_at)
select id, '/api/' || (array['clients', 'tasks', 'time-logs', 'invoices', 'files'])[k], (pg_temp.mix(t * 5 + k, 25) % 900)::integer,
       timestamptz '2026-11-20 01:58:00+00' - (t * 5 + k) * interval '40 seconds'
  from size
 cross join generate_series(1, 5) k
 order by t, k;

-- Files --------------------------------------------------------------------------

insert into storage.buckets (id, name, created_at, updated_at, public, file_size_limit, allowed_mime_types)
values ('documents', 'documents', '2024-11-01 09:00:00+00', '2024-11-01 09:00:00+00', false, 52428800,
        array['application/pdf', 'image/png', 'image/jpeg']),
       ('avatars', 'avatars', '2024-11-01 09:00:00+00', '2024-11-01 09:00:00+00', true, 2097152, array['image/*']);

-- Every file path of the application has its object, and every document is referred to.
insert into storage.objects (id, bucket_id, name, owner, owner_id, created_at, updated_at, last_accessed_at, metadata, version)
select md5('object:' || f.bucket || ':' || f.path)::uuid, f.bucket, f.path, f.owner, f.owner::text,
       f.created_at, f.created_at, f.created_at,
       jsonb_build_object('eTag', '"' || md5('bytes:' || f.path) || '"', 'size', f.size, 'contentLength', f.size,
                          'mimetype', f.mime, 'cacheControl', 'max-age=3600', 'httpStatusCode', 200,
                          'lastModified', to_char(f.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
       md5('version:' || f.path)::uuid::text
  from (select 'documents' as bucket, d.file_path as path, p.id as owner, d.created_at, 'application/pdf' as mime,
               20000 + ('x' || substr(md5(d.file_path), 1, 5))::bit(20)::integer as size
          from (select tenant_id, file_path, created_at from public.contracts
                 union all
                select tenant_id, file_path, created_at from public.proposals where file_path is not null) d
          join people p on p.tenant_id = d.tenant_id and p.k = 1
         union all
        select 'avatars', id || '/avatar.png', id, created_at + interval '1 hour', 'image/png',
               4000 + ('x' || substr(md5(id::text), 1, 4))::bit(16)::integer
          from people
         where active and k % 3 <> 0) f
 order by f.created_at, f.path;

-- Ids that were written by hand have not moved the sequences.
select setval('public.tasks_id_seq', (select max(id) from public.tasks)),
       setval('public.invoices_id_seq', (select max(id) from public.invoices)),
       setval('public.proposals_id_seq', (select max(id) from public.proposals)),
       setval('public.devices_id_seq', (select max(id) from public.devices)),
       setval('public.document_number_seq',
              greatest((select max(number) from public.proposals), (select max(number) from public.contracts)));

drop table size, people, line;
