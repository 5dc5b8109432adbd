//! Arguments that several commands have, and what follows from them.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::FalseyValueParser;
use drcore::check::Unread;
use drcore::collect::CollectOptions;
use drcore::connect::Dsn;
use drcore::content::ContentWay;
use drcore::evidence::CauseKind;
use drcore::report::{TextOptions, plural, terminal, without_commands};
use drcore::{Against, Error, ErrorKind, Evidence, Plan, Report, Severity, VerifyOptions};

use super::limits::LimitArguments;
use crate::delivery::Delivery;
use crate::fault::{Fault, UNPROVEN};
use crate::interrupt;
use crate::output::{self, Outputs};
use crate::progress::{Display, Style};
use crate::screen::Screen;

/// The plan that is used where none is given, if it is there.
const DEFAULT_PLAN: &str = "drcore.toml";

/// Which database.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
pub(crate) struct DatabaseArguments {
    /// postgresql://user@host:port/database, or host=… dbname=…
    ///
    /// Without it: DATABASE_URL, then PGHOST, PGDATABASE and the like. A password
    /// is best given by PGPASSWORD or in DATABASE_URL.
    // An empty one is a variable that is not set: it must not mean another database.
    #[arg(value_name = "URL", value_parser = not_empty)]
    url: Option<String>,
    #[command(flatten)]
    reading: ReadingArguments,
}

/// How it is read, whichever it is.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadingArguments {
    /// How progress is shown, on standard error
    #[arg(long, value_enum, default_value_t, env = "DRCORE_PROGRESS", hide_possible_values = true)]
    #[arg(value_name = "auto|plain|json|none")]
    progress: Style,
    #[command(flatten)]
    limits: LimitArguments,
}

impl ReadingArguments {
    /// How to collect, with progress that is shown until the display is dropped.
    pub(crate) fn collecting(&self, screen: &Screen) -> (CollectOptions, Display) {
        let display = Display::begin(self.progress);
        let mut options = CollectOptions::default();
        options.cancel = interrupt::token(screen);
        options.progress = display.listener();
        (options, display)
    }

    /// The plan with what these arguments say.
    pub(crate) fn limit(&self, plan: &mut Plan) {
        plan.limits = self.limits.limits().or(&plan.limits);
    }
}

impl DatabaseArguments {
    /// The connection string.
    pub(crate) fn url(&self, screen: &Screen) -> Result<String, Fault> {
        reached(self.url.as_deref(), screen)
    }

    /// All that is needed to read: refused here, before anything runs, if it is wrong.
    ///
    /// What is written must be none of what is read.
    pub(crate) fn prepare(
        &self,
        plan: &PlanArguments,
        check: Option<&CheckArguments>,
        outputs: &[PathBuf],
        screen: &Screen,
    ) -> Result<Prepared, Fault> {
        let url = self.url(screen)?;
        let mut options = VerifyOptions::default();
        options.plan = plan.load()?;
        self.limit(&mut options.plan);
        keep_apart(options.plan.source(), outputs)?;
        if let Some(check) = check {
            keep_apart(check.against.as_deref(), outputs)?;
            options.against = check.against()?;
        }
        let (collect, display) = self.collecting(screen);
        options.collect = collect;
        options.collect.only = check.map(|check| check.only.clone()).unwrap_or_default();
        Ok(Prepared { url, options, display })
    }

    /// As [`ReadingArguments::collecting`].
    pub(crate) fn collecting(&self, screen: &Screen) -> (CollectOptions, Display) {
        self.reading.collecting(screen)
    }

    /// As [`ReadingArguments::limit`].
    pub(crate) fn limit(&self, plan: &mut Plan) {
        self.reading.limit(plan);
    }
}

/// Where and how to read.
pub(crate) struct Prepared {
    /// The connection string.
    pub(crate) url: String,
    /// What must hold, what it is compared with, and how it is collected.
    pub(crate) options: VerifyOptions,
    /// Progress, until it is dropped.
    pub(crate) display: Display,
}

/// Refuses to write over what is read: a report in the place of the baseline would be the end of it.
pub(crate) fn keep_apart(input: Option<&str>, outputs: &[PathBuf]) -> Result<(), Fault> {
    let Some(input) = input.and_then(|input| std::fs::canonicalize(input).ok()) else { return Ok(()) };
    for output in outputs {
        if std::fs::canonicalize(output).is_ok_and(|output| output == input) {
            let message = format!("{} is read: it must not be written over", output.display());
            return Err(Fault::usage(Error::new(ErrorKind::Usage, message).hint("Give -o another name.")));
        }
    }
    Ok(())
}

/// Which plan.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    /// What must hold; without it ./drcore.toml, if it is there
    #[arg(long, value_name = "FILE", env = "DRCORE_PLAN", value_parser = not_empty)]
    plan: Option<String>,
}

impl PlanArguments {
    /// The plan.
    pub(crate) fn load(&self) -> Result<Plan, Fault> {
        match &self.plan {
            Some(path) => Plan::from_path(path).map_err(Fault::usage),
            // Anything but "not there" is told: a plan that cannot be read is not the same as none.
            None if Path::new(DEFAULT_PLAN).try_exists().unwrap_or(true) => {
                Plan::from_path(DEFAULT_PLAN).map_err(Fault::usage)
            }
            None => Ok(Plan::default()),
        }
    }
}

/// Whether the rows themselves are read.
#[derive(Debug, clap::Args)]
pub(crate) struct ContentArguments {
    /// Read the content of tables whatever the link; else only where the server
    /// is near
    #[arg(long, overrides_with = "no_content", env = "DRCORE_CONTENT", value_parser = FalseyValueParser::new())]
    content: bool,
    /// Do not read the content of tables, only their structure and numbers
    #[arg(long)]
    no_content: bool,
}

impl ContentArguments {
    /// The options with what these arguments say.
    pub(crate) fn apply(&self, options: &mut VerifyOptions) {
        if self.no_content {
            options.content(false);
        } else if self.content {
            options.content(true);
        }
    }
}

/// Whether writes are attempted.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
pub(crate) struct WriteArguments {
    /// Try who may write where they should not, as [tenant_isolation] of the
    /// plan wants, if this is the database's name (as in drcore repair
    /// --project). Each attempt is undone; protected databases are refused
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    attempt_writes: Option<String>,
}

impl WriteArguments {
    /// The options with what these arguments say.
    pub(crate) fn apply(self, options: &mut VerifyOptions) {
        options.collect.attempt_writes = self.attempt_writes;
    }
}

/// Where the files are.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArguments {
    /// Where the files of Supabase Storage are, what holds <tenant>/<bucket>/…:
    /// s3://BUCKET/PREFIX or file:///DIRECTORY; or the service's API:
    /// supabase://REF or https://HOST/storage/v1
    ///
    /// For S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY say how to get at it; for the API,
    /// SUPABASE_S3_ACCESS_KEY_ID, SUPABASE_S3_SECRET_ACCESS_KEY and
    /// SUPABASE_S3_REGION, or SUPABASE_SERVICE_ROLE_KEY.
    #[arg(long, value_name = "URL", env = "DRCORE_STORE", value_parser = not_empty)]
    store: Option<String>,
    /// Whose files, where the store holds those of several tenants (on Supabase
    /// the project's ref)
    #[arg(long, value_name = "ID", env = "DRCORE_TENANT", value_parser = not_empty)]
    tenant: Option<String>,
}

impl StoreArguments {
    /// The options with what these arguments say.
    pub(crate) fn apply(&self, options: &mut VerifyOptions) -> Result<(), Fault> {
        options.files(self.store.as_deref(), self.tenant.as_deref()).map_err(Fault::usage)
    }
}

/// What it is compared with, and which checks.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// A baseline, or the URL of a source, to compare with
    #[arg(long, value_name = "FILE|URL", env = "DRCORE_AGAINST", hide_env_values = true)]
    #[arg(value_parser = not_empty)]
    pub(crate) against: Option<String>,
    /// Only these checks; repeats, or separated by commas
    #[arg(long, value_name = "CHECK", env = "DRCORE_ONLY", value_delimiter = ',')]
    #[arg(value_parser = not_empty)]
    pub(crate) only: Vec<String>,
}

impl CheckArguments {
    /// What it is compared with: a file is read at once, so that it is refused before anything runs.
    pub(crate) fn against(&self) -> Result<Option<Against>, Fault> {
        drcore::known_checks(&self.only)?;
        let Some(text) = &self.against else { return Ok(None) };
        Ok(Some(match Against::parse(text) {
            Against::File(path) => Against::Evidence(Box::new(Evidence::load(path).map_err(Fault::usage)?)),
            Against::Url(url) => {
                Dsn::parse(&url).map_err(Fault::usage)?;
                Against::Url(url)
            }
            other => other,
        }))
    }
}

/// Which part of the work, and of which state.
#[derive(Debug, clap::Args)]
pub(crate) struct ShareArguments {
    /// Only this share of the work, such as 2/4: others do the rest, and
    /// drcore merge puts all together
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// The id of an exported snapshot to join, so that all read one state
    #[arg(long, value_name = "ID", value_parser = not_empty)]
    snapshot: Option<String>,
}

impl ShareArguments {
    /// Makes them options.
    pub(crate) fn apply(self, options: &mut VerifyOptions) -> Result<(), Fault> {
        options.collect.shard = self.shard.map(|shard| shard.parse()).transpose()?;
        options.collect.snapshot = self.snapshot;
        Ok(())
    }
}

/// The connection string of what is reached: what was given, or else what the environment says.
pub(crate) fn reached(given: Option<&str>, screen: &Screen) -> Result<String, Fault> {
    let url = match given {
        Some(url) => url.to_owned(),
        None => Dsn::from_environment().map_err(Fault::usage)?,
    };
    Dsn::parse(&url).map_err(Fault::usage)?;
    screen.incident.reached_by(&url);
    Ok(url)
}

/// What somebody gave: an empty text is a variable of the shell that is not set.
pub(crate) fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("it is empty: is the shell's variable set?".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// What standard output holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs, errors too
    Json,
}

/// From which severity findings fail the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Critical findings only
    Critical,
    /// Warnings too
    #[default]
    Warning,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Critical => Self::Critical,
            FailOn::Warning => Self::Warning,
        }
    }
}

/// How the report is shown and kept.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArguments {
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write the report here too; repeats. The extension chooses the format:
    /// .json, .md, .html, .xml (JUnit) or .txt
    #[arg(short, long, value_name = "FILE", env = "DRCORE_OUTPUT")]
    pub(crate) output: Vec<PathBuf>,
    /// From which severity findings make the exit code 1; never makes what is
    /// unproven 0
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FAIL_ON", hide_possible_values = true)]
    #[arg(value_name = "warning|critical")]
    fail_on: FailOn,
    /// Every finding with the query that shows it, and every check
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

impl ReportArguments {
    /// Refuses what could not be written afterwards.
    pub(crate) fn outputs(&self) -> Result<Outputs, Fault> {
        Outputs::check(&self.output).map_err(Fault::usage)
    }

    /// Prints the report, writes the files. Gives the exit code.
    pub(crate) fn conclude(&self, report: &Report, outputs: &Outputs, screen: &Screen) -> Result<u8, Fault> {
        let text = match self.format {
            Format::Json => report.to_json()? + "\n",
            Format::Text => report.to_text(self.text_options(screen.width, screen.color)),
        };
        screen.incident.judged(report);
        let mut delivery = Delivery::new(screen);
        outputs.write(report, self.text_options(Some(80), false), &mut delivery);
        // Nobody asked for it: that it cannot be written is no reason to fail.
        if let Err(error) = Outputs::tell_github(report) {
            screen.warn(&error.to_string());
        }
        delivery.print(&text);
        Ok(delivery.end(report.exit_code(self.fail_on.into())))
    }

    fn text_options(&self, width: Option<usize>, color: bool) -> TextOptions {
        let mut options = TextOptions::default();
        options.width = width;
        options.color = color;
        options.verbose = self.verbose;
        options.fail_on = self.fail_on.into();
        options
    }
}

/// One file that must be JSON.
pub(crate) fn json_file(path: &Path) -> Result<(), Fault> {
    if path.extension().is_none_or(|extension| extension != "json") {
        let message = format!("{} does not end in .json", path.display());
        return Err(Fault::usage(Error::new(ErrorKind::Usage, message).hint("Evidence is written as JSON.")));
    }
    output::check_writable(path).map_err(Fault::usage)
}

/// Says what was stored, and what it lacks. Gives the exit code.
pub(crate) fn stored(
    what: &str,
    evidence: &Evidence,
    options: &VerifyOptions,
    path: &Path,
    screen: &Screen,
) -> Result<u8, Fault> {
    // Against itself, for what it examines.
    let report = Report::judge(&options.plan, evidence, Some(evidence), &options.collect.only);
    let mut unread = evidence.unread_for(&options.plan, &options.collect.only);
    // What others read is no fault of this one.
    let is_left = |unread: &Unread| unread.cause.kind == CauseKind::OtherShard;
    if options.collect.shard.is_some() {
        unread.retain(|item| !is_left(item));
    }
    let examined = |noun: &str| report.examined.get(noun).copied().unwrap_or_default();
    let run = &evidence.run;
    let place = run.project.as_ref().or(run.host.as_ref()).map_or("the database", String::as_str);
    let database = run.server.as_ref().map_or(String::new(), |server| format!(" · db {}", server.database));
    let code = match run.failure.as_ref().map(|failure| failure.kind) {
        Some(ErrorKind::Cancelled) => 130,
        None if unread.is_empty() => 0,
        _ => UNPROVEN,
    };
    screen.incident.read(run);
    screen.incident.wrote(path);
    screen.incident.verdict(if code == 0 { "stored" } else { "unproven" });
    let word = if code == 0 { "STORED  " } else { "UNPROVEN" };
    let mut lines = vec![format!("{word} {what} of {place}{database}")];
    if let Some(link) = &run.content {
        let tables =
            evidence.scans.tables.values().filter(|scan| scan.content.read().is_some()).count() as u64;
        let place = if link.way == ContentWay::Server { "by the server" } else { "here" };
        if tables > 0 {
            lines.push(format!("         content of {}, hashed {place}", plural(tables, "table")));
        }
    }
    if let Some(shards) = &run.shards {
        let list = |numbers: &mut dyn Iterator<Item = &u32>| {
            numbers.map(u32::to_string).collect::<Vec<_>>().join(", ")
        };
        let missing = shards.missing();
        lines.push(match (options.collect.shard, missing.as_slice()) {
            (Some(shard), _) => {
                format!("         shard {shard}: drcore merge puts it together with the others")
            }
            (None, []) => format!("         all {} shards", shards.of),
            (None, missing) => format!("         lacks shard {} of {}", list(&mut missing.iter()), shards.of),
        });
    }
    lines.push(format!(
        "         {}, {} → {}",
        plural(examined("tables"), "table"),
        plural(examined("rows"), "row"),
        path.display()
    ));
    if let Some(failure) = &run.failure {
        lines.push(format!("         ended early: {}", failure.message));
    } else if !unread.is_empty() {
        lines
            .push(format!("         lacks {} that could not be read", plural(unread.len() as u64, "object")));
        lines.extend(
            unread.iter().take(10).map(|item| format!("UNREAD   {}: {}", item.object, item.cause.message)),
        );
    }
    lines.push(format!("exit {code}"));
    // Line by line, since a name may hold line breaks.
    let text: String = lines.iter().map(|line| format!("{}\n", terminal(line))).collect();
    screen.print(&without_commands(&text))?;
    Ok(code)
}
