//! Every kind of damage is found, and nothing else; twice, healthy and damaged.

use drcore::Verdict;
use drcore::check::Outcome;
use drcore::finding::Finding;
use drcore_tests::parse;

use super::fake::{Answer, Fake};
use super::server::Server;
use super::world::{World, found, result, row, unread, version};

/// Names that lists are torn at.
const NAMES: &[&str] = &["a", "a-1", "a/b", "a b", "ä", "🙂", "d", "d/e", "a+b&c=?.png", "x.json", "e"];

/// 1,024 bytes below the bucket, version and all; no part longer than a file's name may be.
fn longest() -> String {
    let name = format!("{0}/{0}/{0}/{0}/{1}", "d".repeat(200), "e".repeat(183));
    assert_eq!(name.len() + 1 + 36, 1_024);
    name
}

/// Everything agrees, and much of it is odd.
async fn odd_but_healthy() -> World {
    let long = longest();
    let names: Vec<&str> = NAMES.iter().copied().chain([long.as_str()]).collect();
    let world = World::healthy(&names).await;
    let (empty, piece, old) = (version(900), version(901), version(902));
    // An empty file, one with what an upload in pieces leaves, an old one without a version, one with a separator.
    world.write(&format!("images/empty/{empty}"), b"");
    world.write(&format!("images/pieces/{piece}"), b"12345");
    world.write(&format!("images/pieces/{piece}.info"), b"{}");
    world.write(&format!("images/pieces/{piece}.json"), br#"{"id":"x","size":5}"#);
    world.write("images/folder/old.png", b"old");
    world.write(&format!("images/separated-$v-{old}"), b"sep");
    // An upload that goes on, and one in parts.
    let goes_on = version(903);
    world.write(&format!("images/goes on/{goes_on}"), b"123");
    world.write(&format!("images/goes on/{goes_on}.json"), br#"{"id":"x","size":5,"offset":0}"#);
    let parts = world.root().join("files/multiparts/upload");
    std::fs::create_dir_all(&parts).unwrap();
    std::fs::write(parts.join("1"), b"part").unwrap();
    let rows = [
        row("images", "empty", Some(&empty), ""),
        row("images", "pieces", Some(&piece), "12345"),
        row("images", "folder/old.png", None, "old"),
        row("images", "separated", Some(&old), "sep"),
    ];
    world.database.execute(&rows.concat()).await;
    world
}

#[tokio::test]
async fn a_healthy_directory_is_silent() {
    let world = odd_but_healthy().await;
    world.write(&format!("images/slash/{}", version(904)), b"s");
    world.database.execute(&row("images", "slash/", Some(&version(904)), "s")).await;
    for plan in ["", "[storage_orphans]\nchecksums = true\n"] {
        let report = world.report(world.directory(), plan).await;
        let result = result(&report);
        assert_eq!((found(&report), &result.unread), (vec![], &vec![]), "{plan}");
        assert_eq!((result.outcome, report.verdict), (Outcome::Passed, Verdict::Passed));
        assert_eq!((result.examined["rows"], result.examined["buckets"]), (24 + 5, 2));
        // The rows' files, two side files, and the upload that goes on with its own.
        assert_eq!(result.examined["files"], 24 + 5 + 2 + 2);
        assert_eq!(result.examined.get("checksums").copied(), (!plan.is_empty()).then_some(24 + 5));
        let notes = report.run.evidence.notes.join("\n");
        assert!(notes.contains("seen in the directory itself") && notes.contains("tenant stub"), "{notes}");
    }
}

#[tokio::test]
async fn a_healthy_store_is_silent() {
    let world = odd_but_healthy().await;
    // A store lists no file while it is uploaded.
    let goes_on = version(903);
    world.remove(&format!("images/goes on/{goes_on}"));
    let server = Server::start(world.root());
    for url in ["s3://files", "s3://files/"] {
        let report = world.report(server.store(url), "").await;
        assert_eq!((found(&report), &result(&report).unread), (vec![], &vec![]));
        assert_eq!(result(&report).outcome, Outcome::Passed);
        let notes = report.run.evidence.notes.join("\n");
        assert!(notes.contains("seen in the bucket's own listing"), "{notes}");
    }
}

/// Damages images; images2 stays whole.
async fn damage(world: &World) {
    let v = version;
    // Removed; truncated; another of the same size; moved to another version, as an overwritten one is.
    world.remove(&format!("images/a/{}", v(1)));
    world.write(&format!("images/a-1/{}", v(2)), b"the");
    world.write(&format!("images/a/b/{}", v(3)), b"the BYTES of 3");
    let moved = format!("images/a b/{}", v(4));
    std::fs::rename(world.file(&moved), world.file(&format!("images/a b/{}", v(44)))).unwrap();
    // Rows removed; a bucket removed; an old row's file removed.
    world.write(&format!("gone/x/{}", v(50)), b"1234567");
    world.remove("images/folder/old.png");
    world
        .database
        .execute("set storage.allow_delete_query = 'true'; delete from storage.objects where bucket_id = 'images' and name in ('ä', '🙂')")
        .await;
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let world = odd_but_healthy().await;
    damage(&world).await;
    let expected = vec![
        "files_without_bucket:gone: 1",
        "missing_files:images: 3",
        "resized_files:images: 1",
        "unreferenced_files:images: 3",
    ];
    let server = Server::start(world.root());
    // What goes on is none for a directory only.
    let report = world.report(world.directory(), "").await;
    assert_eq!(found(&report), expected);
    assert_eq!(report.verdict, Verdict::Failed);
    let goes_on = version(903);
    world.remove(&format!("images/goes on/{goes_on}"));
    let behind = world.report(server.store("s3://files"), "").await;
    assert_eq!(found(&behind), expected);
    for report in [&report, &behind] {
        let Finding::MissingFiles(missing) =
            result(report).findings.iter().find(|f| f.kind() == "missing_files").unwrap()
        else {
            panic!()
        };
        assert_eq!((missing.superseded, missing.bytes), (1, 14 + 14 + 3));
        let samples =
            [format!("a/{}", version(1)), format!("a b/{}", version(4)), "folder/old.png".to_owned()];
        for sample in &samples {
            assert!(missing.samples.contains(sample), "{sample}: {:?}", missing.samples);
        }
    }
    // With checksums, the one of the same size too: this store lists none, so that the bytes are read.
    let plan = "[storage_orphans]\nchecksums = true\nsamples = 1\n";
    let behind = world.report(server.store("s3://files"), plan).await;
    let report = world.report(world.directory(), plan).await;
    let mut all = expected.clone();
    all.insert(0, "altered_files:images: 1");
    assert_eq!(found(&report), all);
    assert_eq!(found(&behind), all);
    // All that have one on both sides but what is of another size.
    assert!(result(&behind).examined["checksums"] >= 20, "{:?}", result(&behind).examined);
    for finding in &result(&report).findings {
        if let Finding::MissingFiles(missing) = finding {
            assert_eq!((missing.files, missing.samples.len()), (3, 1));
        }
    }
    // What is accepted, up to its number, is not told again.
    let accept = "[[accept]]\nfinding = \"storage_orphans:unreferenced_files:images\"\nreason = \"leftovers\"\nup_to = 3\n";
    let report = world.report(world.directory(), accept).await;
    assert!(!found(&report).iter().any(|found| found.starts_with("unreferenced")), "{:?}", found(&report));
}

#[tokio::test]
async fn more_than_can_be_looked_at_one_by_one() {
    let world = World::healthy(&["kept"]).await;
    let rows: String = (1..=2_500).map(|n| row("images", &format!("n{n}"), Some(&version(n)), "x")).collect();
    world.database.execute(&rows).await;
    for n in 1..=300 {
        world.write(&format!("images/m{n}/{}", version(n)), b"x");
    }
    for store in [world.directory(), Server::start(world.root()).store("s3://files")] {
        let url = store.url.to_string();
        let report = world.report(store, "").await;
        assert_eq!(found(&report), ["missing_files:images: 2500", "unreferenced_files:images: 300"], "{url}");
    }
}

/// Keys that no file can have, checksums of a store's own, and pages that end anywhere.
#[tokio::test]
async fn keys_and_checksums_are_the_stores_own() {
    let world = World::empty().await;
    let names = ["a", "a/", "a//b", "a-1", "a b", " a ", "<&>", "../up", "."];
    let mut objects = Vec::new();
    let mut rows = String::new();
    // MD5 of "x", and of "y".
    let (right, wrong) = ("9dd4e461268c8034f5c8564e155c67a6", "415290769594460e2e485922904f345d");
    for (number, name) in (1..).zip(names) {
        objects.push((format!("live/stub/images/{name}/{}", version(number)), 1, right));
        rows += &row("images", name, Some(&version(number)), "x");
    }
    objects.push(("live/stub2/images/other".to_owned(), 1, right));
    world.database.execute(&rows).await;
    let plan = "[storage_orphans]\nchecksums = true\n";
    for size in [1, 2, 3, 1_000] {
        let fake = Fake::start(objects.clone(), Answer::Pages(size)).await;
        let store = fake.store("s3://any/live").of_tenant("stub").unwrap();
        let report = world.report(store, plan).await;
        assert_eq!((found(&report), &result(&report).unread), (vec![], &vec![]), "pages of {size}");
        assert_eq!(result(&report).examined["checksums"], names.len() as u64);
    }
    objects[1].2 = wrong;
    // Of an upload in pieces: says nothing.
    objects[2].2 = "9dd4e461268c8034f5c8564e155c67a6-2";
    objects.remove(4);
    let fake = Fake::start(objects, Answer::Hesitates).await;
    let report = world.report(fake.store("s3://any/live").of_tenant("stub").unwrap(), plan).await;
    assert_eq!(found(&report), ["altered_files:images: 1", "missing_files:images: 1"]);
    assert!(fake.asked() > 2, "it was asked again where it was short of something");
}

#[tokio::test]
async fn checksums_that_say_nothing_are_none() {
    let world = World::empty().await;
    world.database.execute(&row("images", "a", Some(&version(1)), "x")).await;
    // Of an upload in pieces.
    let key = format!("stub/images/a/{}", version(1));
    let fake = Fake::start(vec![(key, 1, "9dd4e461268c8034f5c8564e155c67a6-2")], Answer::Pages(9)).await;
    let report = world.report(fake.store("s3://any"), "[storage_orphans]\nchecksums = true\n").await;
    assert!(unread(&report).contains("neither rows nor store have checksums"));
    assert!(parse("").storage_orphans.is_none());
}
