//! The structure of two sides, compared as a whole.

use drcore::diff::{DiffOptions, DiffReport, DiffVerdict, ObjectChange, diff};
use drcore::plan::TableName;
use drcore::report::TextOptions;
use drcore::{Against, Evidence, ObjectKind};
use drcore_tests::{Database, parse};

use super::{compare, live, twins, unread};

const SCRIPT: &str = "
create table invoices (id int primary key, total int not null default 0, note text);
create table kept (id int primary key);
create function total() returns bigint language sql as $$
  select sum(i.total)
    from public.invoices i
$$;
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touch before update on invoices for each row execute function touch();
-- damage
drop trigger touch on invoices;
alter table invoices alter column total type bigint, alter column total drop default;
create or replace function total() returns bigint language sql as $$
  select sum(i.total)
    from public.invoices i
   where i.total > 0
$$;
create table \"we\"\"ird; DROP\" (id int primary key, n int);
create index on \"we\"\"ird; DROP\" (n);
";

fn structure() -> DiffOptions {
    let mut options = DiffOptions::default();
    options.structure = true;
    options
}

/// `changed column public.invoices.total: default, type`.
fn objects(report: &DiffReport) -> Vec<String> {
    let structure = report.structure.as_ref().unwrap_or_else(|| panic!("{report:#?}"));
    let each = structure.objects.iter().map(|object| {
        let attributes: Vec<&str> = object.attributes.iter().map(|own| own.attribute.as_str()).collect();
        let change = match object.change {
            ObjectChange::Changed => "changed",
            ObjectChange::OnlyInA => "only a",
            _ => "only b",
        };
        format!("{change} {} {}", object.in_words(), attributes.join(", ")).trim_end().to_owned()
    });
    each.collect()
}

const FOUND: &[&str] = &[
    "changed column public.invoices.total default, type",
    "changed function public.total() body",
    "only b table public.\"we\"\"ird; DROP\"",
    "only a trigger touch on public.invoices",
];

#[tokio::test]
async fn objects_that_differ_are_named_on_both_sides() {
    let (a, b) = twins(SCRIPT).await;
    let report = compare(&a, &b, &structure()).await;
    assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Different, 1));
    assert_eq!(objects(&report), FOUND);
    let found = report.structure.as_ref().unwrap();
    let column = &found.objects[0];
    assert_eq!(column.object_kind, ObjectKind::Column);
    let sides: Vec<_> = column.attributes.iter().map(|own| (own.a.as_deref(), own.b.as_deref())).collect();
    assert_eq!(sides, [(Some("0"), None), (Some("integer"), Some("bigint"))]);
    let with = &found.objects[2].with;
    assert!(with.len() >= 4 && with.iter().any(|own| own.starts_with("index ")), "{with:#?}");
    assert!(found.objects[3].definition.as_ref().unwrap().starts_with("CREATE TRIGGER touch BEFORE UPDATE"));
    // No row was read, and no table is said to be the same.
    assert_eq!((report.tables.len(), report.unread.len()), (0, 0));
    assert_eq!(DiffReport::from_json(&report.to_json().unwrap()).unwrap(), report);

    let mut options = TextOptions::default();
    options.width = Some(80);
    let text = report.to_text(options);
    for line in [
        "DIFFERS  2 objects changed · 1 only in A · 1 only in B · ",
        "CHANGED  column public.invoices.total",
        "           A integer",
        "           B bigint",
        "         body, first in line 4 (-v shows all)",
        "           A $function$",
        "           B where i.total > 0",
        "ONLY A   trigger touch on public.invoices",
        "ONLY B   table public.\"we\"\"ird; DROP\"",
        "exit 1",
    ] {
        assert!(text.contains(line), "{line}\nin\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    options.verbose = true;
    assert!(report.to_text(options).contains("from public.invoices i\n"), "{}", report.to_text(options));
}

#[tokio::test]
async fn a_baseline_is_a_side_and_a_restored_dump_is_the_same() {
    let (a, b) = twins(SCRIPT).await;
    let before = Against::Evidence(Box::new(a.evidence(&parse(""), None).await));
    let report = diff(&before, &live(&b).await, &structure()).await.unwrap();
    assert_eq!(objects(&report), FOUND);
    let report = diff(&before, &live(&a.restored().await).await, &structure()).await.unwrap();
    assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Same, 0), "{report:#?}");
    let compared = &report.structure.as_ref().unwrap().compared;
    assert_eq!((compared["tables"], compared["columns"], compared["triggers"]), (2, 4, 1));
    let text = report.to_text(TextOptions::default());
    assert!(text.starts_with("SAME     the structure, "), "{text}");
}

#[tokio::test]
async fn tables_are_chosen_and_left_out() {
    let (a, b) = twins(SCRIPT).await;
    let mut options = structure();
    options.exclude = vec!["invoices".to_owned()];
    assert_eq!(objects(&compare(&a, &b, &options).await), FOUND[1..3]);
    let mut options = structure();
    options.tables = vec![TableName::parse("invoices").unwrap()];
    assert_eq!(objects(&compare(&a, &b, &options).await), [FOUND[0], FOUND[3]]);
    options.tables = vec![TableName::parse("kept").unwrap()];
    assert_eq!(compare(&a, &b, &options).await.verdict, DiffVerdict::Same);
    options.tables = vec![TableName::parse("nowhere").unwrap()];
    let error = diff(&live(&a).await, &live(&b).await, &options).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Usage);
}

#[tokio::test]
async fn what_was_not_read_is_never_the_same() {
    let database = Database::with("create table t (id int primary key)").await;
    // Nobody listens.
    let nowhere = Against::Url("postgresql://127.0.0.1:1/x".to_owned());
    let report = diff(&live(&database).await, &nowhere, &structure()).await.unwrap();
    assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Unproven, 3));
    assert_eq!(report.unread[0].side.as_deref(), Some("b"));
    assert_eq!((report.unread.len(), report.structure.as_ref()), (1, None));
    // A baseline of before the structure was read.
    let mut old: serde_json::Value =
        serde_json::from_str(&database.evidence(&parse(""), None).await.to_json().unwrap()).unwrap();
    let catalog = old["catalog"].as_object_mut().unwrap();
    catalog.retain(|name, _| ["columns", "keys", "relations", "schemas"].contains(&name.as_str()));
    let old = Evidence::from_json(&old.to_string()).unwrap();
    let report = diff(&Against::Evidence(Box::new(old)), &live(&database).await, &structure()).await.unwrap();
    assert_eq!(report.verdict, DiffVerdict::Unproven);
    assert_eq!(unread(&report), ["the structure a: the baseline was taken without it"]);
    // Of an empty one there is still the database.
    let empty = Database::with("drop schema public").await;
    let report = compare(&empty, &empty.copy().await, &structure()).await;
    assert_eq!(report.verdict, DiffVerdict::Same);
}
