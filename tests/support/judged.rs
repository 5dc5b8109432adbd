//! Keeps what the tests judge, so that it can be judged again without a server: `tests/fixtures/judged/`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use drcore::{Evidence, Plan};

/// How many judgements each test has kept.
static KEPT: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Writes plan, Evidence and baseline into the directory that `DRCORE_RECORD` names, one file a judgement.
pub(crate) fn record(plan: &Plan, now: &Evidence, then: Option<&Evidence>) {
    let Some(directory) = std::env::var_os("DRCORE_RECORD") else { return };
    let test = std::thread::current().name().unwrap_or("main").replace("::", ".");
    let mut kept = KEPT.lock().expect("nobody panics while writing");
    let number = kept.entry(test.clone()).or_default();
    *number += 1;
    let plan = plan.to_json().expect("a plan is JSON");
    let json = |evidence: &Evidence| still(evidence.clone()).to_json().expect("Evidence is JSON");
    let then = then.map_or("null".to_owned(), json);
    let record = format!("{{\"plan\":{plan},\"now\":{},\"then\":{then}}}\n", json(now));
    std::fs::write(Path::new(&directory).join(format!("{test}.{number}.json")), record)
        .expect("the record is written");
}

/// Without what is of the machine and the hour, but for the instant that `freshness` is judged by.
fn still(mut evidence: Evidence) -> Evidence {
    let run = &mut evidence.run;
    run.host = None;
    // Where files were looked for, and when.
    run.notes.retain(|note| !note.starts_with("files were looked for"));
    if let drcore::evidence::Fact::Read(files) = &mut evidence.files {
        "file:///store".clone_into(&mut files.store);
    }
    let run = &mut evidence.run;
    run.elapsed_ms = 0;
    if let Some(server) = &mut run.server {
        server.taken_at = run.taken_at;
        server.started_at = None;
        server.system_identifier = None;
        server.cluster_name = String::new();
        "app".clone_into(&mut server.database);
    }
    evidence
}
