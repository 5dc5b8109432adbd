//! Where text goes: standard output and standard error, their width and colour.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::builder::styling::Styles;
use drcore::report::{terminal, terminal_lines, without_commands};
use drcore::{Error, ErrorKind as Kind, ErrorWire};

use crate::arguments::Secrets;
use crate::fault::{Fault, USAGE};
use crate::incident::Incident;
use crate::log;

/// Help is plain: its words carry it, and it fits 80 columns everywhere.
pub(crate) const STYLES: Styles = Styles::plain();

/// Where text goes.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Columns of standard output; none in a pipe.
    pub(crate) width: Option<usize>,
    /// Whether standard output may be coloured.
    pub(crate) color: bool,
    error_color: bool,
    json_errors: bool,
    /// The row of the incident log, where one is kept.
    pub(crate) incident: Incident,
    secrets: Secrets,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn of_process(json_errors: bool, arguments: &[OsString]) -> Self {
        let out = std::io::stdout();
        let width = out.is_terminal().then(|| {
            terminal_size::terminal_size_of(&out)
                .map_or(80, |(terminal_size::Width(width), _)| usize::from(width))
        });
        let colored = |choice| choice != anstream::ColorChoice::Never;
        Self {
            width,
            color: colored(anstream::AutoStream::choice(&out)),
            error_color: colored(anstream::AutoStream::choice(&std::io::stderr())),
            json_errors,
            incident: Incident::default(),
            secrets: Secrets::of(arguments),
        }
    }

    /// Writes to standard output. That nobody reads on (`drcore … | head`) is no error.
    #[expect(clippy::unused_self, reason = "output goes through the screen, whatever it is")]
    pub(crate) fn print(&self, text: &str) -> Result<(), Fault> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let error = Error::new(Kind::Io, "cannot write to standard output").caused_by(error);
                Err(Fault::unwritten(error))
            }
            _ => Ok(()),
        }
    }

    /// A line on standard error, beside the work.
    #[expect(clippy::unused_self, reason = "output goes through the screen, whatever it is")]
    pub(crate) fn note(&self, text: &str) {
        if log::is_json() {
            return tracing::info!("{text}");
        }
        complain(&format!("drcore: {}\n", terminal(text)));
    }

    /// A warning on standard error.
    pub(crate) fn warn(&self, text: &str) {
        if log::is_json() {
            return tracing::warn!("{text}");
        }
        complain(&format!("{}: {}\n", self.paint("warning", AnsiColor::Yellow), terminal(text)));
    }

    /// Tells an error, for people on standard error and, where JSON is wanted, for programs on
    /// standard output. Gives the exit code.
    pub(crate) fn fault(&self, fault: &Fault) -> u8 {
        let code = self.complain(fault);
        self.json_error(&self.wire(&fault.error));
        code
    }

    /// Tells an error on standard error only. Gives the exit code.
    pub(crate) fn complain(&self, fault: &Fault) -> u8 {
        let error = self.wire(&fault.error);
        let next = error.hint.as_deref().unwrap_or_default();
        if log::is_json() {
            let code = error.code.as_str();
            tracing::error!(
                code,
                error.sqlstate,
                error.detail,
                hint = next,
                exit = fault.code,
                "{}",
                error.message
            );
            return fault.code;
        }
        let mut text = format!("{}: {}\n", self.paint("error", AnsiColor::Red), terminal(&error.message));
        let mut last = format!("exit {}", fault.code);
        if let Some(detail) = &error.detail {
            text.push_str(&terminal_lines(detail.trim_end()));
            text.push('\n');
        }
        match next {
            command if command.starts_with("drcore ") => last.push_str(&format!(" · {command}")),
            hint => text.push_str(&format!("       {}\n", terminal(hint))),
        }
        complain(&without_commands(&format!("{text}{last}\n")));
        fault.code
    }

    /// Answers `--help` and `--version`, or tells what is wrong with the arguments. Gives the exit code.
    pub(crate) fn usage(&self, error: &clap::Error) -> u8 {
        use clap::error::ErrorKind as Clap;
        // What was typed in the wrong place may be a connection string.
        let text = self.secrets.leave(&error.render().to_string()).into_owned();
        if matches!(error.kind(), Clap::DisplayHelp | Clap::DisplayVersion) {
            return self.print(&text).map_or_else(|fault| self.fault(&fault), |()| 0);
        }
        complain(&terminal_lines(&text));
        if !text.ends_with('\n') {
            complain("\n");
        }
        let line = text.lines().next().unwrap_or_default();
        let message = line.strip_prefix("error: ").unwrap_or(line);
        self.json_error(&Error::new(Kind::Usage, message).hint("See drcore --help.").to_wire());
        USAGE
    }

    /// The error without what was typed and may be a secret.
    fn wire(&self, error: &Error) -> ErrorWire {
        let mut wire = error.to_wire();
        let texts = [Some(&mut wire.message), wire.hint.as_mut(), wire.detail.as_mut()];
        for text in texts.into_iter().flatten().chain(wire.context.values_mut()) {
            *text = self.secrets.leave(text).into_owned();
        }
        wire
    }

    fn json_error(&self, error: &ErrorWire) {
        if self.json_errors
            && let Ok(json) = error.to_json()
        {
            // There is no third place to complain to.
            let _ = self.print(&format!("{json}\n"));
        }
    }

    fn paint(&self, word: &str, color: AnsiColor) -> String {
        let style: Style = color.on_default().bold();
        if self.error_color { format!("{style}{word}{style:#}") } else { word.to_owned() }
    }
}

fn complain(text: &str) {
    // Nothing can be said about an error here.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
