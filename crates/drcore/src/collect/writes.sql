-- Tries what one user may write of one table, and undoes each attempt at once: every attempt ends in an exception.
--
-- What is asked comes in drcore.asked, and what came of it goes to drcore.told, both as JSON. Nothing is tried while a
-- trigger or a rule would run. `where current of` reads no column, so that only the policies of the command itself
-- decide; where these let the row through, the same is tried with a filter, for which those of SELECT decide too.
do $drcore$
declare
  asked    json := current_setting('drcore.asked')::json;
  named    text := asked ->> 'table';
  target   oid := named::regclass;
  tenant   text := asked ->> 'column';
  own      text := asked ->> 'own';
  mine     text := asked ->> 'mine';
  actor    text := asked ->> 'role';
  becoming text := asked ->> 'becoming';
  most     int := (asked ->> 'rows')::int;
  tree     oid[];
  quiet    bool := true;
  changed  text;
  copied   text;
  copies   text;
  other    text;
  way      text;
  seen     bool;
  held     bool := false;
  sql      text;
  outcome  text;
  failure  text;
  count    int8;
  line     record;
  lines    refcursor;
  awake    text[];
  guarded  text[];
  told     jsonb := '{"update": "no_row", "take": "no_row", "delete": "no_row", "insert": "no_row", "give": "no_row"}';
  rank     text[] := '{no_row,denied,failed,blind,allowed}';
begin
  begin
    set local session_replication_role = replica;
  exception when insufficient_privilege then
    quiet := false;
  end;

  with recursive t (oid) as (
    select target union select i.inhrelid from pg_inherits i join t on t.oid = i.inhparent
  )
  select array_agg(t.oid) into tree from t;

  -- What would run now, and what would run where a user wrote: it may forbid what policies let through.
  with bit (way, type, rule) as (
    values ('insert', 4, '3'), ('delete', 8, '4'), ('update', 16, '2'), ('take', 16, '2'), ('give', 16, '2')
  ), acts (way, runs, forbids) as (
    select b.way, g.tgenabled in ('A', 'R') or (not quiet and g.tgenabled = 'O' and not g.tgisinternal),
      not g.tgisinternal and g.tgenabled in ('A', 'O')
    from pg_trigger g join bit b on (g.tgtype & b.type) <> 0
    where g.tgrelid = any (tree)
    union all
    select b.way, r.ev_enabled in ('A', 'R') or (not quiet and r.ev_enabled = 'O'), r.ev_enabled in ('A', 'O')
    from pg_rewrite r join bit b on b.rule = r.ev_type::text
    where r.ev_class = any (tree)
    union all
    -- What refers to the row would be changed with it, and run what stands there.
    select b.way, not quiet, false
    from pg_constraint k
    join bit b on case b.way when 'insert' then false when 'delete' then k.confdeltype in ('c', 'n', 'd')
      else k.confupdtype in ('c', 'n', 'd') end
    where k.contype = 'f' and k.confrelid = any (tree)
    union all
    -- A key that holds more than the tenant keeps a row where it is.
    select b.way, false, true
    from pg_constraint k
    join pg_attribute a on a.attrelid = target and a.attname = tenant
    join bit b on b.way in ('take', 'give')
    where k.contype = 'f' and cardinality(k.conkey) > 1
      and ((k.conrelid = target and a.attnum = any (k.conkey)) or (k.confrelid = target and a.attnum = any (k.confkey)))
  )
  select coalesce(array_agg(a.way) filter (where a.runs), '{}'),
    coalesce(array_agg(a.way) filter (where a.forbids), '{}')
  into awake, guarded
  from acts a;

  -- A column that is set to what it holds, by preference the tenant's.
  select a.attname into changed
  from pg_attribute a
  where a.attrelid = target and a.attnum > 0 and not a.attisdropped
    and a.attgenerated = '' and a.attidentity <> 'a'
    and has_column_privilege(actor, target, a.attnum, 'UPDATE')
  order by a.attname <> tenant, a.attnum
  limit 1;
  -- What a row is copied by; what is left out gets its default, which must be no number of a sequence.
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) filter (where a.given),
    case
      when coalesce(bool_or(a.given) filter (where a.attname = tenant), false) is false then 'denied'
      when bool_or(not a.given and a.attnotnull and a.fallback is null and a.attidentity = '') then 'denied'
      when bool_or(not a.given and (a.attidentity <> '' or a.fallback ~ 'nextval')) then 'untried'
    end
  into copied, copies
  from (
    select a.*, has_column_privilege(actor, target, a.attnum, 'INSERT') as given,
      pg_get_expr(d.adbin, d.adrelid) as fallback
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = target and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  ) a;

  -- Whoever cannot become them is told so: that it fails below is no refusal.
  begin
    execute becoming;
    raise sqlstate 'DRC02';
  exception when sqlstate 'DRC02' then null;
  end;

  foreach way in array '{update,take,delete,insert,give}'::text[] loop
    continue when way in ('take', 'give') and mine is null or way = 'give' and other is null;
    lines := null;
    held := false;
    open lines no scroll for execute format(
      'select c.ctid::text as place, c.tableoid as part, c.%I::text as tenant, %s as value, to_json(c)::text as line '
      'from %s c where c.%I is not null and %s (%s)',
      tenant, coalesce(format('c.%I::text', changed), 'null'), named, tenant,
      case way when 'give' then '' else 'not' end, own
    );
    for number in 1 .. most loop
      fetch lines into line;
      exit when not found or held or told ->> way = 'allowed';
      other := coalesce(other, case when way <> 'give' then line.tenant end);
      outcome := case
        when way in (select unnest(awake)) then 'untried'
        when way = 'update' and changed is null then 'denied'
        when way in ('take', 'give') and changed is distinct from tenant then 'denied'
        when way = 'delete' and not has_table_privilege(actor, target, 'DELETE') then 'denied'
        when way = 'insert' then copies
      end;
      if outcome is not null then
        told := told || jsonb_build_object(way, outcome);
        exit;
      end if;
      seen := false;
      loop
        sql := case way
          when 'update' then format('update %s c set %I = %L', named, changed, line.value)
          when 'take' then format('update %s c set %I = %L', named, tenant, mine)
          when 'give' then format('update %s c set %I = %L', named, tenant, other)
          when 'delete' then format('delete from %s c', named)
          when 'insert' then format(
            'insert into %1$s (%2$s) overriding system value select %2$s from pg_catalog.json_populate_record(null::%1$s, %3$L)',
            named, copied, line.line
          )
        end || case
          when way = 'insert' then ''
          when seen then format(' where c.ctid = %L and c.tableoid = %L and c.%I is not null', line.place, line.part, tenant)
          else format(' where current of %I', lines)
        end;
        begin
          execute becoming;
          execute sql;
          get diagnostics count = row_count;
          if count > 0 then
            raise sqlstate 'DRC03';
          end if;
          raise sqlstate 'DRC02';
        exception
          when sqlstate 'DRC03' or integrity_constraint_violation then
            outcome := case when seen or way = 'insert' then 'allowed' else 'blind' end;
          when sqlstate 'DRC02' or insufficient_privilege then
            outcome := 'denied';
          when others then
            outcome := 'failed';
            -- Nobody is waited for again.
            held := held or sqlstate = '55P03';
            failure := coalesce(failure, sqlerrm);
        end;
        if array_position(rank, outcome) > array_position(rank, told ->> way) then
          told := told || jsonb_build_object(way, outcome);
        end if;
        exit when seen or outcome <> 'blind';
        seen := true;
      end loop;
    end loop;
    close lines;
  end loop;
  told := told || jsonb_build_object('failure', failure, 'guarded', guarded);
  perform set_config('drcore.told', told::text, true);
end $drcore$
