//! Tables, columns and keys that are called as nobody should call them.

use drcore::diff::RowChange;
use drcore::report::TextOptions;
use drcore_tests::Database;

use super::{SERVER, STREAM, compare, options};

#[path = "../hostile/names.rs"]
mod names;

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[tokio::test]
async fn hostile_names_are_compared_and_break_out_of_nothing() {
    let script: String = names::NAMES
        .iter()
        .map(|name| {
            let (quoted, text) =
                (quote(name), format!(" E'{}'", name.replace('\\', "\\\\").replace('\'', "''")));
            format!(
                "create table {quoted} ({quoted} text primary key, v text);\n\
                 insert into {quoted} values ({text}, {text}), ('same', 'same');\n"
            )
        })
        .collect();
    let before = Database::with(&script).await;
    let after = before.copy().await;
    let damage: String = names::NAMES
        .iter()
        .map(|name| format!("update {} set v = v || v where v <> 'same';\n", quote(name)))
        .collect();
    after.execute(&damage).await;
    for plan in [SERVER, STREAM] {
        let report = compare(&before, &after, &options(plan)).await;
        assert!(report.unread.is_empty(), "{:?}", report.unread);
        assert_eq!(report.tables.len(), names::NAMES.len());
        for table in &report.tables {
            assert_eq!(
                (table.changed, table.only_in_a, table.only_in_b),
                (Some(1), Some(0), Some(0)),
                "{table:?}"
            );
            assert_eq!(
                (table.rows[0].change, &table.rows[0].columns[..]),
                (RowChange::Changed, &["v".to_owned()][..])
            );
        }
        let shown = [
            report.to_text_with_values(TextOptions::default()),
            report.to_json_with_values().unwrap(),
            report.rows().unwrap().map(|row| row.unwrap().to_json_line().unwrap() + "\n").collect(),
        ];
        for text in shown {
            assert!(!text.contains(names::steers), "{text:?}");
            assert!(
                !text.contains("##[") && !text.lines().any(|line| line.trim_start().starts_with("::")),
                "{text}"
            );
        }
        assert_eq!(report.rows().unwrap().count(), names::NAMES.len());
    }
}

/// Called like what our own statements call things.
#[tokio::test]
async fn names_of_our_own_are_no_one_elses() {
    let before = Database::with(
        "create table drcore_table (n int, k0 int, hash int, hashes int, shown int, drcore_key int, drcore_row int,
           primary key (k0, n));
         insert into drcore_table select a, b, 1, 1, 1, 1, 1 from generate_series(1, 3) a, generate_series(1, 3) b;
         create table drcore_key (k0 text, k1 int, n int primary key); insert into drcore_key values ('2', 1, 1), ('1', 1, 2);",
    )
    .await;
    let after = before.copy().await;
    after.execute("update drcore_table set hash = 2 where n = 1 and k0 = 2; update drcore_key set k1 = 2 where n = 2").await;
    for plan in [SERVER, STREAM] {
        let report = compare(&before, &after, &options(plan)).await;
        let rows: Vec<_> = report.rows().unwrap().map(Result::unwrap).collect();
        let found: Vec<String> =
            rows.iter().map(|row| format!("{} {:?} {:?}", row.table, row.key, row.columns)).collect();
        assert_eq!(
            found,
            [
                "public.drcore_key {\"n\": Some(\"2\")} [\"k1\"]",
                "public.drcore_table {\"k0\": Some(\"2\"), \"n\": Some(\"1\")} [\"hash\"]",
            ]
        );
    }
}
