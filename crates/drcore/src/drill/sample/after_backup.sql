-- What the application went on to write in the source after the backup, until 02:55:
-- for every tenant, and lost in a restore to the backup instant. For `gap --since`.
--
-- Tenant number i (1 to 12 by slug) has 1 + i % 3 new clients, 6 + i tasks, 20 + 2 i time
-- logs, 2 invoices of 2 lines each, 5 notifications and 10 audit events: over all 24 + 150
-- + 396 + 24 + 48 + 60 + 120 = 822 rows. Besides, one client a tenant was changed and one
-- read notification a tenant deleted: such changes no timestamp of creation can show.

create temp table writer as
select row_number() over (order by t.slug collate "C") as i, t.id,
       (select u.id from public."User" u where u.tenant_id = t.id order by u.created_at, u.id limit 1) as user_id,
       (select p.id from public.projects p where p.tenant_id = t.id order by p.created_at, p.id limit 1) as project_id,
       (select c.id from public.clients c where c.tenant_id = t.id order by c.created_at, c.id limit 1) as client_id
  from public.tenants t;

-- Row k of n is written at its share of the 55 minutes.
create function pg_temp.later(k bigint, n bigint, i bigint) returns timestamptz language sql immutable as $$
  select timestamptz '2026-11-20 02:00:00+00' + interval '1 millisecond' * (3250000 * k / n + i * 1013)
$$;

insert into public.clients (id, tenant_id, name, email, notes, created_at, updated_at)
select md5('late client:' || i || ':' || k)::uuid, id, 'Late & "Lost" ' || k, 'late' || k || '@client.example', E'after\nthe backup',
       pg_temp.later(k, 1 + i % 3, i), pg_temp.later(k, 1 + i % 3, i)
  from writer
 cross join lateral generate_series(1, 1 + i % 3) k
 order by i, k;

insert into public.tasks (tenant_id, project_id, title, status, created_at)
select id, project_id, 'Late task ' || k, 'open', pg_temp.later(k, 6 + i, i)
  from writer
 cross join lateral generate_series(1, 6 + i) k
 order by i, k;

insert into public.time_logs (tenant_id, task_id, user_id, logged_date, hours, note, created_at)
select w.id, (select min(t.id) from public.tasks t where t.tenant_id = w.id and t.created_at > '2026-11-20 02:00:00+00'),
       w.user_id, date '2026-11-20', 0.5, 'after the backup', pg_temp.later(k, 20 + 2 * i, i)
  from writer w
 cross join lateral generate_series(1, 20 + 2 * i) k
 order by i, k;

insert into public.invoices (tenant_id, number, client_id, status, subtotal_cents, issued_on, created_at)
select id, 'INV-9000' || k, client_id, 'sent', 30000, date '2026-11-20', pg_temp.later(k, 2, i)
  from writer
 cross join generate_series(1, 2) k
 order by i, k;
insert into public.invoice_lines (tenant_id, invoice_number, line_no, description, quantity, unit_cents, created_at)
select id, 'INV-9000' || k, l, 'After the backup', l, 10000, pg_temp.later(k, 2, i)
  from writer
 cross join generate_series(1, 2) k
 cross join generate_series(1, 2) l
 order by i, k, l;

insert into public.notifications (tenant_id, user_id, kind, body, created_at)
select id, user_id, 'mention', 'After the backup', pg_temp.later(k, 5, i)
  from writer
 cross join generate_series(1, 5) k
 order by i, k;

insert into public.audit_events (tenant_id, actor_id, action, created_at)
select id, user_id, 'login', pg_temp.later(k, 10, i)
  from writer
 cross join generate_series(1, 10) k
 order by i, k;

-- The trigger would take the clock's word for updated_at.
alter table public.clients disable trigger set_clients_updated_at;
update public.clients c
   set notes = 'changed after the backup', updated_at = pg_temp.later(1, 2, w.i)
  from writer w
 where c.id = w.client_id;
alter table public.clients enable trigger set_clients_updated_at;

delete from public.notifications n
 using (select min(o.id) as id from public.notifications o where o.read_at is not null group by o.tenant_id) oldest
 where n.id = oldest.id;

drop table writer;
