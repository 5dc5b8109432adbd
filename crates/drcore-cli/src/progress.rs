//! Progress, on standard error only: two lines on a terminal, one line per 30 s in CI, else nothing.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use drcore::collect::{Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::log;

/// How often a log hears of it.
const LOG_EVERY: Duration = Duration::from_secs(30);
/// How often a program hears of it, at most.
const JSON_EVERY: Duration = Duration::from_millis(200);

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// Two lines on a terminal, one line per 30 s in CI, else nothing
    #[default]
    Auto,
    /// One line per 30 s
    Plain,
    /// One JSON object a line
    Json,
    /// Nothing
    None,
}

/// Told of progress by the collector.
pub(crate) type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Progress that is being shown; ends when dropped.
pub(crate) struct Display {
    listener: Option<Listener>,
    bar: Option<ProgressBar>,
    ticker: Option<JoinHandle<()>>,
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
    }
}

impl Display {
    /// Begins to show it. Must be called inside the runtime.
    pub(crate) fn begin(style: Style) -> Self {
        let in_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
        match style {
            // A bar that is drawn again and again, and lines of a log, would spoil each other.
            Style::Auto if log::is_on() => Self { listener: None, bar: None, ticker: None },
            Style::Auto if std::io::stderr().is_terminal() => Self::bar(),
            Style::Auto if in_ci => Self::lines(),
            Style::Auto | Style::None => Self { listener: None, bar: None, ticker: None },
            Style::Plain => Self::lines(),
            Style::Json => Self::json(),
        }
    }

    /// What the collector tells.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.listener.clone()
    }

    fn bar() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}\n{bar:40} {elapsed} · {prefix}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        let shown = bar.clone();
        let listener: Listener = Arc::new(move |progress| {
            let (so_far, all) = match progress.phase {
                Phase::Scan | Phase::Transfer if progress.bytes_total > 0 => {
                    (progress.bytes, progress.bytes_total)
                }
                _ => (progress.done, progress.total),
            };
            shown.set_length(all);
            shown.set_position(so_far);
            shown.set_prefix(progress.steps());
            shown.set_message(progress.sentence());
        });
        Self { listener: Some(listener), bar: Some(bar), ticker: None }
    }

    fn lines() -> Self {
        let latest: Arc<Mutex<Option<Progress>>> = Arc::default();
        let told = Arc::clone(&latest);
        let listener: Listener = Arc::new(move |progress| {
            if let Ok(mut latest) = told.lock() {
                *latest = Some(progress);
            }
        });
        // By the clock, not by what happens: one long scan tells nothing for minutes.
        let ticker = tokio::spawn(async move {
            let started = Instant::now();
            loop {
                tokio::time::sleep(LOG_EVERY).await;
                let latest = latest.lock().ok().and_then(|latest| *latest);
                let seconds = started.elapsed().as_secs();
                let Some(progress) = latest else {
                    say(&format!("drcore: connecting, {seconds} s"));
                    continue;
                };
                // Two lines, or it would be wider than a terminal.
                say(&format!("drcore: {}", progress.sentence()));
                say(&format!("drcore: {}, {seconds} s so far", progress.steps()));
            }
        });
        Self { listener: Some(listener), bar: None, ticker: Some(ticker) }
    }

    fn json() -> Self {
        let last: Mutex<Option<(Phase, Instant)>> = Mutex::new(None);
        let listener: Listener = Arc::new(move |progress| {
            let Ok(mut last) = last.lock() else { return };
            let soon = last.is_some_and(|(phase, at)| phase == progress.phase && at.elapsed() < JSON_EVERY);
            if soon && progress.done < progress.total {
                return;
            }
            *last = Some((progress.phase, Instant::now()));
            // One line a program can read.
            let Ok(event) = serde_json::to_string(&progress) else { return };
            say(&event);
        });
        Self { listener: Some(listener), bar: None, ticker: None }
    }
}

fn say(line: &str) {
    // Nothing can be said about an error here.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
