//! The API of a storage service: what downloads show, what they do not, and when nothing that it says counts.

use drcore::check::{Outcome, Reason};
use drcore::finding::Finding;
use drcore::storage::{ApiKey, Store};
use drcore::{Report, Verdict};

use super::server::free_port;
use super::service::{
    BACKENDS, Backend, DOORS, Door, KEY_ID, KEY_SECRET, REGION, SERVICE_KEY, Service, Trouble, ask, store,
};
use super::world::{World, found, result, row, unread, version};

const CHECKSUMS: &str = "[storage_orphans]\nchecksums = true\n";

/// One object in each state of the recorded table, in a bucket that is read for nothing else.
async fn table() -> World {
    let world = World::healthy(&["healthy", "missing", "moved", "truncated", "corrupted", "rowless"]).await;
    world.remove(&format!("images/missing/{}", version(2)));
    let moved = format!("images/moved/{}", version(3));
    std::fs::rename(world.file(&moved), world.file(&format!("images/moved/{}", version(33)))).unwrap();
    world.write(&format!("images/truncated/{}", version(4)), b"the");
    world.write(&format!("images/corrupted/{}", version(5)), b"the BYTES of 5");
    world.write(&format!("images/empty/{}", version(9)), b"");
    let sql = "set storage.allow_delete_query = 'true'; \
               delete from storage.objects where bucket_id = 'images' and name = 'rowless';";
    world.database.execute(&format!("{sql}{}", row("images", "empty", Some(&version(9)), ""))).await;
    world
}

/// What was recorded of a running service, of both backends: what of it comes from the database, and what from the bytes.
#[tokio::test]
async fn the_emulation_answers_as_was_recorded() {
    let world = table().await;
    for backend in BACKENDS {
        let service = Service::start(&world, backend, Trouble::None).await;
        let authorization = format!("Bearer {SERVICE_KEY}");
        let key = ("authorization", authorization.as_str());
        let files = backend == Backend::Files;
        let (gone, no_range) = (if files { 500 } else { 400 }, if files { 416 } else { 500 });
        // Object, what its metadata and HEAD say, a whole GET, a GET of its first byte.
        for (name, head, whole, first) in [
            ("healthy", 200, 200, 206),
            ("missing", 200, gone, gone),
            ("moved", 200, gone, gone),
            ("truncated", 200, 200, 206),
            ("corrupted", 200, 200, 206),
            ("rowless", 400, 400, 400),
            ("empty", 200, 200, no_range),
        ] {
            let at = |kind: &str| format!("/storage/v1/object/{kind}images/{name}");
            for (method, kind) in [("GET", "info/"), ("HEAD", ""), ("GET", "sign/")] {
                let (status, _) = ask(service.port(), method, &at(kind), &[key]).await;
                assert_eq!(status, head, "{backend:?} {method} {kind}{name}");
            }
            let (status, body) = ask(service.port(), "GET", &at("authenticated/"), &[key]).await;
            assert_eq!(status, whole, "{backend:?} {name}: {body}");
            if whole == 400 {
                let message = if head == 400 { "Object not found" } else { "The resource was not found" };
                assert!(body.contains(message) && body.contains(r#""statusCode":"404""#), "{body}");
            }
            let range = ("range", "bytes=0-0");
            let (status, _) = ask(service.port(), "GET", &at("authenticated/"), &[key, range]).await;
            assert_eq!(status, first, "{backend:?} {name}");
        }
        let sql =
            "select metadata ->> 'eTag' from storage.objects where bucket_id = 'images' and name = 'healthy'";
        let healthy = world.database.query(sql).await.remove(0);
        for (name, expected) in [("healthy", 304), ("truncated", 200), ("corrupted", 200)] {
            let etag = if name == "healthy" { &healthy } else { "\"of-what-was-uploaded\"" };
            let path = format!("/storage/v1/object/authenticated/images/{name}");
            let (status, _) = ask(service.port(), "GET", &path, &[key, ("if-none-match", etag)]).await;
            assert_eq!(status, expected, "{name}");
        }
        // Listings come from the database: all that has a row, in its full size; of no bucket an empty one.
        let (status, body) = ask(service.port(), "POST", "/storage/v1/object/list/images", &[key]).await;
        assert!(status == 200 && body.contains("missing") && !body.contains("rowless"), "{body}");
        let (status, body) = ask(service.port(), "POST", "/storage/v1/object/list-v2/nowhere", &[key]).await;
        assert!(status == 200 && body.ends_with("[]"), "{body}");
        let (status, body) =
            ask(service.port(), "GET", "/storage/v1/bucket", &[("authorization", "Bearer x")]).await;
        assert!(status == 400 && body.contains(r#""statusCode":"403""#), "{body}");
    }
}

fn no_secret(report: &Report) {
    let all = report.to_json().unwrap() + &format!("{report:?}") + &report.to_html().unwrap();
    for secret in [SERVICE_KEY, KEY_SECRET, KEY_ID] {
        assert!(!all.contains(secret));
    }
}

/// What could not be read; and that nothing shows a key.
fn told(report: &Report) -> String {
    no_secret(report);
    unread(report)
}

#[tokio::test]
async fn a_healthy_project_is_silent() {
    let world = World::healthy(&["a", "a-1", "a/b", "a b", "a/", "a+b&c=?.png", "d", "d/e"]).await;
    world.write(&format!("images/empty/{}", version(900)), b"");
    world.write("images/folder/old.png", b"old");
    let rows =
        [row("images", "empty", Some(&version(900)), ""), row("images", "folder/old.png", None, "old")];
    world.database.execute(&rows.concat()).await;
    for backend in BACKENDS {
        for door in DOORS {
            for plan in ["", CHECKSUMS] {
                let service = Service::start(&world, backend, Trouble::None).await;
                let report = world.report(service.store(door), plan).await;
                let about = format!("{backend:?} {door:?} {plan}");
                assert_eq!((found(&report), &result(&report).unread), (vec![], &vec![]), "{about}");
                assert_eq!((result(&report).outcome, report.verdict), (Outcome::Passed, Verdict::Passed));
                let examined = &result(&report).examined;
                assert_eq!(
                    (examined["rows"], examined["objects asked for"], examined["files"]),
                    (18, 18, 18)
                );
                assert_eq!(examined.get("checksums").copied(), (!plan.is_empty()).then_some(18));
                let notes = report.run.evidence.notes.join("\n");
                assert!(notes.contains("seen through downloads"), "{notes}");
                // A green screen says what it does not prove.
                let text = report.to_text(drcore::report::TextOptions::default());
                assert!(text.contains("NOTE") && text.contains("that no row knows"), "{text}");
                no_secret(&report);
                // Nothing that comes from the database is asked about objects.
                for asked in service.asked() {
                    let is_download =
                        asked.starts_with("GET /object/authenticated/") || asked.starts_with("GET /s3/");
                    assert!(is_download || asked == "GET /bucket", "{asked}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_downloads_show_is_found_and_nothing_else() {
    let world = table().await;
    // Empty where the row says otherwise, and the other way round.
    world.write(&format!("images2/healthy/{}", version(1)), b"");
    world.write(&format!("images2/empty/{}", version(9)), b"not empty");
    world.database.execute(&row("images2", "empty", Some(&version(9)), "")).await;
    for backend in BACKENDS {
        for door in DOORS {
            let service = Service::start(&world, backend, Trouble::None).await;
            let about = format!("{backend:?} {door:?}");
            let mut expected =
                vec!["missing_files:images: 2", "resized_files:images2: 2", "resized_files:images: 1"];
            let report = world.report(service.store(door), "").await;
            assert_eq!(found(&report), expected, "{about}");
            assert!(result(&report).unread.is_empty(), "{about}: {:?}", result(&report).unread);
            let missing = result(&report).findings.iter().find(|finding| finding.kind() == "missing_files");
            let Some(Finding::MissingFiles(missing)) = missing else { panic!("{about}") };
            assert_eq!(missing.samples, [format!("missing/{}", version(2)), format!("moved/{}", version(3))]);
            // A directory that lacks a file makes the service fail, which other things do too: it says so.
            let failing = if backend == Backend::Files { 2 } else { 0 };
            assert_eq!(missing.failing, failing, "{about}");
            let hint = missing.common.hint.as_ref().unwrap();
            assert_eq!(hint.contains("fails (500)"), failing > 0, "{hint}");
            let report = world.report(service.store(door), CHECKSUMS).await;
            expected.insert(0, "altered_files:images: 1");
            // What became of an object whose ETag is another's is told by its size.
            assert_eq!(found(&report), expected, "{about}");
            assert_eq!(report.verdict, Verdict::Failed);
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_asked_is_unread() {
    let world = World::healthy(&["a", "b", "c"]).await;
    for door in DOORS {
        let message = told(&world.report(store(free_port(), door), "").await);
        assert!(message.contains("does not answer"), "{message}");
        let service = Service::start(&world, Backend::S3, Trouble::None).await;
        let mut elsewhere = service.store(door);
        elsewhere.url =
            drcore::storage::StoreUrl::parse(&format!("http://127.0.0.1:{}/wrong/v1", service.port()))
                .unwrap();
        let message = told(&world.report(elsewhere, "").await);
        assert!(message.contains("there is no") && message.contains("/storage/v1"), "{message}");
    }
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    let with = |change: fn(&mut Store)| {
        let mut store = service.store(Door::S3);
        change(&mut store);
        store
    };
    for (store, needle) in [
        (with(|store| store.api.s3 = Some(ApiKey::new(KEY_ID, "wrong", REGION))), "refused the key"),
        (with(|store| store.api.s3 = Some(ApiKey::new("nobody", KEY_SECRET, REGION))), "refused the key"),
        (
            with(|store| store.api.s3 = Some(ApiKey::new(KEY_ID, KEY_SECRET, "us-east-1"))),
            "the region (us-east-1)",
        ),
    ] {
        let message = told(&world.report(store, "").await);
        assert!(message.contains(needle) && message.contains("SUPABASE_S3_REGION"), "{message}");
    }
    let mut wrong = service.store(Door::Rest);
    wrong.api.service_key = Some("sb_secret_of_another_project".to_owned());
    let message = told(&world.report(wrong, "").await);
    assert!(
        message.contains("refused the key") && message.contains("SUPABASE_SERVICE_ROLE_KEY"),
        "{message}"
    );
    let mut public = service.store(Door::Rest);
    public.api.service_key = Some("sb_publishable_key".to_owned());
    assert!(told(&world.report(public, "").await).contains("the public one"));
    let none = Store::parse("supabase://abcdefghijklmnopqrst").unwrap();
    let message = told(&world.report(none, "").await);
    assert!(
        message.contains("there is no key") && message.contains("SUPABASE_S3_ACCESS_KEY_ID"),
        "{message}"
    );
}

/// Nothing can be had, and it is not the files that are gone.
#[tokio::test]
async fn a_store_behind_it_that_is_down_or_another_is_not_a_loss() {
    let world = World::healthy(&["a", "b", "c"]).await;
    for door in DOORS {
        for (backend, trouble, needle) in [
            (Backend::Files, Trouble::StoreDown, "fails for each (500)"),
            (Backend::S3, Trouble::StoreDown, "fails for each (500)"),
            (Backend::Files, Trouble::NoBucket, "fails for each (500)"),
            (Backend::Files, Trouble::Other, "none of the database's buckets"),
            (Backend::S3, Trouble::ShowsNothing, "shows the key no bucket"),
            (Backend::S3, Trouble::Cached, "a cache answered"),
        ] {
            let service = Service::start(&world, backend, trouble).await;
            let message = told(&world.report(service.store(door), "").await);
            assert!(message.contains(needle), "{door:?} {trouble:?}: {message}");
        }
    }
    for (door, needle) in [
        (Door::Rest, "has no bytes for them"),
        (Door::S3, "the bucket behind the storage service is not there"),
    ] {
        let service = Service::start(&world, Backend::S3, Trouble::NoBucket).await;
        let message = told(&world.report(service.store(door), "").await);
        assert!(message.contains("not one of 6 objects") && message.contains(needle), "{message}");
    }
    // Every file gone is told as the same, since nobody can tell.
    let lost = World::healthy(&["a"]).await;
    for bucket in ["images", "images2"] {
        lost.remove(&format!("{bucket}/a/{}", version(1)));
    }
    let service = Service::start(&lost, Backend::S3, Trouble::None).await;
    let message = told(&lost.report(service.store(Door::Rest), "").await);
    assert!(message.contains("none of the 2 files was restored"), "{message}");
}

#[tokio::test]
async fn a_store_that_goes_down_meanwhile_is_not_a_loss() {
    let world = World::healthy(&["kept"]).await;
    for number in 0..400 {
        world.write(&format!("images/n{number}/{}", version(number)), b"x");
    }
    let rows: String = (0..400).map(|n| row("images", &format!("n{n}"), Some(&version(n)), "x")).collect();
    world.database.execute(&rows).await;
    for (door, after) in [(Door::Rest, 100), (Door::S3, 410)] {
        let service = Service::start(&world, Backend::Files, Trouble::DownAfter(after)).await;
        let message = told(&world.report(service.store(door), "").await);
        assert!(message.contains("stopped to give files"), "{message}");
    }
    // One that is only busy is asked again.
    let service = Service::start(&world, Backend::Files, Trouble::Busy).await;
    let report = world.report(service.store(Door::Rest), "").await;
    assert_eq!((found(&report), report.verdict), (vec![], Verdict::Passed));
    assert!(service.asked().len() > 800, "it was asked again where it was busy");
}

#[tokio::test]
async fn names_that_the_service_does_not_take_are_unread() {
    let world = World::healthy(&["a", "ä", "🙂", "b"]).await;
    let dots = row("images", "../up", Some(&version(70)), "x");
    world.database.execute(&dots).await;
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    for door in DOORS {
        let report = world.report(service.store(door), "").await;
        let message = told(&report);
        assert!(message.contains("takes no such names") && message.contains("file:///"), "{message}");
        assert!(result(&report).unread[0].object.starts_with("5 objects (such as images"), "{report:?}");
        assert!(!service.asked().iter().any(|asked| asked.contains("/up")), "{:?}", service.asked());
    }
}

#[tokio::test]
async fn a_sample_says_how_certain_it_is_and_is_never_a_plain_pass() {
    let world = World::healthy(&["kept"]).await;
    for number in 0..300 {
        world.write(&format!("images/n{number}/{}", version(number)), b"x");
    }
    let rows: String = (0..300).map(|n| row("images", &format!("n{n}"), Some(&version(n)), "x")).collect();
    world.database.execute(&rows).await;
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    let report = world.report(service.store(Door::Rest), "[storage_orphans]\nprobe = 100\n").await;
    let message = told(&report);
    let sentence = "100 of 302 objects were asked for, chosen at random: with 95 % confidence fewer than 3 % of all \
                    are missing or wrong";
    assert!(message.starts_with(sentence), "{message}");
    assert_eq!(result(&report).examined["objects asked for"], 100);
    // Good enough, where the plan says so: and the pass says what it is worth.
    let enough = "[storage_orphans]\nprobe = 100\nmissing_below = { percent = 3 }\n";
    let report = world.report(service.store(Door::Rest), enough).await;
    assert_eq!((result(&report).outcome, report.verdict), (Outcome::Passed, Verdict::Passed));
    assert!(result(&report).note.as_ref().unwrap().starts_with(sentence));
    assert!(report.to_text(drcore::report::TextOptions::default()).contains("95 % confidence"));
    // Not enough for what the plan wants.
    let more = "[storage_orphans]\nprobe = 100\nmissing_below = { percent = 1 }\n";
    let report = world.report(service.store(Door::Rest), more).await;
    assert!(told(&report).contains("which is not below 1 %"));
    // As many as are enough, which here are nearly all, and then it is exact.
    let report = world
        .report(service.store(Door::Rest), "[storage_orphans]\nmissing_below = { percent = 0.5 }\n")
        .await;
    assert_eq!(
        (result(&report).outcome, result(&report).examined["objects asked for"]),
        (Outcome::Passed, 302)
    );
    // What is missing of a sample is missing, and there is more.
    for number in 0..150 {
        world.remove(&format!("images/n{number}/{}", version(number)));
    }
    let report = world.report(service.store(Door::Rest), enough).await;
    let Finding::MissingFiles(missing) = &result(&report).findings[0] else {
        panic!("{:?}", result(&report))
    };
    assert!((10..90).contains(&missing.files), "{}", missing.files);
    assert!(missing.common.hint.as_ref().unwrap().starts_with("There are likely more: 100 of 302"));
}

#[tokio::test]
async fn without_rows_nothing_can_be_asked_for() {
    let world = World::empty().await;
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    let report = world.report(service.store(Door::S3), "").await;
    assert_eq!(result(&report).reason, Some(Reason::NotApplicable));
}
