//! Every kind of object, dropped, created and changed: found by its name, and nothing else.

use std::collections::BTreeSet;

use drcore::ObjectKind::{
    self, AccessMethod, Aggregate, Cast, Collation, Column, Comment, Constraint, Conversion, EventTrigger,
    Extension, ForeignDataWrapper, ForeignKey, ForeignServer, ForeignTable, Function, Index, Language,
    LargeObjects, MaterializedView, Operator, OperatorClass, OperatorFamily, Policy, Procedure, Publication,
    Rule, Schema, Sequence, Setting, StatisticsObject, Subscription, Table, TextSearchConfiguration,
    TextSearchDictionary, TextSearchParser, TextSearchTemplate, Transform, Trigger, Type, UserMapping, View,
};
use drcore::remedy::RemedyClass;
use drcore::restore::repair::Chosen;
use drcore::restore::{RepairOptions, RepairPlan};
use drcore::{Evidence, Plan, Report};
use drcore_tests::{Database, ids};

use super::EVERYTHING;

/// What [`EVERYTHING`] has in use, once more, so that it can be dropped.
const SPARES: &str = include_str!("spares.sql");

/// What belongs to the database and not to what is in it, and so is in no copy.
const OF_DATABASE: &str = "
do $$ begin
  execute format('alter database %I set app.gone = ''a''', current_database());
  execute format('alter database %I set app.other = ''a''', current_database());
end $$;
create subscription spare_gone connection 'host=far.example.com' publication p
  with (connect = false, slot_name = none, enabled = false, create_slot = false);
create subscription spare_other connection 'host=far.example.com' publication p
  with (connect = false, slot_name = none, enabled = false, create_slot = false)
";

/// A kind, what a finding is about, and the statement that drops it.
const DROPPED: &[(ObjectKind, &str, &str)] = &[
    (AccessMethod, "spare_am:access_method", "drop access method spare_am"),
    (Aggregate, "spare.total(integer):aggregate", "drop aggregate spare.total(integer)"),
    (Cast, "(spare.one as text):cast", "drop cast (spare.one as text)"),
    (Collation, "spare.words:collation", "drop collation spare.words"),
    (Column, "spare.t:column:gone", "alter table spare.t drop column gone"),
    (Comment, "table spare.parents:comment", "comment on table spare.parents is null"),
    (Constraint, "spare.t:constraint:gone_check", "alter table spare.t drop constraint gone_check"),
    (Conversion, "spare.latin:conversion", "drop conversion spare.latin"),
    (EventTrigger, "spare_ddl:event_trigger", "drop event trigger spare_ddl"),
    (Extension, "hstore:extension", "drop extension hstore"),
    (ForeignDataWrapper, "spare_wrapper:foreign_data_wrapper", "drop foreign data wrapper spare_wrapper"),
    (ForeignKey, "spare.t:foreign_key:gone_key", "alter table spare.t drop constraint gone_key"),
    (ForeignServer, "spare_server:foreign_server", "drop server spare_server"),
    (ForeignTable, "spare.gone_remote:foreign_table", "drop foreign table spare.gone_remote"),
    (Function, "spare.gone():function", "drop function spare.gone()"),
    (Index, "spare.t:index:gone_idx", "drop index spare.gone_idx"),
    (Language, "plspare:language", "drop language plspare"),
    (MaterializedView, "spare.gone_summary:materialized_view", "drop materialized view spare.gone_summary"),
    (Operator, "spare.@@@(text,text):operator", "drop operator spare.@@@ (text, text)"),
    (OperatorClass, "spare.gone using btree:operator_class", "drop operator class spare.gone using btree"),
    (OperatorFamily, "spare.gone using btree:operator_family", "drop operator family spare.gone using btree"),
    (Policy, "spare.t:policy:gone", "drop policy gone on spare.t"),
    (Procedure, "spare.gone_too():procedure", "drop procedure spare.gone_too()"),
    (Publication, "spare_publication:publication", "drop publication spare_publication"),
    (Rule, "spare.t:rule:gone", "drop rule gone on spare.t"),
    (Schema, "spare_empty:schema", "drop schema spare_empty"),
    (Sequence, "spare.gone_numbers:sequence", "drop sequence spare.gone_numbers"),
    (
        Setting,
        "app.gone of the database:setting",
        "do $$ begin execute format('alter database %I reset app.gone', current_database()); end $$",
    ),
    (StatisticsObject, "spare.gone_statistics:statistics_object", "drop statistics spare.gone_statistics"),
    (Subscription, "spare_gone:subscription", "drop subscription spare_gone"),
    (Table, "spare.gone_table:table", "drop table spare.gone_table"),
    (
        TextSearchConfiguration,
        "spare.words:text_search_configuration",
        "drop text search configuration spare.words",
    ),
    (TextSearchDictionary, "spare.stems:text_search_dictionary", "drop text search dictionary spare.stems"),
    (TextSearchParser, "spare.parts:text_search_parser", "drop text search parser spare.parts"),
    (TextSearchTemplate, "spare.plain:text_search_template", "drop text search template spare.plain"),
    (Transform, "for smallint language sql:transform", "drop transform for smallint language sql"),
    (Trigger, "spare.t:trigger:gone", "drop trigger gone on spare.t"),
    (Type, "spare.gone:type", "drop type spare.gone"),
    (
        UserMapping,
        "for public server spare_server_2:user_mapping",
        "drop user mapping for public server spare_server_2",
    ),
    (View, "spare.gone_view:view", "drop view spare.gone_view"),
];

/// A kind, what a finding is about, and the statements that change it; several where a kind has several attributes.
const ALTERED: &[(ObjectKind, &str, &str)] = &[
        (
            AccessMethod,
            "spare_am_2:access_method",
            "drop access method spare_am_2; create access method spare_am_2 type index handler bthandler",
        ),
        (
            Aggregate,
            "spare.total_2(integer):aggregate",
            "create or replace aggregate spare.total_2 (integer) (sfunc = int4pl, stype = integer, initcond = '1')",
        ),
        (
            Cast,
            "(spare.two as text):cast",
            "drop cast (spare.two as text); create cast (spare.two as text) with inout as assignment",
        ),
        (
            Collation,
            "spare.words_2:collation",
            "drop collation spare.words_2; create collation spare.words_2 (locale = 'POSIX')",
        ),
        (Column, "spare.t:column:retyped", "alter table spare.t alter column retyped type bigint"),
        (Column, "spare.t:column:defaulted", "alter table spare.t alter column defaulted set default 'b'"),
        (Column, "spare.t:column:nulled", "alter table spare.t alter column nulled set not null"),
        (Column, "spare.t:column:number", "alter table spare.t alter column number set generated by default"),
        (Column, "spare.t:column:twice", "alter table spare.t alter column twice drop expression"),
        (Column, "spare.t:column:sorted", "alter table spare.t alter column sorted type text collate \"C\""),
        (Column, "spare.t:column:stored", "alter table spare.t alter column stored set storage external"),
        (Column, "spare.t:column:watched", "alter table spare.t alter column watched set statistics 7"),
        (Column, "spare.t:column:optioned", "alter table spare.t alter column optioned set (n_distinct = 7)"),
        (Comment, "table column spare.parents.id:comment", "comment on column spare.parents.id is 'another'"),
        (
            Constraint,
            "spare.t:constraint:other",
            "alter table spare.t drop constraint other, add constraint other check (parent > 2)",
        ),
        (Constraint, "spare.t:constraint:named", "alter table spare.t rename constraint named to renamed"),
        (
            Conversion,
            "spare.latin_2:conversion",
            "drop conversion spare.latin_2;
             create conversion spare.latin_2 for 'LATIN2' to 'UTF8' from iso8859_to_utf8",
        ),
        (
            ObjectKind::Database,
            "database:database",
            "do $$ begin execute format('alter database %I connection limit 7', current_database()); end $$",
        ),
        (EventTrigger, "spare_ddl_2:event_trigger", "alter event trigger spare_ddl_2 disable"),
        (Extension, "pg_trgm:extension", "alter extension pg_trgm set schema public"),
        (
            ForeignDataWrapper,
            "spare_wrapper_2:foreign_data_wrapper",
            "alter foreign data wrapper spare_wrapper_2 options (set debug 'false')",
        ),
        (
            ForeignKey,
            "spare.t:foreign_key:other_key",
            "alter table spare.t drop constraint other_key,
               add constraint other_key foreign key (parent_2) references spare.parents on delete cascade",
        ),
        (
            ForeignServer,
            "spare_server_2:foreign_server",
            "alter server spare_server_2 options (set host 'b.example.com')",
        ),
        (
            ForeignTable,
            "spare.remote:foreign_table",
            "alter foreign table spare.remote options (set table_name 'b')",
        ),
        (
            Function,
            "spare.body():function",
            "create or replace function spare.body() returns integer language sql as 'select 2'",
        ),
        (Function, "spare.attributes():function", "alter function spare.attributes() immutable cost 7"),
        (Function, "spare.definer():function", "alter function spare.definer() security definer"),
        (
            Function,
            "spare.result():function",
            "drop function spare.result();
             create function spare.result() returns bigint language sql as 'select 1::bigint'",
        ),
        (Function, "spare.settings():function", "alter function spare.settings() reset search_path"),
        (
            Index,
            "spare.t:index:other_idx",
            "drop index spare.other_idx; create index other_idx on spare.t (watched desc)",
        ),
        (Index, "spare.t:index:named_idx", "alter index spare.named_idx rename to renamed_idx"),
        (
            Language,
            "plspare_2:language",
            "drop language plspare_2; create trusted language plspare_2 handler app.handler",
        ),
        (LargeObjects, "large objects:large_objects", "select lo_create(4712)"),
        (
            MaterializedView,
            "spare.summary:materialized_view",
            "drop materialized view spare.summary; create materialized view spare.summary as select 2 as one",
        ),
        (
            Operator,
            "spare.@@@@(text,text):operator",
            "alter operator spare.@@@@ (text, text) set (restrict = neqsel)",
        ),
        (
            OperatorClass,
            "spare.class using btree:operator_class",
            "drop operator class spare.class using btree;
             create operator class spare.class for type bigint using btree family spare.classes as
               operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint8cmp(bigint, bigint)",
        ),
        (
            OperatorFamily,
            "spare.family using btree:operator_family",
            "alter operator family spare.family using btree add operator 1 < (integer, bigint)",
        ),
        (Policy, "spare.t:policy:other", "alter policy other on spare.t using (true)"),
        (
            Procedure,
            "spare.work():procedure",
            "create or replace procedure spare.work() language sql as 'select 2'",
        ),
        (
            Publication,
            "spare_publication_2:publication",
            "alter publication spare_publication_2 set (publish = 'insert')",
        ),
        (
            Rule,
            "spare.t:rule:other",
            "create or replace rule other as on update to spare.t where new.parent > 1 do instead nothing",
        ),
        (Sequence, "spare.numbers:sequence", "alter sequence spare.numbers increment by 5"),
        (
            Setting,
            "app.other of the database:setting",
            "do $$ begin execute format('alter database %I set app.other = ''b''', current_database()); end $$",
        ),
        (
            StatisticsObject,
            "spare.statistics:statistics_object",
            "alter statistics spare.statistics set statistics 7",
        ),
        (
            Subscription,
            "spare_other:subscription",
            "alter subscription spare_other set publication q with (refresh = false)",
        ),
        (Table, "spare.options:table", "alter table spare.options set (fillfactor = 50)"),
        (Table, "spare.logged:table", "alter table spare.logged set unlogged"),
        (Table, "spare.access:table", "alter table spare.access enable row level security"),
        (Table, "spare.identity:table", "alter table spare.identity replica identity full"),
        (
            Table,
            "spare.parted_1:table",
            "alter table spare.parted detach partition spare.parted_1;
             alter table spare.parted attach partition spare.parted_1 for values from (0) to (8)",
        ),
        (
            TextSearchConfiguration,
            "spare.words_2:text_search_configuration",
            "alter text search configuration spare.words_2 drop mapping for url",
        ),
        (
            TextSearchDictionary,
            "spare.stems_2:text_search_dictionary",
            "alter text search dictionary spare.stems_2 (language = german)",
        ),
        (
            TextSearchParser,
            "spare.parts_2:text_search_parser",
            "drop text search parser spare.parts_2; create text search parser spare.parts_2
               (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype,
                headline = prsd_headline)",
        ),
        (
            TextSearchTemplate,
            "spare.plain_2:text_search_template",
            "drop text search template spare.plain_2;
             create text search template spare.plain_2 (lexize = dsimple_lexize)",
        ),
        (
            Transform,
            "for bigint language sql:transform",
            "create or replace transform for bigint language sql (from sql with function prsd_lextype(internal))",
        ),
        (
            Trigger,
            "spare.t:trigger:other",
            "drop trigger other on spare.t;
             create trigger other before insert on spare.t for each row execute function spare.note()",
        ),
        (Trigger, "spare.t:trigger:switched", "alter table spare.t disable trigger switched"),
        (Type, "spare.mood:type", "alter type spare.mood rename value 'sad' to 'glum'"),
        (Type, "spare.pair:type", "alter type spare.pair add attribute c integer"),
        (Type, "spare.code:type", "alter domain spare.code set default 'b'"),
        (
            UserMapping,
            "for public server spare_server_3:user_mapping",
            "alter user mapping for public server spare_server_3 options (set user 'writer')",
        ),
        (View, "spare.query:view", "create or replace view spare.query as select 2 as one"),
        (View, "spare.barrier:view", "alter view spare.barrier set (security_barrier)"),
];

/// What cannot be done to objects of a kind, and why.
const NOT_TRIED: &[(ObjectKind, &str)] = &[
    (ObjectKind::ReplicationSlot, "belongs to the cluster, which other tests share"),
    (ObjectKind::SecurityLabel, "takes a module that the server loads"),
];

async fn original() -> Database {
    let database = Database::with(EVERYTHING).await;
    database.execute(SPARES).await;
    database
}

async fn evidence(database: &Database) -> Evidence {
    database.evidence(&Plan::default(), None).await
}

/// What the check alone finds.
fn found(now: &Evidence, then: &Evidence) -> (Report, BTreeSet<String>) {
    let only = ["schema_drift".to_owned()];
    let report = Report::judge(&Plan::default(), now, Some(then), &only);
    let unread = &drcore_tests::check(&report, "schema_drift").unread;
    assert!(unread.is_empty(), "{unread:#?}");
    let found = ids(&report).into_iter().collect();
    (report, found)
}

/// A copy in which these were run, and the Evidence of both.
async fn mutated(mutations: &[(ObjectKind, &str, &str)]) -> (Database, [Evidence; 2]) {
    let database = original().await;
    // A copy has no subscriptions.
    for subscription in database.query("select quote_ident(subname) from pg_subscription s join pg_database d on d.oid = s.subdbid where d.datname = current_database()").await {
        database.execute(&format!("alter subscription {subscription} set (slot_name = none)")).await;
        database.execute(&format!("drop subscription {subscription}")).await;
    }
    let copy = database.copy().await;
    for database in [&database, &copy] {
        database.execute(OF_DATABASE.split_once(";\ncreate subscription").unwrap().0).await;
        for statement in OF_DATABASE.split(";\n").filter(|statement| statement.starts_with("create")) {
            database.execute(statement).await;
        }
    }
    let then = evidence(&database).await;
    for (_, _, sql) in mutations {
        copy.execute(sql).await;
    }
    let now = evidence(&copy).await;
    (copy, [then, now])
}

fn expected(kind: &str, mutations: &[(ObjectKind, &str, &str)]) -> BTreeSet<String> {
    mutations.iter().map(|(_, id, _)| format!("schema_drift:{kind}:{id}")).collect()
}

/// Puts everything right that has a remedy, and tells what is left.
async fn repaired(database: &Database, then: &Evidence, report: &Report) -> BTreeSet<String> {
    let mut options = RepairOptions::default();
    options.allow = RemedyClass::Destructive;
    if ids(report).iter().any(|id| id.contains(":object_added:")) {
        options.choices = vec![Chosen::parse("schema_drift=drop").unwrap()];
    }
    let plan = RepairPlan::of(report, &options).unwrap();
    let sql: Vec<String> = plan.statements.iter().map(|statement| format!("{};", statement.sql)).collect();
    database.execute(&format!("begin;\n{}\ncommit", sql.join("\n"))).await;
    found(&evidence(database).await, then).1
}

#[test]
fn every_kind_is_tried() {
    for kind in ObjectKind::ALL {
        let is_in = |mutations: &[(ObjectKind, &str, &str)]| mutations.iter().any(|(own, _, _)| own == kind);
        let is_not_tried = NOT_TRIED.iter().any(|(own, _)| own == kind);
        // The database and its large objects are always there; a schema has nothing but privileges and an owner.
        let stays = matches!(kind, ObjectKind::Database | ObjectKind::LargeObjects);
        assert_eq!(is_in(DROPPED), !is_not_tried && !stays, "{kind:?}");
        assert_eq!(is_in(ALTERED), !is_not_tried && *kind != ObjectKind::Schema, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_dropped_is_found_and_what_is_created() {
    let (database, [then, now]) = mutated(DROPPED).await;
    let (report, lost) = found(&now, &then);
    assert_eq!(lost, expected("object_lost", DROPPED));
    assert_eq!(found(&then, &now).1, expected("object_added", DROPPED));
    assert_eq!(found(&then, &then).1, BTreeSet::new());
    let left = repaired(&database, &then, &report).await;
    // What a table held, and with what a subscription connects, is in no baseline.
    let expected = ["spare.gone_table:table", "spare_gone:subscription"];
    assert_eq!(left, BTreeSet::from(expected.map(|id| format!("schema_drift:object_lost:{id}"))));
}

#[tokio::test]
async fn what_is_changed_is_found() {
    let (_, [then, now]) = mutated(ALTERED).await;
    assert_eq!(found(&now, &then).1, expected("object_changed", ALTERED));
    // What was renamed has the name that it had.
    let reversed: BTreeSet<String> =
        expected("object_changed", ALTERED).iter().map(|id| id.replace(":named", ":renamed")).collect();
    assert_eq!(found(&then, &now).1, reversed);
}
