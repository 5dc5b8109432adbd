//! Columns of the application that name objects, against the rows of these objects, both ways.

use drcore::check::Outcome;
use drcore::finding::Finding;
use drcore::sql::literal;
use drcore_tests::Database;

use super::world::{World, found, result};

const PLAN: &str = r#"
[tenancy]
column = "tenant_id"
[storage_orphans]
references = [
  { column = "contracts.file_path", bucket = "images" },
  { column = "contracts.url", holds = "url" },
  { column = "contracts.object_id", holds = "id" },
  { column = "contracts.pages" },
  { column = '"we""ird; DROP"."p""th"', bucket = "images", prefix = "t1/" },
]
"#;

/// Every object of images is named by some column, and each in another way.
async fn world() -> World {
    let world = World::healthy(&["a", "t1/b", "ä b", "listed", "by id", "rendered+1"]).await;
    let base = "https://abcdefghijklmnopqrst.supabase.co/storage/v1";
    world
        .database
        .execute(&format!(
            "update storage.objects set created_at = '2020-02-02 00:00Z'; \
             create table contracts (id int primary key, tenant_id text, file_path text, url text, object_id uuid, \
               pages text[], body jsonb); \
             create table \"we\"\"ird; DROP\" (\"p\"\"th\" text); \
             insert into \"we\"\"ird; DROP\" values ('/b'), (''), (null); \
             insert into contracts (id, tenant_id, file_path, url, pages) values \
               (1, 't1', 'a', '{base}/object/public/images/%C3%a4%20b?download=', '{{images/listed}}'), \
               (2, 't1', '/a', '{base}/render/image/sign/images/rendered+1?token=x', '{{}}'), \
               (3, 't2', null, 'https://elsewhere.example/picture.png', null), \
               (4, 't2', '', '{base}/object/authenticated/images/by%20id', '{{images/a,images/t1/b}}'); \
             update contracts set object_id = (select o.id from storage.objects o \
               where o.bucket_id = 'images' and o.name = 'by id') where id = 1"
        ))
        .await;
    world
}

#[tokio::test]
async fn what_every_column_names_is_there_and_nothing_else() {
    let world = world().await;
    let report = world.report(world.directory(), PLAN).await;
    assert_eq!((found(&report), &result(&report).unread), (vec![], &vec![]));
    assert_eq!(
        (result(&report).outcome, result(&report).examined["references"]),
        (Outcome::Passed, 2 + 4 + 1 + 3 + 1)
    );
}

#[tokio::test]
async fn references_without_object_and_objects_without_reference_are_found_and_nothing_else() {
    let world = world().await;
    let base = "http://localhost:8000/storage/v1/object";
    world
        .database
        .execute(&format!(
            "insert into contracts (id, tenant_id, file_path, url, object_id, pages) values \
               (5, 't2', 'gone', '{base}/sign/images/gone%2Fx?token=y', '00000000-0000-0000-0000-000000000000', \
                 '{{images/none,images}}'), \
               (6, 't2', 'b', '{base}/public/images/%FF', null, null); \
             delete from \"we\"\"ird; DROP\"; \
             update contracts set file_path = null, pages = array_remove(pages, 'images/t1/b') where id in (1, 4); \
             update storage.objects set name = 'listed no more' where bucket_id = 'images' and name = 'listed'; \
             insert into storage.objects (bucket_id, name, version, created_at) values \
               ('images', 'new', null, now()), ('images', 'x/.emptyFolderPlaceholder', null, '2020-02-02')"
        ))
        .await;
    let report = world.report(world.directory(), PLAN).await;
    let found: Vec<String> = found(&report)
        .into_iter()
        .filter(|found| found.contains("without_ref") || found.contains("without_obj"))
        .collect();
    assert_eq!(
        found,
        [
            "objects_without_reference:images: 2",
            "references_without_object:public.contracts.file_path: 2",
            "references_without_object:public.contracts.object_id: 1",
            "references_without_object:public.contracts.pages: 3",
            "references_without_object:public.contracts.url: 2",
        ]
    );
    for finding in &result(&report).findings {
        match finding {
            Finding::ReferencesWithoutObject(lost) if lost.column == "file_path" => {
                assert_eq!(lost.samples, ["images/b", "images/gone"]);
                assert_eq!((lost.tenants.len(), lost.tenants_total), (1, Some(1)));
                assert_eq!((lost.tenants[0].tenant.as_deref(), lost.tenants[0].rows), (Some("t2"), 2));
            }
            Finding::ReferencesWithoutObject(lost) if lost.column == "url" => {
                assert_eq!(lost.samples, ["images/%FF", "images/gone/x"]);
            }
            Finding::ObjectsWithoutReference(unnamed) => {
                assert_eq!(unnamed.samples, ["listed no more", "t1/b"]);
                assert_eq!(unnamed.tenants[0].tenant.as_deref(), Some("t1"));
                assert!(unnamed.bytes > 0 && unnamed.oldest == unnamed.newest && unnamed.oldest.is_some());
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_no_reference_without_object() {
    let world = world().await;
    let plan = |column: &str| {
        format!("[storage_orphans]\nreferences = [{{ column = {} }}]\n", literal(column).replace('\'', "\""))
    };
    let report = world.report(world.directory(), &plan("contracts.body")).await;
    assert_eq!(found(&report), [""; 0]);
    assert_eq!(
        (result(&report).outcome, result(&report).unread[0].object.as_str()),
        (Outcome::NotRun, "contracts.body")
    );
    assert!(result(&report).unread[0].cause.message.contains("jsonb"));
    // One that is gone may have been lost.
    let report = world.report(world.directory(), &plan("contracts.attachment")).await;
    assert_eq!(result(&report).outcome, Outcome::Failed);
    assert_eq!(
        result(&report).findings[0].id(),
        "storage_orphans:missing_reference_column:contracts.attachment"
    );
}

#[tokio::test]
async fn candidates_are_proposed_and_valid() {
    let database = Database::supabase().await;
    database
        .execute("create table contracts (id int primary key, file_path text, \"avatarUrl\" varchar(200), object_id uuid, photo_url int); \
              insert into contracts (id, file_path) values (1, 'gone')")
        .await;
    let text = drcore::init(&database.url().await, &drcore::VerifyOptions::default()).await.unwrap();
    // There are no objects that anything could name, so that nothing speaks against a name.
    for line in [
        "#{ column = \"contracts.file_path\" },",
        "#{ column = 'contracts.\"avatarUrl\"', holds = \"url\" },",
        "#{ column = \"contracts.object_id\", holds = \"id\" },",
    ] {
        let written = format!("{line}  # by its name");
        assert!(text.lines().any(|line| line == written), "{line}\n{text}");
    }
    assert!(!text.contains("photo_url"), "{text}");
}

#[tokio::test]
async fn what_is_in_a_column_says_more_than_its_name() {
    let world = World::healthy(&["a", "t1/b", "t1/c d"]).await;
    world
        .database
        .execute(
            r#"create table contracts (id int primary key, scan text, "where" text[], blob uuid, link varchar(300), file_path text, title text);
             insert into contracts values
               (1, 'a', array['images/a', 'images2/t1/b'], (select id from storage.objects where name = 'a' and bucket_id = 'images'),
                'https://x.supabase.co/storage/v1/object/public/images/a', '/home/me/a.pdf', 'images'),
               (2, 't1/b', array['images/t1/c d', 'gone'], null, '', 'C:\b.pdf', 'a contract'),
               (3, 'gone', null, null, null, null, 'a third');
             create table later (file_path text);
             create schema billing; create table billing.letters (id int, "p""q" text); insert into billing.letters values (1, 'images/a')"#,
        )
        .await;
    let url = world.database.url().await;
    let text = world.database.untouched(drcore::init(&url, &drcore::VerifyOptions::default())).await.unwrap();
    let from = text.find("#references = [").unwrap();
    let proposed: Vec<&str> = text[from..].lines().skip(1).take_while(|line| *line != "#]").collect();
    assert_eq!(
        proposed,
        [
            "#{ column = 'billing.letters.\"p\"\"q\"' },  # 1 of 1 value name an object",
            "#{ column = \"contracts.scan\", bucket = \"images\" },  # 2 of 3 values name an object",
            "#{ column = 'contracts.\"where\"' },  # 3 of 4 values name an object",
            "#{ column = \"contracts.blob\", holds = \"id\" },  # 1 of 1 value name an object",
            "#{ column = \"contracts.link\", holds = \"url\" },  # 1 of 1 value name an object",
            "#{ column = \"later.file_path\" },  # by its name: there is nothing in it",
        ],
        "{text}"
    );
    // What is proposed is a plan, and holds.
    let plan: Vec<&str> = proposed.iter().map(|line| line.trim_start_matches('#')).collect();
    let plan = format!("[storage_orphans]\nreferences = [\n{}\n]\n", plan.join("\n"));
    let report = world.report(world.directory(), &plan).await;
    let gone: Vec<String> =
        found(&report).into_iter().filter(|id| id.contains("references_without")).collect();
    assert_eq!(gone.len(), 2, "{gone:?}");
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_judged_by_its_names_and_told() {
    let world = World::healthy(&["a"]).await;
    world
        .database
        .execute(
            "create table contracts (id int, file_path text, note text); insert into contracts values (1, 'nothing', 'images/a');
             create role storage_looker login; grant usage on schema storage, public to storage_looker; grant select on all tables in schema storage to storage_looker",
        )
        .await;
    let url = world.database.url_as("storage_looker").await;
    let text = drcore::init(&url, &drcore::VerifyOptions::default()).await.unwrap();
    assert!(text.contains("COULD NOT LOOK into 1 table: "), "{text}");
    let line = "#{ column = \"contracts.file_path\" },  # by its name";
    assert!(text.lines().any(|written| written == line) && !text.contains("contracts.note"), "{text}");
}
