-- One of every kind of object, and several where a kind has several forms. Runs on PostgreSQL 13 to 18 as superuser.

create schema app;
create schema "we""ird; DROP";
create extension citext schema public;

-- Types ------------------------------------------------------------------------------------------------------

create type app.mood as enum ('sad', 'ok', 'happy');
alter type app.mood add value 'calm' before 'ok';
create type app.pair as (a integer, b text collate "C", "C D" numeric(10, 2));
create domain app.email as citext default 'nobody@example.com' not null
  constraint has_at check (value::text like '%@%');
alter domain app.email add constraint is_short check (length(value::text) < 100) not valid;
create domain app.plain as text collate "C";
create function app.span_diff(a double precision, b double precision) returns double precision
  language sql immutable as 'select a - b';
create type app.span as range (subtype = double precision, subtype_diff = app.span_diff);
create type app.base;
create function app.base_in(cstring) returns app.base language internal immutable strict as 'int4in';
create function app.base_out(app.base) returns cstring language internal immutable strict as 'int4out';
create type app.base (input = app.base_in, output = app.base_out, internallength = 4, passedbyvalue, default = '7');
create type app.shell;
create collation app.bytes (locale = 'C');
create collation app.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- Functions --------------------------------------------------------------------------------------------------

create function app.add(a integer, b integer default 2, out total integer) language sql immutable strict parallel safe
  cost 5 as $$ select a + b $$;
create function app.many(variadic names text[]) returns table (name text, place bigint) language sql stable rows 7 as $$
  select n, o from unnest(names) with ordinality u (n, o)
$$;
create function app.touch() returns trigger language plpgsql security definer set search_path = '' as $body$
begin
-- A comment at the beginning of a line.
  new.touched := pg_catalog.now();
  return new;
end
$body$;
create function app.note() returns trigger language plpgsql as $$ begin return null; end $$;
create function app.tell() returns event_trigger language plpgsql as $$ begin null; end $$;
create procedure app.work(inout n integer) language plpgsql as $$ begin n := n + 1; end $$;
create function app.leak(text, text) returns boolean language internal immutable strict leakproof as 'texteq';
create function app.quoted() returns text language sql as $$
select 'a
-- not a comment
b'
$$;
create function "we""ird; DROP"."f""n"("p""1" integer) returns integer language sql as 'select 1';
create aggregate app.total (integer) (sfunc = int4pl, stype = integer, initcond = '0', combinefunc = int4pl, parallel = safe);
create aggregate app.rank_of (variadic "any" order by variadic "any")
  (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
create aggregate app.moving (double precision) (
  sfunc = float8pl, stype = double precision, msfunc = float8pl, minvfunc = float8mi, mstype = double precision,
  initcond = '0', minitcond = '0', sortop = operator(pg_catalog.<)
);

-- Operators, casts and what indexes use ------------------------------------------------------------------------

create function app.same(app.pair, app.pair) returns boolean language sql immutable as 'select ($1).a = ($2).a';
create operator app.=== (
  function = app.same, leftarg = app.pair, rightarg = app.pair, commutator = operator(app.===), restrict = eqsel, join = eqjoinsel
);
create function app.not_same(app.pair, app.pair) returns boolean language sql immutable as 'select ($1).a <> ($2).a';
create operator app.!== (function = app.not_same, leftarg = app.pair, rightarg = app.pair, negator = operator(app.===));
create function app.to_text(app.pair) returns text language sql immutable as 'select ($1).b';
create cast (app.pair as text) with function app.to_text(app.pair) as assignment;
create cast (app.span as text) with inout;
create operator family app.numbers using btree;
alter operator family app.numbers using btree add
  operator 1 < (integer, bigint), function 1 (integer, bigint) btint48cmp(integer, bigint);
create operator class app.backwards for type integer using btree family app.numbers as
  operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint4cmp(integer, integer);
create conversion app.from_latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create access method heap_two type table handler heap_tableam_handler;
create function app.handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create language plother handler app.handler;
create transform for integer language sql (
  from sql with function prsd_lextype(internal), to sql with function int4recv(internal)
);
create text search dictionary app.stems (template = snowball, language = english, stopwords = english);
create text search configuration app.words (copy = simple);
alter text search configuration app.words alter mapping for word, asciiword with app.stems, simple;
create text search parser app.parts (
  start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype, headline = prsd_headline
);
create text search template app.lower (init = dsimple_init, lexize = dsimple_lexize);

-- Tables -----------------------------------------------------------------------------------------------------

create sequence app.numbers as integer increment by -3 minvalue -100 maxvalue 50 start with 50 cache 7 cycle;
create table app.owners (
  id bigint generated by default as identity (start with 10 increment by 5) primary key,
  code text collate "C" not null unique deferrable initially deferred,
  email app.email,
  mood app.mood default 'ok',
  spare app.pair,
  dropped integer
);
alter table app.owners drop column dropped;
alter table app.owners add column late date default '2026-01-01';
create table app.things (
  id serial primary key,
  owner_id bigint not null references app.owners (id) on update cascade on delete restrict deferrable,
  number integer not null default nextval('app.numbers'),
  name varchar(40) constraint things_name_check check (name <> ''),
  price numeric(12, 2) not null default 0.00,
  twice numeric generated always as (price * 2) stored,
  touched timestamptz,
  during tsrange,
  body text,
  constraint is_cheap check (price < 1000) no inherit,
  constraint apart exclude using gist (during with &&),
  constraint numbered unique (owner_id, number) with (fillfactor = 80)
) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
alter table app.things alter column body set storage external, alter column name set statistics 500,
  alter column price set (n_distinct = 5);
alter table app.things add constraint is_named check (name is not null) not valid;
create index things_name_idx on app.things (lower(name) text_pattern_ops desc nulls last) include (price)
  with (fillfactor = 60) where price > 0;
alter index app.things_name_idx alter column 1 set statistics 300;
create unique index things_body_idx on app.things (md5(body));
create index things_brin on app.things using brin (touched) with (pages_per_range = 32);
cluster app.things using things_pkey;
alter table app.things replica identity full;
create statistics app.things_stats (ndistinct, dependencies) on owner_id, number from app.things;
alter statistics app.things_stats set statistics 400;
alter table app.things enable row level security;
create policy mine on app.things for update to public using (owner_id = 1) with check (price > 0);
create table app.children (extra text not null) inherits (app.things);
alter table app.children alter column price set default 1.00;
create table app.typed of app.pair (a with options primary key, b default 'x');
create unlogged table app.cache (k text primary key, v jsonb) with (fillfactor = 50);
create table app.heap (id integer) using heap_two;
create table "we""ird; DROP"."t""1" ("c""1" integer primary key, "select" text);

create table app.parted (
  id bigint generated always as identity, kind text not null, at date not null, n integer default 0 check (n >= 0),
  primary key (id, kind, at)
) partition by list (kind);
create index parted_at_idx on app.parted (at);
create table app.parted_a partition of app.parted for values in ('a', 'A');
create table app.parted_b (kind text not null, id bigint not null, n integer default 5 constraint parted_n_check check (n >= 0), at date not null);
alter table app.parted attach partition app.parted_b for values in ('b');
create table app.parted_rest partition of app.parted default partition by range (at);
create table app.parted_rest_2026 partition of app.parted_rest for values from ('2026-01-01') to ('2027-01-01');
create table app.parted_refs (kind text, id bigint, at date, foreign key (id, kind, at) references app.parted (id, kind, at));
alter table app.parted_a add constraint small check (n < 100);
create index parted_a_n on app.parted_a (n);

-- Triggers and rules -----------------------------------------------------------------------------------------

create trigger touch before insert or update of name, price on app.things
  for each row when (new.price > 0) execute function app.touch();
create trigger quiet after delete on app.things for each statement execute function app.note('argument', '2');
alter table app.things disable trigger quiet;
create constraint trigger later after insert on app.things deferrable initially deferred
  for each row execute function app.note();
alter table app.things enable always trigger later;
create trigger seen after update on app.owners referencing old table as o new table as n
  for each statement execute function app.note();
alter table app.owners enable replica trigger seen;
create trigger parts after insert on app.parted for each row execute function app.note();
alter table app.parted_b disable trigger parts;
create rule no_delete as on delete to app.cache do instead nothing;
create rule log_it as on insert to app.typed where new.a > 5 do also insert into app.cache values (new.a::text, null);
alter table app.typed disable rule log_it;
create event trigger on_ddl on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function app.tell();
alter event trigger on_ddl disable;

-- Views ------------------------------------------------------------------------------------------------------

create view app.cheap with (security_barrier) as
  select t.id, upper(t.name) as name, (select count(*) from app.owners o where o.id = t.owner_id) as owners
    from app.things t where t.price < 10 with local check option;
create view app.single as select id, code as c, mood from app.owners where id > 0 order by code;
alter view app.single alter column c set default 'z';
create view app.joined as
  with recursive up (id, n) as (select id, 1 from app.things union all select u.id, u.n + 1 from up u where u.n < 3)
  select o.code, up.n, row_number() over (partition by o.mood order by up.n desc) as place
    from app.owners o left join up on up.id = o.id and o.id <> all (array[1, 2]);
create view app.both as select id from app.things union select id from app.owners;
create view app.inner_one as select s.id from (select id, code from app.owners) s where s.code in (select kind from app.parted);
create materialized view app.summary with (fillfactor = 90) as select owner_id, sum(price) as total from app.things group by owner_id;
create unique index summary_owner on app.summary (owner_id);
create materialized view app.later_on as select 1 as one with no data;
create view app.on_view as select * from app.cheap where name ~~ 'A%';
create trigger instead_of instead of insert on app.on_view for each row execute function app.note();

-- All that majors may print in their own ways.
create view app.printed as
  select extract(year from t.touched) as a, t.touched at time zone 'UTC' as b, position('x' in t.body) as c,
         trim(both 'x' from t.body) as d, substring(t.body from 2 for 3) as e, overlay(t.body placing 'x' from 1) as f,
         t.body like 'a%' as g, t.price between 1 and 2 as h, t.price between symmetric 2 and 1 as i,
         t.body is distinct from o.code as j, t.id = any (array[1, 2]) as k, (t.id, o.id) = (1, 2) as l,
         interval '1 day 02:00' as m, o.code collate "POSIX" as n, current_date as p, current_timestamp(3) as q,
         case o.code when 'x' then 1 else 2 end as r, coalesce(t.body, o.code, '') as s, nullif(t.id, 1) as t,
         greatest(t.id, o.id) as u, (o.spare).b as v, array[[1, 2], [3, 4]] as w, row(1, 'a') = row(t.id, o.code) as x, '{"a": 1}'::jsonb -> 'a' as y,
         t.body ~ 'x' and not (t.body !~~* 'y') as z, sum(t.price) filter (where t.id > 1) over w1 as aa,
         count(*) over (partition by o.mood order by t.id rows between 1 preceding and unbounded following) as ab,
         exists (select from app.parted p where p.id = t.id) as ac, (select max(p.id) from app.parted p) as ad,
         t.body is not null as ae, (o.spare is null) is not true as af, t.id::bigint::text as ag, 'a''b\c' as ah,
         xmlelement(name x, t.body) is document as ai, t.during && '[2026-01-01,)'::tsrange as aj, session_user as ak,
         (array[1, 2, 3])[1:2] as al, normalize(t.body) as am, 1.0e10 as an, -1 as ao, 'x'::"char" as ap
    from app.things t join app.owners o on o.id = t.owner_id
   window w1 as (order by t.id groups between unbounded preceding and current row exclude ties);
create view app.printed_too as
  select o.mood, g.n, v.a, grouping(o.mood) as grouped
    from app.owners o
    cross join lateral generate_series(1, 3) with ordinality g (n, at)
    natural left join (values (1, 'x'), (2, 'y')) v (a, b)
    full join app.things t using (id)
   group by grouping sets ((o.mood, g.n, v.a), cube (o.mood, g.n), ())
  having count(distinct t.id) > 0
   order by 1 desc nulls last, 2 using >
   limit 5 offset 1;
create view app.printed_last as
  select * from app.things tablesample system (10) repeatable (1) intersect all
  (select t.* from only app.things t except select id, owner_id, number, name, price, twice, touched, during, body from app.children);
create view app.locked as select id from app.owners where id > 3 for update of owners skip locked;
create view app.selfish as select x.id from app.owners x where x.id in (select x.id from app.things y where y.owner_id = x.id);
create view app.lone_values as values (1, 'a'), (2, 'b');
create view app.lone_function as select n from generate_series(1, 3) n;
create view app.lone_star as select t.*, t from app.things t;
create view app.lone_window as select rank() over (partition by o.mood order by o.code) as place, o.mood as "mood" from app.owners o
  group by o.mood, o.code having max(o.id) > 1;

-- Elsewhere --------------------------------------------------------------------------------------------------

create foreign data wrapper somewhere options (debug 'true');
create server far type 'x' version '1' foreign data wrapper somewhere options (host 'far.example.com', port '5432');
create user mapping for public server far options (user 'reader', password 'hunter2');
create foreign table app.remote (id integer options (column_name 'ident') not null, name text collate "C")
  server far options (schema_name 'public', table_name 'remote');
create publication some_tables for table app.owners, app.things with (publish = 'insert, update');
create publication all_of_it for all tables with (publish_via_partition_root = true);
select lo_create(4711);

-- What came later --------------------------------------------------------------------------------------------

do $later$
declare
  version constant integer := current_setting('server_version_num')::integer / 10000;
begin
  if version >= 14 then
    execute $$ alter table app.owners alter column code set compression pglz $$;
    execute $$ create function app.atomic(n integer) returns integer language sql begin atomic select n + 1; select n + 2; end $$;
    execute $$ create statistics app.on_expression on (lower(name)), price from app.things $$;
  end if;
  if version >= 15 then
    execute $$ create unique index owners_mood on app.owners (mood) nulls not distinct $$;
    execute $$ create publication narrow for table app.owners (id, code) where (id > 5) $$;
    execute $$ create publication of_schema for tables in schema "we""ird; DROP" $$;
    execute $$ create view app.asks with (security_invoker = true) as select id from app.owners $$;
    execute $$ alter table app.parted_refs add column o bigint, add column p bigint,
                 add foreign key (o) references app.owners (id) on delete set null (o) $$;
  end if;
  if version >= 16 then
    -- pg_dump of 16 and later names options that older servers do not know.
    execute $$ create subscription far_away connection 'host=far.example.com password=hunter2' publication p1, p2
                 with (connect = false, slot_name = none, enabled = false, create_slot = false) $$;
    execute $$ comment on subscription far_away is 'subscription' $$;
  end if;
  if version >= 17 then
    execute $$ create table app.maintained (id integer primary key) $$;
    execute $$ create view app.json_of as select j.* from app.cache c, json_table(c.v, '$.a[*]' columns (n integer path '$.n')) j $$;
  end if;
  if version >= 18 then
    execute $$ create table app.newest (
      id integer primary key, twice integer generated always as (id * 2) virtual, n integer, m integer,
      parent integer references app.newest (id) not enforced, constraint positive check (n > 0) not enforced) $$;
    execute $$ alter table app.newest add constraint n_there not null n not valid $$;
    execute $$ alter table app.newest add constraint "m is there" not null m no inherit $$;
    execute $$ create table app.stays (room int4range, during daterange, primary key (room, during without overlaps)) $$;
  end if;
end
$later$;

-- Comments ---------------------------------------------------------------------------------------------------

comment on schema app is 'schema';
comment on table app.things is 'table';
comment on column app.things.name is 'column';
comment on constraint is_cheap on app.things is 'constraint';
comment on index app.things_name_idx is 'index';
comment on view app.cheap is 'view';
comment on materialized view app.summary is 'materialized view';
comment on foreign table app.remote is 'foreign table';
comment on sequence app.numbers is 'sequence';
comment on type app.mood is 'type';
comment on domain app.email is 'domain';
comment on function app.add(integer, integer) is 'function';
comment on procedure app.work(integer) is 'procedure';
comment on aggregate app.total(integer) is 'aggregate';
comment on trigger touch on app.things is 'trigger';
comment on rule no_delete on app.cache is 'rule';
comment on policy mine on app.things is 'policy';
comment on event trigger on_ddl is 'event trigger';
comment on operator app.=== (app.pair, app.pair) is 'operator';
comment on operator class app.backwards using btree is 'operator class';
comment on operator family app.numbers using btree is 'operator family';
comment on cast (app.pair as text) is 'cast';
comment on collation app.bytes is 'collation';
comment on conversion app.from_latin is 'conversion';
comment on text search configuration app.words is 'text search configuration';
comment on text search dictionary app.stems is 'text search dictionary';
comment on text search parser app.parts is 'text search parser';
comment on text search template app.lower is 'text search template';
comment on statistics app.things_stats is 'statistics';
comment on language plother is 'language';
comment on transform for integer language sql is 'transform';
comment on access method heap_two is 'access method';
comment on foreign data wrapper somewhere is 'foreign data wrapper';
comment on server far is 'server';
comment on publication some_tables is 'publication';
comment on large object 4711 is 'large object';
alter default privileges in schema public grant select on tables to public;
