//! Records of drills: kept once, read back, and never taken for what they are not.

use std::path::{Path, PathBuf};

use drcore::backup::Repository;
use drcore::drill::{
    DrillHistory, DrillRecords, RecordProblem, Rehearsal, RehearsalOptions, Step, TrendOptions, rehearse,
};
use drcore::{ErrorKind, Verdict};
use drcore_tests::Database;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A drill that passed, on a real backup.
pub(crate) async fn passed() -> Rehearsal {
    static PASSED: OnceCell<Rehearsal> = OnceCell::const_new();
    let drill = || async {
        let database = Database::with("create table notes (id int primary key, body text)").await;
        database.execute("insert into notes select n, 'note ' || n from generate_series(1, 100) n").await;
        let place = tempfile::tempdir().unwrap();
        let options = drcore::backup::TakeOptions::of(&drcore::VerifyOptions::default());
        let repository = Repository::open(place.path().to_str().unwrap()).unwrap();
        drcore::backup::take(&database.url().await, &repository, &options).await.unwrap();
        let rehearsal = rehearse(place.path().to_str().unwrap(), &RehearsalOptions::default()).await.unwrap();
        assert_eq!(rehearsal.verdict, Verdict::Passed, "{}", rehearsal.to_text());
        rehearsal
    };
    PASSED.get_or_init(drill).await.clone()
}

/// The same on another day, with other times: fetching and starting a second each.
async fn on_day(day: &str, restore: u64, verify: u64) -> Rehearsal {
    let mut rehearsal = passed().await;
    rehearsal.run.started_at = format!("{day}T03:00:00Z").parse().unwrap();
    for time in &mut rehearsal.run.steps {
        time.elapsed_ms = match time.step {
            Step::Restore => restore,
            Step::Verify => verify,
            _ => 1_000,
        };
    }
    rehearsal.run.rto_ms = 2_000 + restore + verify;
    rehearsal.run.rpo_ms = Some(3_600_000);
    rehearsal
}

fn records(place: &TempDir) -> DrillRecords {
    DrillRecords::open(place.path().to_str().unwrap()).unwrap()
}

async fn history(place: &TempDir) -> DrillHistory {
    records(place).history(&TrendOptions::default()).await.unwrap()
}

fn put(place: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = place.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn left_out(history: &DrillHistory) -> Vec<(&str, RecordProblem)> {
    history.left_out.iter().map(|left_out| (left_out.record.as_str(), left_out.problem)).collect()
}

#[tokio::test]
async fn a_record_is_kept_once_and_read_back() {
    let (place, rehearsal) = (tempfile::tempdir().unwrap(), passed().await);
    let name = records(&place).add(&rehearsal).await.unwrap();
    assert_eq!(records(&place).add(&rehearsal).await.unwrap(), name, "it is there already");
    assert!(name.starts_with("drills/drill-2"), "{name}");
    assert_eq!(Rehearsal::load(place.path().join(&name)).unwrap(), rehearsal);
    let below = place.path().join("drills");
    for place in [place.path().to_str().unwrap().to_owned(), below.to_str().unwrap().to_owned()] {
        for url in [place.clone(), format!("file://{place}"), format!("{place}/")] {
            let history = DrillRecords::open(&url).unwrap().history(&TrendOptions::default()).await.unwrap();
            let [drill] = &history.drills[..] else { panic!("{url}: {history:?}") };
            assert_eq!(
                (&drill.record, drill.rto_ms, &drill.steps),
                (&name, rehearsal.run.rto_ms, &rehearsal.run.steps)
            );
            assert_eq!((history.left_out.len(), history.trends.len(), history.exit_code()), (0, 0, 0));
            assert_eq!(history.last_passed_at, Some(rehearsal.run.started_at));
            assert!(
                history.to_text().contains("there is nothing to compare it with"),
                "{}",
                history.to_text()
            );
        }
    }
    // It is no backup, and nothing that lies around in a repository of them.
    let list = Repository::open(place.path().to_str().unwrap()).unwrap().list().await.unwrap();
    assert_eq!((list.backups.len(), list.other_objects), (0, 0));
}

#[tokio::test]
async fn the_newest_is_set_beside_the_median_of_those_before_it() {
    let place = tempfile::tempdir().unwrap();
    for (day, restore, verify) in
        [("2026-08-03", 10_000, 4_000), ("2026-09-07", 12_000, 4_000), ("2026-10-05", 90_000, 4_000)]
    {
        records(&place).add(&on_day(day, restore, verify).await).await.unwrap();
    }
    // One outlier before it does not hide that it is slow.
    let name = records(&place).add(&on_day("2026-11-02", 30_000, 4_500).await).await.unwrap();
    let history = self::history(&place).await;
    assert_eq!(history.drills.len(), 4);
    assert!(history.drills.is_sorted_by(|a, b| a.started_at > b.started_at));
    let trend = history.trend_of(&name).unwrap();
    assert_eq!((trend.earlier, trend.rto.now_ms, trend.rto.median_ms), (3, 36_500, 18_000));
    let longer: Vec<_> =
        trend.steps.iter().map(|step| (step.step, step.time.median_ms, step.time.longer)).collect();
    let expected = [
        (Step::Fetch, 1_000, false),
        (Step::Start, 1_000, false),
        (Step::Restore, 12_000, true),
        (Step::Verify, 4_000, false),
    ];
    assert_eq!(longer, expected);
    assert!(trend.rto.longer && !trend.rpo.unwrap().longer);
    assert_eq!(trend.notes.len(), 2, "{:?}", trend.notes);
    assert!(trend.notes[1].starts_with("restore took 30.0 s, 150 % more"), "{:?}", trend.notes);
    assert_eq!(history.exit_code(), 0, "that it is slower fails nothing");
    let text = history.to_text();
    for needle in
        ["DRILLS   4 drills, 4 passed", "+150 % SLOWER", "2026-08-03 03:00", "beside the median of 3 earlier"]
    {
        assert!(text.contains(needle), "{needle}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    // The healthy twin, and where more is allowed.
    records(&place).add(&on_day("2026-11-03", 21_000, 4_000).await).await.unwrap();
    let history = self::history(&place).await;
    assert!(
        history.trends[0].notes.is_empty() && !history.to_text().contains("SLOWER"),
        "{}",
        history.to_text()
    );
    let mut options = TrendOptions::default();
    options.slower_by = 1;
    let history = records(&place).history(&options).await.unwrap();
    assert!(history.trends[0].notes.is_empty(), "21 s is the median: {:?}", history.trends[0]);
    assert_eq!(drcore::schema::by_name("drills").unwrap().to_value()["title"], "DrillHistory");
    let again: DrillHistory = serde_json::from_str(&history.to_json().unwrap()).unwrap();
    assert_eq!(again, history);
}

/// Drills on something else are no measure.
#[tokio::test]
async fn each_repository_and_database_has_a_trend_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let night = |number: u32| format!("app-{number}.dump");
    for (number, day) in ["2026-09-01", "2026-10-01", "2026-11-01"].into_iter().enumerate() {
        let mut other = on_day(day, 1_000, 1_000).await;
        other.backup.location = "s3://elsewhere/".to_owned();
        records(&place).add(&other).await.unwrap();
        let mut database = on_day(day, 50_000, 1_000).await;
        database.restored.plan.archive.database = Some("other".to_owned());
        records(&place).add(&database).await.unwrap();
        // Files of one directory are of one thing.
        let mut file = on_day(day, 90_000, 1_000).await;
        file.backup.name = night(u32::try_from(number).unwrap());
        file.backup.location = format!("/var/dumps/{}", file.backup.name);
        records(&place).add(&file).await.unwrap();
    }
    let history = history(&place).await;
    let medians: Vec<_> = history.trends.iter().map(|trend| (trend.earlier, trend.rto.median_ms)).collect();
    assert_eq!(medians.len(), 3, "{:?}", history.trends);
    for median in [4_000, 53_000, 93_000] {
        assert!(medians.contains(&(2, median)), "{medians:?}");
    }
    assert!(history.trends.iter().any(|trend| trend.of == "/var/dumps"));
    assert!(history.to_text().contains("db other from "), "{}", history.to_text());
}

#[tokio::test]
async fn what_is_no_whole_record_is_told_and_never_counted() {
    let place = tempfile::tempdir().unwrap();
    let whole = on_day("2026-10-01", 1_000, 1_000).await;
    let kept = records(&place).add(&whole).await.unwrap();
    let json = whole.to_json().unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        json.replacen(from, to, 1)
    };
    let sample = r#"{"format": "drcore.drill/1", "passed": true}"#;
    let mut expected = Vec::new();
    for (name, bytes, problem) in [
        ("cut.json", json.as_bytes()[..json.len() - 50].to_vec(), RecordProblem::Damaged),
        ("lacking.json", replaced("\"server\"", "\"sever\"").into_bytes(), RecordProblem::Damaged),
        (
            "lying.json",
            replaced("\"problems\": []", "\"problems\": [\"3 rows did not come back\"]").into_bytes(),
            RecordProblem::Damaged,
        ),
        (
            "newer.json",
            replaced("drcore.rehearsal/1", "drcore.rehearsal/2").into_bytes(),
            RecordProblem::Unreadable,
        ),
        ("sample.json", sample.as_bytes().to_vec(), RecordProblem::Foreign),
        ("report.json", whole.report().unwrap().to_json().unwrap().into_bytes(), RecordProblem::Foreign),
        ("binary.json", vec![0, 159, 146, 150], RecordProblem::Foreign),
        ("empty.json", Vec::new(), RecordProblem::Foreign),
        ("notes.txt", b"call the night shift".to_vec(), RecordProblem::Foreign),
        ("deeper/copy.json", json.clone().into_bytes(), RecordProblem::Duplicate),
    ] {
        put(&place, &format!("drills/{name}"), bytes);
        expected.push((format!("drills/{name}"), problem));
    }
    let history = self::history(&place).await;
    assert_eq!(history.drills.len(), 1, "{:?}", history.drills);
    expected.sort();
    // Of two that are the same, the one whose name comes first counts.
    let expected: Vec<_> = expected.iter().map(|(name, problem)| (name.as_str(), *problem)).collect();
    let told = left_out(&history);
    let is_copy = |record: &str| record == kept || record == "drills/deeper/copy.json";
    assert_eq!(
        told.iter().filter(|(record, _)| !is_copy(record)).collect::<Vec<_>>(),
        expected.iter().filter(|(record, _)| !is_copy(record)).collect::<Vec<_>>()
    );
    assert_eq!(
        told.iter().filter(|(_, problem)| *problem == RecordProblem::Duplicate).count(),
        1,
        "{told:?}"
    );
    assert_eq!(history.exit_code(), 3);
    let text = history.to_text();
    assert!(text.contains("9 things among the records could not be read"), "{text}");
    assert!(text.contains("a drill on the sample") && text.contains("TWICE    drills/"), "{text}");

    // A copy alone hides nothing.
    let place = tempfile::tempdir().unwrap();
    records(&place).add(&whole).await.unwrap();
    put(&place, "drills/today.json", &json);
    let history = self::history(&place).await;
    assert_eq!((history.drills.len(), history.exit_code(), left_out(&history).len()), (1, 0, 1));
}

/// Each bit counts: under the name of a record lies the record, or damage.
#[tokio::test]
async fn a_record_in_which_a_bit_flipped_is_damaged() {
    let place = tempfile::tempdir().unwrap();
    let name = records(&place).add(&passed().await).await.unwrap();
    let path = place.path().join(&name);
    let bytes = std::fs::read(&path).unwrap();
    for step in 0..50 {
        let mut flipped = bytes.clone();
        flipped[bytes.len() * step / 50] ^= 1 << (step % 8);
        std::fs::write(&path, &flipped).unwrap();
        let history = history(&place).await;
        assert_eq!(
            (history.drills.len(), left_out(&history)),
            (0, vec![(name.as_str(), RecordProblem::Damaged)])
        );
    }
}

#[tokio::test]
async fn where_nothing_is_nothing_follows() {
    let place = tempfile::tempdir().unwrap();
    let history = self::history(&place).await;
    assert_eq!((history.drills.len(), history.exit_code(), history.last_passed_at), (0, 3, None));
    assert!(history.to_text().contains("none is recorded"), "{}", history.to_text());
    let nowhere = DrillRecords::open(place.path().join("nowhere").to_str().unwrap()).unwrap();
    for error in [nowhere.check().await.unwrap_err(), nowhere.add(&passed().await).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
    }
    assert!(!Path::new(place.path()).join("nowhere").exists());
    assert!(DrillRecords::open("https://somewhere/else").is_err());
}
