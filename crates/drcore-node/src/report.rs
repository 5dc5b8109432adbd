//! A report, kept in Rust.

use drcore::report::TextOptions;
use drcore::{Error, ErrorKind, Report, Severity};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};

/// A report.
#[napi]
pub struct ReportHandle(Report);

impl From<Report> for ReportHandle {
    fn from(report: Report) -> Self {
        Self(report)
    }
}

impl ReportHandle {
    pub(crate) fn report(&self) -> Report {
        self.0.clone()
    }
}

#[napi]
impl ReportHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// Every finding of every check, worst first, as JSON.
    #[napi]
    pub fn findings(&self) -> Answer<String> {
        let findings = serde_json::to_string(&self.0.findings()).map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot write the findings as JSON").caused_by(error)
        });
        answer(findings)
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code(Severity::Warning)
    }

    /// The report as text.
    #[napi]
    pub fn text(&self, width: Option<u32>, color: bool, verbose: bool) -> String {
        let mut options = TextOptions::default();
        options.width = width.map(|width| width as usize);
        options.color = color;
        options.verbose = verbose;
        self.0.to_text(options)
    }

    /// The report as Markdown.
    #[napi]
    pub fn markdown(&self) -> String {
        self.0.to_markdown()
    }

    /// The report as one HTML page.
    #[napi]
    pub fn html(&self) -> Answer<String> {
        answer(self.0.to_html())
    }

    /// The report as `JUnit` XML.
    #[napi]
    pub fn junit(&self) -> Answer<String> {
        answer(self.0.to_junit())
    }
}

/// Reads the JSON form.
#[napi]
pub fn read_report(text: String) -> Answer<ReportHandle> {
    answer(Report::from_json(&text).map(Into::into))
}

/// Reads the JSON form from a file.
#[napi]
pub fn load_report(env: &Env, path: String) -> napi::Result<PromiseRaw<'_, Answer<ReportHandle>>> {
    promise(env, async move { Report::load(path).map(Into::into) })
}
