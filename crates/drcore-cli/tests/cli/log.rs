//! What `--log` shows, and where.

use drcore_tests::Database;
use serde_json::Value;

use super::HEALTHY;
use super::command::{Place, Ran};

/// Every line of standard error, as JSON.
fn events(ran: &Ran) -> Vec<Value> {
    ran.err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn with<'e>(events: &'e [Value], message: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["message"] == message).collect()
}

#[tokio::test]
async fn json_lines_say_what_is_done_and_nothing_else_is_between_them() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    // A password on the command line is warned of; the server asks for none.
    let url = database.url().await.replacen("postgres@", "postgres:s3cret@", 1);
    let log = ["--log", "trace", "--log-format", "json"];
    let verify = ["verify", &url, "--against", "baseline.json", "-o", "r.json"];
    let ran = place.run(&[&verify[..], &log].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("PASSED "), "{}", ran.out);
    assert!(!ran.err.contains("s3cret"));
    let events = events(&ran);
    for event in &events {
        let at: jiff::Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'), "{at}: {event}");
        assert!(event["target"].as_str().unwrap().starts_with("drcore"), "{event}");
    }
    let levels = |level: &str| events.iter().filter(|event| event["level"] == level).count();
    assert_eq!(levels("WARN"), 1, "{events:#?}");
    assert!(levels("INFO") >= 3 && levels("DEBUG") > 10 && levels("TRACE") > 10, "{events:#?}");
    assert_eq!(with(&events, "collected").len(), 1);
    assert_eq!(with(&events, "written")[0]["file"], "r.json");
    assert_eq!(with(&events, "judged").last().unwrap()["verdict"], "passed");
    let answered = with(&events, "answered");
    let invoices = answered
        .iter()
        .find(|event| event["job"] == "pass" && event["object"] == "public.invoices")
        .unwrap_or_else(|| panic!("{answered:#?}"));
    assert_eq!(invoices["rows"], 40);
    assert!(invoices["elapsed_ms"].is_u64());
    let spans: Vec<&str> =
        invoices["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(spans, ["collect", "round"]);
    assert_eq!(invoices["spans"][0]["database"], database.name.as_str());
    let connected = with(&events, "connected");
    assert!(connected.len() >= 3, "{connected:#?}");
    assert!(connected.iter().all(|event| event["spans"].to_string().contains("\"connect\"")));
}

#[tokio::test]
async fn text_is_for_people_and_the_level_holds() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await;
    let ran = Ran::of(place.command(&["verify", &url]).env("DRCORE_LOG", "info"));
    assert!(ran.err.contains(" INFO collect{server="), "{}", ran.err);
    assert!(ran.err.contains(": drcore::collect: collected elapsed_ms="), "{}", ran.err);
    assert!(!ran.err.contains("DEBUG") && !ran.err.contains('\u{1b}'), "{}", ran.err);
    let off = Ran::of(place.command(&["verify", &url, "--log", "off"]).env("DRCORE_LOG", "info"));
    assert_eq!(off.err, "");
}

#[test]
fn what_goes_wrong_is_in_it() {
    let place = Place::new();
    let log = ["--log", "warn", "--log-format", "json"];
    let ran = place.run(&[&["verify", "postgresql://me@127.0.0.1:1/app"][..], &log].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    let all = events(&ran);
    let [event] = with(&all, "nothing could be read")[..] else { panic!("{all:#?}") };
    assert_eq!((&event["level"], &event["kind"]), (&Value::from("WARN"), &Value::from("connection")));
    // Errors of the command itself are lines of it too.
    let ran = place
        .run(&[&["verify", "--plan", "nowhere.toml", "postgresql://me@127.0.0.1:1/app"][..], &log].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    let all = events(&ran);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!((&all[0]["level"], &all[0]["code"]), (&Value::from("ERROR"), &Value::from("io")));
    assert_eq!(all[0]["exit"], 2);
}
