//! Files against their rows: how long, with how much memory, and beside listing alone.
//!
//! `cargo run --release -p drcore-bench -- storage [--objects 100000,1000000] [--delay 20] [--out FILE]`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::storage::{AuditOptions, S3Access, StorageProblem, Store, audit};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Failure, lister};

/// Beyond that `rclone check` needs most of an hour, and 8 GiB a million.
const RCLONE_MOST: u64 = 100_000;
const SQL: &str = include_str!("storage.sql");

struct Options {
    objects: Vec<u64>,
    /// How long the store thinks about a page, in milliseconds.
    delay: u64,
    out: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { objects: vec![100_000, 1_000_000], delay: 20, out: None };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} has no value", pair[0]).into()) };
            match name.as_str() {
                "--objects" => {
                    options.objects = value.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--delay" => options.delay = value.parse()?,
                "--out" => options.out = Some(value.into()),
                _ => return Err(format!("no such option: {name}").into()),
            }
        }
        Ok(options)
    }
}

/// What one audit took.
struct Took {
    wall: f64,
    cpu: f64,
    mib: f64,
}

/// A store out of nothing, in a process of its own.
struct Serving {
    child: Child,
    port: u16,
}

impl Serving {
    async fn start(objects: u64, delay: u64) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["list", &objects.to_string(), &delay.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut line = String::new();
        let said = child.stdout.take().ok_or("it says nothing")?;
        BufReader::new(said).read_line(&mut line).await?;
        Ok(Self { child, port: line.trim().parse()? })
    }

    async fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}

pub async fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    let cluster = ScratchCluster::start(ScratchOptions::default()).await?;
    let mut page = head()?;
    for &objects in &options.objects {
        eprintln!("{objects} objects …");
        let database = format!("objects{objects}");
        cluster.create_database(&database).await?;
        cluster.execute(&database, &SQL.replace(":objects", &objects.to_string())).await?;
        cluster.execute("postgres", "checkpoint").await?;
        for delay in [0, options.delay] {
            let serving = Serving::start(objects, delay).await?;
            let began = Instant::now();
            let listed = lister::sequentially(serving.port).await?;
            let alone = began.elapsed().as_secs_f64();
            if listed != objects - lister::lost(objects) {
                return Err(format!("{listed} keys were listed").into());
            }
            let rclone =
                if objects <= RCLONE_MOST { rclone(serving.port, &delay.to_string()).await? } else { None };
            let rclone =
                rclone.map_or_else(|| "–".to_owned(), |(wall, mib)| format!("{wall:.1} s, {mib:.0} MiB"));
            let took = audited(&cluster.url(&database), serving.port, objects).await?;
            serving.stop().await?;
            // Fewer than 2⁵² of them.
            #[expect(clippy::cast_precision_loss, reason = "fewer than there are whole numbers in a double")]
            let rate = objects as f64 / took.cpu;
            writeln!(
                page,
                "| {objects} | {delay} ms | {alone:.1} s | {rclone} | {:.1} s | {:.2} | {:.1} s | {rate:.0} | {:.0} MiB |",
                took.wall,
                alone / took.wall,
                took.cpu,
                took.mib
            )?;
        }
    }
    cluster.stop()?;
    print!("{page}");
    if let Some(out) = &options.out {
        std::fs::write(out, page)?;
        eprintln!("written to {}", out.display());
    }
    Ok(())
}

fn head() -> Result<String, Failure> {
    let mut page = String::from("# Files against their rows\n\n");
    let cores = std::thread::available_parallelism()?;
    writeln!(
        page,
        "`drcore storage audit` of a bucket behind the S3 protocol, on {cores} cores, which the database and the store \
         use too. The store lists keys out of memory, a thousand a page, and thinks about each page as long as the \
         second column says. One file in 50,021 is lost; every one of these is found, and nothing else, or no figure \
         is written. \"Listing alone\" asks for a page after the other, over one connection, and counts the keys. \
         \"rclone check\" compares the bucket with itself, by sizes: two listings, as the audit has one and the rows.\n"
    )?;
    page.push_str(
        "| objects | thinking | listing alone | rclone check | audit | listing alone ÷ audit | cpu of the audit | objects a second of cpu | peak memory |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    Ok(page)
}

/// How long `rclone check` takes, and the memory that it needs; none where it is not installed.
async fn rclone(port: u16, delay: &str) -> Result<Option<(f64, f64)>, Failure> {
    let mut command = Command::new("rclone");
    command
        // Nothing of the user's: neither what is configured, nor variables of AWS.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(["--config", "/dev/null", "check", "store:bucket/t", "store:bucket/t"])
        .args(["--size-only", "--fast-list", "--retries", "1", "--quiet"])
        .env("RCLONE_CONFIG_STORE_TYPE", "s3")
        .env("RCLONE_CONFIG_STORE_PROVIDER", "Other")
        .env("RCLONE_CONFIG_STORE_LIST_VERSION", "2")
        .env("RCLONE_CONFIG_STORE_REGION", "us-east-1")
        .env("RCLONE_CONFIG_STORE_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("RCLONE_CONFIG_STORE_ACCESS_KEY_ID", "key")
        .env("RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY", "secret")
        .kill_on_drop(true);
    let began = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("rclone is not installed (Debian: apt-get install rclone): its column stays empty");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let pid = child.id().ok_or("rclone has no process")?;
    let mut mib = 0.0;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                mib = crate::cpu::peak_mib(pid).unwrap_or(mib);
            }
        }
    };
    if !status.success() {
        // It asks this store for more than listings.
        eprintln!("rclone check failed where pages take {delay} ms ({status}): its column stays empty");
        return Ok(None);
    }
    Ok(Some((began.elapsed().as_secs_f64(), mib)))
}

async fn audited(url: &str, port: u16, objects: u64) -> Result<Took, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["audit", url, &port.to_string(), &objects.to_string()]).stderr(Stdio::inherit());
    let output = command.output().await?;
    if !output.status.success() {
        return Err(format!("the audit failed: {}", output.status).into());
    }
    let told = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = told.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [wall, cpu, mib] = figures[..] else { return Err(format!("it said {told}").into()) };
    Ok(Took { wall, cpu, mib })
}

/// The process of its own: audits, and says how long it took, with how much CPU time and memory.
pub async fn print_audit(url: &str, port: &str, objects: &str) -> Result<(), Failure> {
    let mut store = Store::parse("s3://bucket/")?;
    store.access = S3Access::default();
    store.access.endpoint = Some(format!("http://127.0.0.1:{port}"));
    store.access.region = Some("us-east-1".to_owned());
    store.access.access_key_id = Some("key".to_owned());
    store.access.secret_access_key = Some("secret".to_owned());
    store.tenant = Some(lister::TENANT.to_owned());
    let mut options = AuditOptions::from_json(r#"{"settle": "10ms"}"#)?;
    options.collect.store = Some(store);
    let began = Instant::now();
    let report = audit(url, &options).await?;
    let wall = began.elapsed().as_secs_f64();
    let mut missing = 0;
    for row in report.rows()? {
        if row?.problem != StorageProblem::Missing {
            return Err("something else than a missing file was found".into());
        }
        missing += 1;
    }
    if missing != lister::lost(objects.parse()?) {
        return Err(format!("{missing} files are missing: {:?}", report.check.unread).into());
    }
    let mib =
        crate::cpu::peak_mib(std::process::id()).ok_or("this system does not say what a process needs")?;
    println!("{wall} {} {mib}", crate::cpu::asking());
    Ok(())
}
