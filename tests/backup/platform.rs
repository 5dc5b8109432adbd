//! The platform, as a server on this machine that answers as Supabase's Management API does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drcore::ErrorKind;
use drcore::backup::salvage;
use drcore::platform::{
    PitrOptions, PitrOutcome, PitrPlan, PitrWaiting, Platform, ProjectStatus, SalvageProof, pitr,
};
use drcore_tests::Database;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::world::{Place, SQL, options};

const PROJECT: &str = "abcdefghijklmnopqrst";
const TOKEN: &str = "sbp_0123456789abcdef0123456789abcdef01234567";

/// What it answers.
struct World {
    pitr: bool,
    window: (i64, i64),
    /// What the project is at, one after the other; the last stays.
    states: VecDeque<&'static str>,
    services: &'static str,
    /// Requests as they came: method, path and body.
    asked: Vec<String>,
    /// What the next requests are answered, whatever they are.
    instead: VecDeque<(u16, &'static str)>,
}

struct Api {
    platform: Platform,
    world: Arc<Mutex<World>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const WELL: &str = r#"[{"name":"db","status":"ACTIVE_HEALTHY"},{"name":"rest","status":"ACTIVE_HEALTHY"}]"#;

impl Api {
    async fn start() -> Self {
        let now = Timestamp::now().as_second();
        let world = World {
            pitr: true,
            window: (now - 7 * 86_400, now - 60),
            states: VecDeque::from(["ACTIVE_HEALTHY"]),
            services: WELL,
            asked: Vec::new(),
            instead: VecDeque::new(),
        };
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = Arc::clone(&world);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !is_whole(&request) {
                    if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let (status, body) = serving.lock().unwrap().answer(&String::from_utf8_lossy(&request));
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = client.write_all(answer.as_bytes()).await;
                let _ = client.shutdown().await;
            }
        });
        let platform = Platform::new(&format!("http://127.0.0.1:{port}"), TOKEN).unwrap();
        Self { platform, world, task }
    }

    fn set(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    /// Requests that would change something.
    fn written(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        world.asked.iter().filter(|asked| !asked.starts_with("GET")).cloned().collect()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

impl World {
    fn answer(&mut self, request: &str) -> (u16, String) {
        let line = request.lines().next().unwrap();
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let path = line.split(' ').nth(1).unwrap();
        self.asked.push(format!("{} {path} {body}", line.split(' ').next().unwrap()));
        if !request.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}")) {
            return (401, r#"{"message":"Unauthorized"}"#.to_owned());
        }
        if let Some((status, body)) = self.instead.pop_front() {
            return (status, body.to_owned());
        }
        let project = format!("/v1/projects/{PROJECT}");
        match path.strip_prefix(&project) {
            None => (404, r#"{"message":"Project not found"}"#.to_owned()),
            Some("") => {
                let state = if self.states.len() > 1 {
                    self.states.pop_front()
                } else {
                    self.states.front().copied()
                };
                (
                    200,
                    format!(
                        r#"{{"id":"{PROJECT}","name":"app","status":"{}","region":"eu-central-1"}}"#,
                        state.unwrap()
                    ),
                )
            }
            Some("/database/backups") => {
                let backups = r#"[{"id":7,"is_physical_backup":true,"status":"COMPLETED","inserted_at":"2026-11-20T02:00:00.123Z"},
                    {"id":8,"is_physical_backup":true,"status":"FAILED","inserted_at":"2026-11-21T02:00:00"}]"#;
                let (earliest, latest) = self.window;
                let physical = format!(
                    r#"{{"earliest_physical_backup_date_unix":{earliest},"latest_physical_backup_date_unix":{latest}}}"#
                );
                let (backups, physical) = if self.pitr { ("[]", physical.as_str()) } else { (backups, "{}") };
                let pitr = self.pitr;
                (
                    200,
                    format!(
                        r#"{{"region":"eu-central-1","walg_enabled":true,"pitr_enabled":{pitr},"backups":{backups},"physical_backup_data":{physical}}}"#
                    ),
                )
            }
            Some("/database/backups/restore-pitr") => (201, String::new()),
            Some(health) if health.starts_with("/health?services=") => (200, self.services.to_owned()),
            Some(other) => panic!("{other} was asked"),
        }
    }
}

#[tokio::test]
async fn backups_and_window_are_read_as_the_platform_says_them() {
    let api = Api::start().await;
    let facts = api.platform.backups(PROJECT).await.unwrap();
    assert!(facts.pitr_enabled && facts.backups.is_empty() && facts.window.is_some());
    assert!(facts.to_text().contains("with pitr on, the platform takes none"), "{}", facts.to_text());
    api.set(|world| world.pitr = false);
    let facts = api.platform.backups(PROJECT).await.unwrap();
    let seen: Vec<_> = facts.backups.iter().map(|backup| (backup.id, backup.status.as_str())).collect();
    assert_eq!((seen, facts.window), (vec![(8, "FAILED"), (7, "COMPLETED")], None));
    assert_eq!(facts.backups[0].at, "2026-11-21T02:00:00Z".parse().unwrap(), "without an offset it is UTC");
    assert!(facts.to_text().contains("pitr     off"), "{}", facts.to_text());
    api.set(|world| world.states = VecDeque::from(["SOMETHING_NEW"]));
    let status = api.platform.status(PROJECT).await.unwrap();
    assert_eq!(status, ProjectStatus::Other("SOMETHING_NEW".to_owned()));
}

#[tokio::test]
async fn what_the_platform_refuses_is_told_and_the_token_never() {
    let api = Api::start().await;
    for (status, body, kind, needle) in [
        (401, r#"{"message":"JWT expired"}"#, ErrorKind::Authentication, "refused the token: JWT expired"),
        (403, r#"{"message":"no"}"#, ErrorKind::Permission, "may not do that"),
        (402, r#"{"message":"upgrade"}"#, ErrorKind::Unsupported, "does not have it"),
        (
            400,
            r#"{"message":"This endpoint is unavailable at the moment"}"#,
            ErrorKind::Unsupported,
            "unavailable",
        ),
        (200, "<html>", ErrorKind::Unsupported, "is not understood"),
        (200, r#"{"region":"eu"}"#, ErrorKind::Unsupported, "missing field"),
    ] {
        api.set(|world| world.instead.push_back((status, body)));
        let error = api.platform.backups(PROJECT).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(needle), "{error}");
        assert!(!format!("{error:?}{:?}", api.platform).contains(TOKEN));
    }
    // Short of breath, it is asked again.
    api.set(|world| world.instead.extend([(503, "busy"), (429, "{}")]));
    assert!(api.platform.backups(PROJECT).await.is_ok());
    let error = api.platform.backups("zzzzzzzzzzzzzzzzzzzz").await.unwrap_err();
    assert!(error.to_string().contains("knows no such project"), "{error}");
    for odd in ["", "../../x", "abc", "ABCDEFGHIJKLMNOPQRST"] {
        assert_eq!(api.platform.backups(odd).await.unwrap_err().kind(), ErrorKind::Usage);
    }
    assert!(Platform::new("http://api.example.com", TOKEN).is_err(), "a token is not sent in clear text");
    let nobody = Platform::new("http://127.0.0.1:1", TOKEN).unwrap();
    assert!(nobody.status(PROJECT).await.unwrap_err().to_string().contains("does not answer"));
}

fn target() -> Timestamp {
    let at = Timestamp::now() - SignedDuration::from_hours(5);
    Timestamp::from_second(at.as_second()).unwrap()
}

fn waived() -> SalvageProof {
    SalvageProof::Waived("the rehearsal has nothing to lose".to_owned())
}

fn waiting() -> PitrWaiting {
    let mut waiting = PitrWaiting::default();
    waiting.every = Duration::from_millis(5);
    waiting.begin = Duration::from_millis(400);
    waiting.end = Duration::from_secs(5);
    waiting.services = Duration::from_millis(300);
    waiting
}

/// A salvage of a database, as if it was this project's.
async fn salvaged(project: Option<&str>, hours: i64) -> Place {
    let place = Place::new();
    let database = Database::with(SQL).await;
    let to = place.path().display().to_string();
    let taken = salvage(&database.url().await, &to, &options()).await.unwrap();
    let path = place.path().join(format!("{}.manifest.json", taken.name));
    let mut manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    manifest["source"]["project"] = project.into();
    let at: Timestamp = manifest["snapshot_at"].as_str().unwrap().parse().unwrap();
    manifest["snapshot_at"] = (at - SignedDuration::from_hours(hours)).to_string().into();
    std::fs::write(path, manifest.to_string()).unwrap();
    place
}

#[tokio::test]
async fn a_recovery_is_refused_before_anything_is_begun() {
    let api = Api::start().await;
    let plan = |target: Timestamp, proof: SalvageProof| {
        let platform = api.platform.clone();
        async move { PitrPlan::of(&platform, &PitrOptions::new(PROJECT, target, proof)).await }
    };
    let later = |hours: i64| target() + SignedDuration::from_hours(hours);
    for (at, needle) in [
        (Timestamp::UNIX_EPOCH, "no instant in whole seconds"),
        (target() + SignedDuration::from_millis(1), "no instant in whole seconds"),
        (later(48), "is not within what can be gone back to"),
        (later(-24 * 8), "is not within what can be gone back to"),
    ] {
        let error = plan(at, waived()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(needle), "{error}");
    }
    for (states, needle) in [("RESTORING", "is RESTORING"), ("INACTIVE", "is INACTIVE")] {
        api.set(|world| world.states = VecDeque::from([states]));
        let error = plan(target(), waived()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(needle), "{error}");
    }
    api.set(|world| world.states = VecDeque::from(["ACTIVE_HEALTHY"]));
    // A salvage must be this project's, and of a moment ago.
    let empty = Place::new();
    let (other, unknown) = (salvaged(Some("zzzzzzzzzzzzzzzzzzzz"), 0).await, salvaged(None, 0).await);
    let old = salvaged(Some(PROJECT), 2).await;
    for (place, needle) in [
        (&empty, "holds no salvage"),
        (&other, "is of project zzzzzzzzzzzzzzzzzzzz"),
        (&unknown, "whose project is not known"),
        (&old, "is 2 h old"),
    ] {
        let proof = SalvageProof::At(place.path().display().to_string());
        let error = plan(target(), proof).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(needle), "{error}");
        assert!(error.hint_text().unwrap().contains("drcore salvage"), "{error:?}");
    }
    assert_eq!(
        plan(target(), SalvageProof::Waived(" ".to_owned())).await.unwrap_err().kind(),
        ErrorKind::Usage
    );
    api.set(|world| world.pitr = false);
    assert_eq!(plan(target(), waived()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    api.set(|world| world.pitr = true);
    // Another project than the plan's, and another plan than the one that was reviewed.
    let planned = plan(target(), waived()).await.unwrap();
    assert!(planned.expect("00000000").is_err());
    let error = pitr(&api.platform, "zzzzzzzzzzzzzzzzzzzz", planned, &waiting(), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(api.written(), [""; 0], "nothing was ever begun");
}

#[tokio::test]
async fn a_recovery_is_watched_until_it_was_seen_and_is_over() {
    let api = Api::start().await;
    let place = salvaged(Some(PROJECT), 0).await;
    let target = target();
    let proof = SalvageProof::At(place.path().display().to_string());
    let options = PitrOptions::new(PROJECT, target, proof);
    let plan = PitrPlan::of(&api.platform, &options).await.unwrap();
    assert!(plan.salvage.as_ref().unwrap().whole);
    assert_eq!(plan.digest, PitrPlan::of(&api.platform, &options).await.unwrap().digest);
    let database = Database::with(SQL).await;
    let url = database.url().await;
    let verify = drcore::VerifyOptions::default();
    // Right after it was asked for, it is still as it was.
    api.set(|world| {
        world.states = VecDeque::from([
            "ACTIVE_HEALTHY",
            "ACTIVE_HEALTHY",
            "RESTORING",
            "RESTORING",
            "COMING_UP",
            "ACTIVE_HEALTHY",
        ]);
    });
    let run = pitr(&api.platform, PROJECT, plan, &waiting(), Some((&url, &verify))).await.unwrap();
    assert_eq!(run.outcome, PitrOutcome::Restored, "{run:?}");
    let states: Vec<&str> = run.states.iter().map(|state| state.status.as_str()).collect();
    assert_eq!(states, ["ACTIVE_HEALTHY", "RESTORING", "COMING_UP", "ACTIVE_HEALTHY"]);
    assert_eq!(run.exit_code(), run.report.as_ref().unwrap().exit_code(drcore::Severity::Warning));
    let asked = format!(
        "POST /v1/projects/{PROJECT}/database/backups/restore-pitr {{\"recovery_time_target_unix\":{}}}",
        target.as_second()
    );
    assert_eq!(api.written(), [asked]);
    assert!(run.to_text(drcore::report::TextOptions::default()).starts_with("RESTORED project"));
}

#[tokio::test]
async fn what_was_not_seen_is_not_restored() {
    let api = Api::start().await;
    let run = async |states: &[&'static str], services: &'static str| {
        api.set(|world| {
            world.states = VecDeque::from(["ACTIVE_HEALTHY"]);
            world.services = WELL;
        });
        let plan = PitrPlan::of(&api.platform, &PitrOptions::new(PROJECT, target(), waived())).await.unwrap();
        assert_eq!(plan.waived.as_deref(), Some("the rehearsal has nothing to lose"));
        api.set(|world| {
            world.states = states.iter().copied().collect();
            world.services = services;
        });
        pitr(&api.platform, PROJECT, plan, &waiting(), None).await.unwrap()
    };
    let never = run(&["ACTIVE_HEALTHY"], WELL).await;
    assert_eq!((never.outcome, never.exit_code()), (PitrOutcome::Unproven, 3));
    assert!(never.notes.iter().any(|note| note.contains("never seen to be restoring")), "{:?}", never.notes);
    let failed = run(&["RESTORING", "RESTORE_FAILED"], WELL).await;
    assert_eq!((failed.outcome, failed.exit_code()), (PitrOutcome::Failed, 1));
    // Restored, and nobody looked at what it holds.
    let unseen = run(&["RESTORING", "ACTIVE_HEALTHY"], WELL).await;
    assert_eq!((unseen.outcome, unseen.exit_code()), (PitrOutcome::Restored, 3));
    let ill = r#"[{"name":"db","status":"UNHEALTHY","error":"starting"},{"name":"rest","status":"ACTIVE_HEALTHY"}]"#;
    let ill = run(&["RESTORING", "ACTIVE_HEALTHY"], ill).await;
    assert_eq!(ill.outcome, PitrOutcome::Unproven);
    assert!(ill.notes.iter().any(|note| note.contains("not yet well: db")), "{:?}", ill.notes);
    // The platform itself stumbles meanwhile.
    let plan = PitrPlan::of(&api.platform, &PitrOptions::new(PROJECT, target(), waived())).await;
    api.set(|world| {
        world.states = VecDeque::from(["RESTORING", "ACTIVE_HEALTHY"]);
        world.services = WELL;
    });
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => panic!("{error:?}"),
    };
    api.set(|world| world.instead.extend([(201, ""), (502, "<html>"), (502, "<html>")]));
    let stumbled = pitr(&api.platform, PROJECT, plan, &waiting(), None).await.unwrap();
    assert_eq!(stumbled.outcome, PitrOutcome::Restored, "{stumbled:?}");
}
