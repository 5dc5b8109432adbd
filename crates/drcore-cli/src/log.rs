//! The log: what drcore does, on standard error, as text or as JSON lines. Off unless it is asked for.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use drcore::report::{terminal, without_commands};
use drcore::secret::redact;
use drcore::{Error, ErrorKind};
use jiff::Timestamp;
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Whose events are shown: those of drcore's own crates. The libraries below log statements.
const TARGET: &str = "drcore";

/// From which level events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Threshold {
    #[default]
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Whether and how to log.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct LogArguments {
    /// Log to standard error from this level
    #[arg(long, global = true, value_enum, default_value_t, hide_default_value = true)]
    #[arg(env = "DRCORE_LOG", hide_possible_values = true, help_heading = "Log")]
    #[arg(value_name = "off|error|warn|info|debug|trace")]
    log: Threshold,
    /// How it is written; with json, warnings and errors are lines of it too
    #[arg(long, global = true, value_enum, default_value_t, hide_default_value = true)]
    #[arg(env = "DRCORE_LOG_FORMAT", hide_possible_values = true, help_heading = "Log")]
    #[arg(value_name = "text|json")]
    log_format: Form,
}

/// Whether warnings and errors go into the log, as JSON.
static JSON: AtomicBool = AtomicBool::new(false);

impl LogArguments {
    /// As the variables say.
    pub(crate) fn of_environment() -> Result<Self, Error> {
        Ok(Self { log: of_variable("DRCORE_LOG")?, log_format: of_variable("DRCORE_LOG_FORMAT")? })
    }

    /// Begins to log. An embedder that has a subscriber of its own keeps it.
    pub(crate) fn begin(self) {
        let level = match self.log {
            Threshold::Off => return,
            Threshold::Error => LevelFilter::ERROR,
            Threshold::Warn => LevelFilter::WARN,
            Threshold::Info => LevelFilter::INFO,
            Threshold::Debug => LevelFilter::DEBUG,
            Threshold::Trace => LevelFilter::TRACE,
        };
        let registry = tracing_subscriber::registry().with(Targets::new().with_target(TARGET, level));
        let lines = layer().with_timer(Utc).with_ansi(false);
        let begun = match self.log_format {
            Form::Text => registry.with(lines.with_writer(Line::Text)).try_init(),
            Form::Json => {
                let objects = lines.json().flatten_event(true).with_current_span(false);
                registry.with(objects.with_writer(Line::Json)).try_init()
            }
        };
        JSON.store(begun.is_ok() && self.log_format == Form::Json, Ordering::Relaxed);
    }
}

fn of_variable<T: ValueEnum + Default>(name: &str) -> Result<T, Error> {
    let Some(text) = std::env::var_os(name).filter(|text| !text.is_empty()) else { return Ok(T::default()) };
    T::from_str(&text.to_string_lossy(), false).map_err(|_| {
        let allowed: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        let message = format!("{name} is none of {}", allowed.join(", "));
        Error::new(ErrorKind::Usage, message)
    })
}

/// Whether all that stands on standard error is JSON.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Whether something is logged, so that nothing else may draw on standard error.
pub(crate) fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Instants in UTC, to the microsecond.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

/// Writes one event, which comes in one piece.
///
/// Nothing that drcore logs is a secret or steers a terminal; this is for what somebody adds.
#[derive(Clone, Copy)]
enum Line {
    Json,
    Text,
}

impl MakeWriter<'_> for Line {
    type Writer = Self;

    fn make_writer(&self) -> Self::Writer {
        *self
    }
}

impl Line {
    fn safe(self, line: &str) -> String {
        match self {
            Self::Text => without_commands(&terminal(&redact(line))).into_owned() + "\n",
            Self::Json => {
                let mut event: Value = serde_json::from_str(line).unwrap_or_else(|_| Value::from(line));
                make_safe(&mut event);
                in_order(event) + "\n"
            }
        }
    }
}

impl Write for Line {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(event);
        // In one piece, so that lines of several threads do not mix.
        std::io::stderr().lock().write_all(self.safe(line.trim_end_matches('\n')).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What people look for first comes first.
fn in_order(event: Value) -> String {
    let Value::Object(mut fields) = event else { return event.to_string() };
    let mut parts: Vec<String> = ["timestamp", "level", "message"]
        .into_iter()
        .filter_map(|key| fields.remove(key).map(|value| format!("\"{key}\":{value}")))
        .collect();
    parts.extend(fields.into_iter().map(|(key, value)| format!("{}:{value}", Value::from(key))));
    format!("{{{}}}", parts.join(","))
}

fn make_safe(value: &mut Value) {
    match value {
        Value::String(text) => *text = terminal(&redact(text)).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(make_safe),
        Value::Object(fields) => fields.values_mut().for_each(make_safe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_one_line_without_secrets() {
        let hostile = "a\u{1b}[2J\n::error::x postgresql://u:hunter2@h\u{202e}";
        let text = Line::Text.safe(hostile);
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(!text.contains("hunter2") && !text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        let event = serde_json::json!({ "message": hostile, "spans": [{ "name": "password=hunter2\\" }] });
        let json = Line::Json.safe(&event.to_string());
        assert!(!json.contains("hunter2") && !json.contains('\u{202e}'), "{json}");
        let read: Value = serde_json::from_str(&json).unwrap();
        assert!(read["message"].as_str().unwrap().starts_with("a\\u{1b}"), "{json}");
        assert!(json.starts_with("{\"message\":"), "{json}");
        assert!(read["spans"][0]["name"].as_str().unwrap().starts_with("password=[secret:"), "{json}");
    }
}
