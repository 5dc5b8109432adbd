//! An application as large as real ones are, written by a program.

use std::fmt::Write as _;

/// How many of each.
pub const TABLES: usize = 100;
/// Policies.
pub const POLICIES: usize = 90;
/// Foreign keys.
pub const KEYS: usize = 70;
/// Sequences, those of identity columns among them.
pub const SEQUENCES: usize = 40;
/// Views.
pub const VIEWS: usize = 20;
/// Triggers.
pub const TRIGGERS: usize = 80;

/// What creates it, on a Supabase project: [`SUPABASE`](crate::SUPABASE) first.
pub fn application() -> String {
    let mut sql = String::from(
        "create table tenants (id int primary key, name text not null);
         insert into tenants select n, 'tenant ' || n from generate_series(1, 3) n;
         create type state as enum ('open', 'closed', 'gone');
         create domain amount as numeric(12, 2) constraint amount_positive check (value >= 0);
         create function tenant_of() returns int language sql stable security definer set search_path = '' as $$
           select (auth.jwt() ->> 'tenant_id')::int
         $$;
         create function stamp() returns trigger language plpgsql as $$
         begin
           -- The clock of the server.
           new.updated_at := now();
           return new;
         end
         $$;
         alter table tenants enable row level security;",
    );
    // One of the hundred is there.
    for number in 1..TABLES {
        let table = format!("items_{number}");
        let id = if number < SEQUENCES { "int generated always as identity" } else { "int" };
        write!(
            sql,
            "create table {table} (
               id {id} primary key, tenant_id int not null, name varchar(80) not null default 'new', total amount,
               state state not null default 'open', notes jsonb not null default '{{}}', tags text[], due date,
               created_at timestamptz not null default now(), updated_at timestamptz,
               twice numeric generated always as (total * 2) stored, constraint {table}_name_check check (name <> ''),
               constraint {table}_name_key unique (tenant_id, name));
             comment on table {table} is 'Items of the sort {number}.';
             create index {table}_due_idx on {table} (due desc nulls last) where state = 'open';
             create index {table}_tags_idx on {table} using gin (tags);
             alter table {table} enable row level security;",
        )
        .expect("a text");
        if number <= KEYS {
            write!(
                sql,
                "alter table {table} add foreign key (tenant_id) references tenants on delete cascade;"
            )
            .expect("a text");
        }
        if number <= POLICIES {
            write!(
                sql,
                "create policy own on {table} to authenticated using (tenant_id = (select tenant_of()))
                   with check (tenant_id = (select tenant_of()) and state <> 'gone');"
            )
            .expect("a text");
        }
        if number <= TRIGGERS {
            write!(
                sql,
                "create trigger stamp before update on {table} for each row when (old.state is distinct from new.state)
                   execute function stamp();"
            )
            .expect("a text");
        }
        if number <= VIEWS {
            write!(
                sql,
                "create view open_{table} as
                   select i.id, i.name, t.name as tenant, i.total + coalesce(i.twice, 0) as total
                     from {table} i join tenants t on t.id = i.tenant_id
                    where i.state = 'open' and i.due between current_date - 7 and current_date + 7;"
            )
            .expect("a text");
        }
        write!(
            sql,
            "create function close_{table}(which int) returns void language plpgsql as $$
             begin
               update {table} set state = 'closed' where id = which;
             end
             $$;"
        )
        .expect("a text");
    }
    sql
}
