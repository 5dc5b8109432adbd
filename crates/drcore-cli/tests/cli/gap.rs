//! `gap` counts what a restore loses, and never says that nothing was lost.

use drcore_tests::Database;

use super::command::Place;

const SQL: &str = "
create table invoices (id int primary key, tenant_id int not null, created_at timestamptz not null);
insert into invoices select n, n % 2, timestamptz '2026-11-20T01:00:00Z' + n * interval '10 minutes' from generate_series(1, 12) n;
create table settings (id int primary key);
";

#[tokio::test]
async fn rows_after_the_instant_are_counted_by_table_and_tenant() {
    let (place, database) = (Place::new(), Database::with(SQL).await);
    let url = database.url().await;
    let ran = place.run(&[
        "gap",
        &url,
        "--since",
        "2026-11-20T02:00:00Z",
        "--tenant-column",
        "tenant_id",
        "-o",
        "gap.json",
        "-o",
        "gap.txt",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("GAP      6 rows created after 2026-11-20 02:00:00Z"), "{ran:?}");
    assert!(ran.out.contains("public.settings"), "what is not covered is listed: {ran:?}");
    assert_eq!(ran.out, place.read("gap.txt"));
    let json =
        place.run(&["gap", &url, "--since", "2026-11-20T02:00:00Z", "-t", "invoices", "--format", "json"]);
    assert!(
        json.out.contains("\"drcore.gap/1\"") && place.read("gap.json").contains("\"drcore.gap/1\""),
        "{json:?}"
    );
}

#[tokio::test]
async fn a_copy_without_newer_rows_is_unproven() {
    let (place, database) = (Place::new(), Database::with(SQL).await);
    let url = database.url().await;
    let ran = place.run(&["gap", &url, "--since", "2026-11-20T04:00:00Z"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.starts_with("UNPROVEN") && ran.out.contains("restored copy"), "{ran:?}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let (place, database) = (Place::new(), Database::with(SQL).await);
    let url = database.url().await;
    for arguments in [
        &["gap", &url][..],
        &["gap", &url, "--since", "yesterday"],
        &["gap", &url, "--since", "2026-11-20T02:00:00Z", "-t", "invoicse"],
        &["gap", &url, "--since", "2026-11-20T02:00:00Z", "--tenant-column", "nobody"],
        &["gap", &url, "--since", "2026-11-20T02:00:00Z", "-o", "gap.pdf"],
    ] {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
}
