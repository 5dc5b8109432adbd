//! A store that cannot be read, or is another's, is never one whose files are gone.

use drcore::check::{Outcome, Reason};
use drcore::storage::Store;
use drcore::{Report, Verdict, VerifyOptions};
use drcore_tests::{Database, check};

use super::fake::{Answer, Fake};
use super::server::{SECRET, Server, free_port, store};
use super::world::{BUCKET, World, found, result, unread, version};

/// What could not be read; and that nothing shows the key.
fn told(report: &Report) -> String {
    let json = report.to_json().unwrap();
    assert!(!json.contains(SECRET) && !format!("{report:?}").contains(SECRET));
    unread(report)
}

#[tokio::test]
async fn a_store_that_does_not_let_us_in_is_unread() {
    let world = World::healthy(&["a", "b"]).await;
    let server = Server::start(world.root());
    let url = format!("s3://{BUCKET}");

    let message = told(&world.report(store(&url, free_port()), "").await);
    assert!(message.contains("does not answer") && message.contains("AWS_ENDPOINT_URL"), "{message}");

    let message = told(&world.report(server.store("s3://nowhere"), "").await);
    assert!(message.contains("there is no bucket nowhere"), "{message}");

    let mut wrong = server.store(&url);
    wrong.access.secret_access_key = Some(format!("{SECRET}!"));
    assert!(!format!("{wrong:?}").contains(SECRET));
    let message = told(&world.report(wrong, "").await);
    assert!(message.contains("refused the key") && message.contains("AWS_SECRET_ACCESS_KEY"), "{message}");

    let mut unknown = server.store(&url);
    unknown.access.access_key_id = Some("nobody".to_owned());
    let message = told(&world.report(unknown, "").await);
    assert!(message.contains("refused"), "{message}");

    let mut odd = server.store(&url);
    odd.access.endpoint = Some(format!("127.0.0.1:{}", server.port()));
    let message = told(&world.report(odd, "").await);
    assert!(message.contains("no http:// or https:// URL"), "{message}");

    // And with everything right, it is whole.
    assert_eq!(world.report(server.store(&url), "").await.verdict, Verdict::Passed);
}

#[tokio::test]
async fn what_stores_say_is_understood() {
    let world = World::healthy(&["a"]).await;
    let cases = [
        (
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong</Message>\
             <Region>eu-central-1</Region></Error>",
            "Set AWS_REGION=eu-central-1.",
        ),
        (301, "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>", "another region"),
        (403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", "the region (us-east-1) is the store's"),
        (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", "s3:ListBucket"),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", "there is no bucket any"),
        (500, "<Error><Code>InternalError</Code></Error>", "could not list any: InternalError"),
        (503, "", "status 503"),
        (200, "<html>welcome</html>", "is no listing"),
        (200, "<Error><Code>InternalError</Code></Error>", "is no listing"),
        (200, "", "is no listing"),
    ];
    for (status, body, needle) in cases {
        let fake = Fake::start(Vec::new(), Answer::Always(status, body)).await;
        for tenant in [None, Some("stub")] {
            let mut store = fake.store("s3://any");
            store.tenant = tenant.map(str::to_owned);
            let message = told(&world.report(store, "").await);
            assert!(message.contains(needle), "{status} {body}: {message}");
        }
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_none() {
    let world = World::healthy(&["a", "b", "c"]).await;
    let objects: Vec<_> = (1..)
        .zip(["a", "b", "c"])
        .flat_map(|(n, name)| {
            ["images", "images2"].map(|bucket| format!("stub/{bucket}/{name}/{}", version(n)))
        })
        .map(|key| (key, 14, ""))
        .collect();
    let whole = Fake::start(objects.clone(), Answer::Pages(2)).await;
    assert_eq!(world.report(whole.store("s3://any"), "").await.verdict, Verdict::Passed);
    for (status, body) in [
        (500, "<Error><Code>InternalError</Code></Error>"),
        (403, "<Error><Code>ExpiredToken</Code></Error>"),
        (200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
        (200, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>stub/im"),
        (
            200,
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>other/x</Key><Size>1</Size></Contents>\
             </ListBucketResult>",
        ),
    ] {
        let fake = Fake::start(objects.clone(), Answer::ThenBreaks(2, status, body)).await;
        told(&world.report(fake.store("s3://any"), "").await);
    }
}

#[tokio::test]
async fn the_wrong_place_is_not_a_loss() {
    let world = World::healthy(&["a", "b"]).await;
    let server = Server::start(world.root());
    // Nothing there at all: a prefix, a directory, a tenant.
    let empty = tempfile::TempDir::new().unwrap();
    let directory = Store::parse(&format!("file://{}", empty.path().display())).unwrap();
    for store in [server.store("s3://files/no/such/prefix"), directory] {
        let message = told(&world.report(store, "").await);
        assert!(
            message.contains("the store holds nothing under") && message.contains("wrong place"),
            "{message}"
        );
    }
    for store in [server.store("s3://files"), world.directory()] {
        let message = told(&world.report(store.of_tenant("nobody").unwrap(), "").await);
        assert!(message.contains("nothing of the tenant nobody") && message.contains("4 rows"), "{message}");
    }
    // Another's files, also one level too high.
    let other = World::healthy(&["x", "y"]).await;
    let message = told(&world.report(other.directory(), "").await);
    assert!(message.contains("not one of 4 rows is known"), "{message}");
    let above = Store::parse(&format!("file://{}", world.root().display())).unwrap();
    assert!(told(&world.report(above, "").await).contains("not one of"));
    // No directory.
    let nowhere = Store::parse("file:///nowhere/at/all").unwrap();
    assert!(told(&world.report(nowhere, "").await).contains("cannot read the directory"));
}

#[tokio::test]
async fn tenants_are_never_guessed_or_mixed() {
    let world = World::healthy(&["a"]).await;
    let neighbour = world.root().join(BUCKET).join("stub2/images/theirs");
    std::fs::create_dir_all(&neighbour).unwrap();
    std::fs::write(neighbour.join(version(1)), b"theirs").unwrap();
    let server = Server::start(world.root());
    for store in [server.store("s3://files"), world.directory()] {
        let message = told(&world.report(store.clone(), "").await);
        assert!(message.contains("2 tenants: stub, stub2") && message.contains("--tenant"), "{message}");
        let report = world.report(store.of_tenant("stub").unwrap(), "").await;
        assert_eq!((found(&report), result(&report).outcome), (vec![], Outcome::Passed));
        assert_eq!(result(&report).examined["files"], 2);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_is_not_all_there_is_unread() {
    let world = World::healthy(&["a", "b"]).await;
    let link = world.file("images/linked");
    std::os::unix::fs::symlink(world.file("images/a"), &link).unwrap();
    assert!(told(&world.report(world.directory(), "").await).contains("is a link to a directory"));
    std::fs::remove_file(link).unwrap();
    assert_eq!(world.report(world.directory(), "").await.verdict, Verdict::Passed);
}

#[tokio::test]
async fn without_a_store_nothing_is_claimed_and_nothing_counts() {
    let world = World::healthy(&["a"]).await;
    let url = world.database.url().await;
    let mut options = VerifyOptions::default();
    let report = world.database.untouched(drcore::verify(&url, &options)).await.unwrap();
    let result = check(&report, "storage_orphans");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::NoExpectation)));
    assert!(!result.counts && result.note.as_ref().unwrap().contains("--store"));
    // A plan that names the check expects it.
    options.plan = drcore_tests::parse("[storage_orphans]\nsamples = 3\n");
    options.collect.only = vec!["storage_orphans".to_owned()];
    let report = drcore::verify(&url, &options).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven);
    // A plan can name the store.
    let plan = format!("[storage_orphans]\nstore = \"{}\"\n", world.directory().url);
    options.plan = drcore_tests::parse(&plan);
    let report = drcore::verify(&url, &options).await.unwrap();
    assert_eq!(report.verdict, Verdict::Passed);
}

#[tokio::test]
async fn without_objects_there_is_nothing_to_look_for() {
    let database = Database::with("create table t (id int primary key); insert into t values (1)").await;
    let mut options = VerifyOptions::default();
    options.collect.store = Some(Store::parse("file:///nowhere").unwrap());
    let report = drcore::verify(&database.url().await, &options).await.unwrap();
    let result = check(&report, "storage_orphans");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::NotApplicable)));
}

#[tokio::test]
async fn rows_that_may_not_be_read_are_unread() {
    let world = World::healthy(&["a"]).await;
    world
        .database
        .execute("create role storage_stranger login; grant usage on schema storage to storage_stranger")
        .await;
    let mut options = VerifyOptions::default();
    options.collect.store = Some(world.directory());
    options.collect.only = vec!["storage_orphans".to_owned()];
    let report = drcore::verify(&world.database.url_as("storage_stranger").await, &options).await.unwrap();
    let message = unread(&report);
    assert!(message.contains("row-level security") && message.contains("grant select"), "{message}");
}
