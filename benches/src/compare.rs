//! Two databases, and who finds what is different between them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use drcore::collect::ContentChoice;
use drcore::{Against, Finding, Plan, VerifyOptions, verify};
use futures::TryStreamExt;
use tokio::process::Command;
use tokio_postgres::Client;

use crate::planted::Found;
use crate::{Failure, TABLES, client};

/// The source and its broken copy.
pub struct Pair {
    pub urls: [String; 2],
    /// Of psql.
    pub programs: PathBuf,
}

/// Who compares.
#[derive(Clone, Debug)]
pub enum Contestant {
    /// drcore, each side hashed here or by its server.
    Drcore(&'static str),
    /// A binary copy of both sides, of which nothing is done: the floor.
    Copies,
    /// pgcopydb's formula, both sides at once.
    Pgcopydb,
    /// The runbook's count of each table, both sides at once.
    Counts,
    /// `psql | md5sum` of each table, both sides at once.
    Md5sum,
    /// A program of PyPI, table after table.
    Python(&'static str, PathBuf),
}

impl Contestant {
    pub fn name(&self) -> String {
        match self {
            Self::Drcore(way) => format!("drcore verify --against URL, {way}"),
            Self::Copies => "floor: binary COPY-out of both sides".to_owned(),
            Self::Pgcopydb => "pgcopydb's SQL".to_owned(),
            Self::Counts => "the runbook's counts".to_owned(),
            Self::Md5sum => "psql \\| md5sum".to_owned(),
            Self::Python(name, _) => (*name).to_owned(),
        }
    }

    /// Whether it says which rows differ, or only in which tables some do.
    pub fn run<'a>(&'a self, pair: &'a Pair) -> futures::future::BoxFuture<'a, Result<Found, Failure>> {
        Box::pin(async move {
            match self {
                Self::Drcore(way) => ours(pair, way).await,
                Self::Copies => {
                    futures::future::try_join_all(pair.urls.iter().map(|url| copy_out(url))).await?;
                    Ok(Found::default())
                }
                Self::Pgcopydb => {
                    flagged(pair, |table| {
                        format!("select count(1), sum(hashtext(t::text)::bigint) from only {table} t")
                    })
                    .await
                }
                Self::Counts => flagged(pair, |table| format!("select count(*) from {table}")).await,
                Self::Md5sum => md5sum(pair).await,
                Self::Python(_, program) => python(pair, program).await,
            }
        })
    }
}

async fn ours(pair: &Pair, way: &str) -> Result<Found, Failure> {
    let mut options = VerifyOptions::default();
    options.plan = Plan::from_toml(&format!("[content_drift]\nway = \"{way}\"\n"))?;
    options.against = Some(Against::Url(pair.urls[0].clone()));
    options.collect.only = vec!["content_drift".to_owned()];
    options.collect.content = ContentChoice::Always;
    let report = verify(&pair.urls[1], &options).await?;
    let mut found = Found::default();
    for check in report.checks.iter().filter(|check| check.id == "content_drift") {
        let unread = check.unread.len();
        let tables = check.examined.get("tables").copied().unwrap_or_default();
        if unread > 0 || tables != TABLES.len() as u64 {
            return Err(format!("{tables} tables were compared, {unread} could not be").into());
        }
        for finding in &check.findings {
            let Finding::RowsDiffer(differ) = finding else { continue };
            let table = differ.common.object.trim_start_matches("public.").to_owned();
            for keys in [&differ.missing_keys, &differ.extra_keys, &differ.changed_keys] {
                for row in &keys.rows {
                    let key = row.first().and_then(Option::as_deref).unwrap_or_default().parse()?;
                    found.rows.insert((table.clone(), key));
                }
            }
            found.tables.insert(table);
        }
    }
    Ok(found)
}

async fn copy_out(url: &str) -> Result<(), Failure> {
    let client = client(url).await?;
    for table in TABLES {
        let sql = format!("copy {table} to stdout (format binary)");
        let mut copy = std::pin::pin!(client.copy_out(&sql).await?);
        while copy.try_next().await?.is_some() {}
    }
    Ok(())
}

/// The tables of which a statement says something else on either side.
async fn flagged(pair: &Pair, sql: impl Fn(&str) -> String) -> Result<Found, Failure> {
    let answers = async |url: &str| -> Result<Vec<String>, Failure> {
        let client = client(url).await?;
        let mut answers = Vec::new();
        for table in TABLES {
            answers.push(one(&client, &sql(table)).await?);
        }
        Ok(answers)
    };
    let (source, copy) = futures::try_join!(answers(&pair.urls[0]), answers(&pair.urls[1]))?;
    Ok(Found { tables: different(&source, &copy), ..Found::default() })
}

fn different(source: &[String], copy: &[String]) -> BTreeSet<String> {
    let sides = source.iter().zip(copy).zip(TABLES);
    sides.filter(|((source, copy), _)| source != copy).map(|(_, table)| table.to_owned()).collect()
}

async fn one(client: &Client, sql: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    for message in client.simple_query(sql).await? {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            for at in 0..row.len() {
                answer.push_str(row.get(at).unwrap_or("NULL"));
                answer.push(' ');
            }
        }
    }
    Ok(answer)
}

async fn md5sum(pair: &Pair) -> Result<Found, Failure> {
    let psql = pair.programs.join("psql");
    let sums = async |url: &str| -> Result<Vec<String>, Failure> {
        let mut sums = Vec::new();
        for table in TABLES {
            let script = "set -o pipefail; \"$1\" --no-psqlrc --dbname \"$2\" --command \"$3\" | md5sum";
            let copy = format!("copy (select * from {table} order by id) to stdout");
            let output = Command::new("bash")
                .args(["-c", script, "bash"])
                .args([psql.as_os_str(), url.as_ref(), copy.as_ref()])
                .stderr(Stdio::inherit())
                .output()
                .await?;
            if !output.status.success() {
                return Err(format!("psql of {table} failed: {}", output.status).into());
            }
            sums.push(String::from_utf8(output.stdout)?);
        }
        Ok(sums)
    };
    let (source, copy) = futures::try_join!(sums(&pair.urls[0]), sums(&pair.urls[1]))?;
    Ok(Found { tables: different(&source, &copy), ..Found::default() })
}

/// reladiff and data-diff have the same options, and print a line of JSON for each row and side: `["-", ["7", …]]`.
async fn python(pair: &Pair, program: &Path) -> Result<Found, Failure> {
    // data-diff wants a password, whatever the server wants.
    let urls = pair.urls.clone().map(|url| url.replacen("postgres@", "postgres:none@", 1));
    let mut found = Found::default();
    for table in TABLES {
        let mut command = Command::new(program);
        command.args([urls[0].as_str(), table, urls[1].as_str(), table]);
        command.args(["--key-columns", "id", "--columns", "%", "--threads", "2", "--json"]);
        if program.ends_with("data-diff") {
            command.arg("--no-tracking");
        }
        // They break lines where a terminal would.
        let output = command.env("COLUMNS", "50000").stdin(Stdio::null()).output().await?;
        let told = String::from_utf8(output.stdout)?;
        // data-diff writes its log among its rows.
        let (rows, log): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.starts_with("[\""));
        let errors = String::from_utf8_lossy(&output.stderr);
        let mut said = log.into_iter().chain(errors.lines()).filter(|line| line.contains("ERROR"));
        let error = said.next().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        if error.is_some() || !output.status.success() {
            // The others may still be compared; what differs in this one is missed.
            let error = error.unwrap_or_else(|| output.status.to_string());
            found.gave_up.push(format!("{table}: {error}"));
            continue;
        }
        for row in rows {
            let key = row.split('"').nth(3).and_then(|key| key.parse().ok());
            let key = key.ok_or_else(|| format!("{} said {row}", program.display()))?;
            found.rows.insert((table.to_owned(), key));
        }
    }
    Ok(found)
}
