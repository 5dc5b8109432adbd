//! drcore in another tool: verify a restore, and act on what is found.
//!
//! ```text
//! export DATABASE_URL=postgresql://…
//! verify-restore take baseline.json      when the backup is made
//! verify-restore check baseline.json     after the restore
//! ```

use std::process::ExitCode;

use drcore::report::TextOptions;
use drcore::{Against, Finding, VerifyOptions, baseline, verify};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["take", path] => take(path).await,
        ["check", path] => check(path).await,
        _ => {
            eprintln!("usage: DATABASE_URL=postgresql://… verify-restore take|check BASELINE");
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|error| {
        // No report at all: a baseline that cannot be read, a connection string that is none.
        eprintln!("error: {error}");
        if let Some(hint) = error.hint_text() {
            eprintln!("{hint}");
        }
        ExitCode::from(2)
    })
}

/// Stores what the database is like, beside the backup. It holds no rows.
async fn take(path: &str) -> drcore::Result<ExitCode> {
    let url = drcore::connect::Dsn::from_environment()?;
    let evidence = baseline(&url, &VerifyOptions::default()).await?;
    std::fs::write(path, evidence.to_json()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what is wrong, how bad, and what puts it right.
async fn check(path: &str) -> drcore::Result<ExitCode> {
    let url = drcore::connect::Dsn::from_environment()?;
    let mut options = VerifyOptions::default();
    options.against = Some(Against::parse(path));
    let report = verify(&url, &options).await?;
    print!("{}", report.to_text(TextOptions::default()));
    // What the team wants to be called for, by kind: each has fields of its own.
    for finding in report.findings() {
        if let Finding::FewerRows(lost) = finding {
            println!("{} lost {} rows", lost.common.object, lost.were - lost.rows);
        }
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}
