//! Files that are written: format by extension, whole or not at all, readable by their owner only.

use std::io::Write;
use std::path::{Path, PathBuf};

use drcore::report::TextOptions;
use drcore::{Error, ErrorKind, Report};

use crate::delivery::Delivery;

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Junit,
    Markdown,
    Text,
}

/// The files that a report is written to. Each of them can be.
#[derive(Debug)]
pub(crate) struct Outputs(Vec<(PathBuf, Form)>);

impl Outputs {
    /// Refuses, before anything runs, what could not be written afterwards.
    pub(crate) fn check(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut outputs = Vec::new();
        for path in paths {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let form = match extension {
                "html" => Form::Html,
                "json" => Form::Json,
                "md" => Form::Markdown,
                "txt" => Form::Text,
                "xml" => Form::Junit,
                _ => {
                    let message = format!("{} says no format that drcore writes", path.display());
                    let hint = "The extension chooses it: .json, .md, .html, .xml (JUnit) or .txt.";
                    return Err(Error::new(ErrorKind::Usage, message).hint(hint));
                }
            };
            check_writable(path)?;
            outputs.push((path.clone(), form));
        }
        Ok(Self(outputs))
    }

    /// In a GitHub action: the job's summary, and annotations on standard error.
    pub(crate) fn tell_github(report: &Report) -> Result<(), Error> {
        let is = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if is("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
            return Ok(());
        }
        // Nothing can be said about an error here.
        let _ = std::io::stderr().lock().write_all(report.to_github_annotations().as_bytes());
        let Some(path) = is("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
        // The file is the job's: other steps write to it too.
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(report.to_github_summary().as_bytes()))
            .map_err(|error| unwritten(&path, error))
    }

    /// Writes all of them.
    pub(crate) fn write(&self, report: &Report, text: TextOptions, delivery: &mut Delivery<'_>) {
        for (path, form) in &self.0 {
            let _span = tracing::debug_span!("report", form = ?form).entered();
            let text = match form {
                Form::Json => report.to_json().map(|json| json + "\n"),
                Form::Text => Ok(report.to_text(text)),
                Form::Html => report.to_html(),
                Form::Junit => report.to_junit(),
                Form::Markdown => Ok(report.to_markdown()),
            };
            delivery.file(path, text);
        }
    }
}

/// Whether a file could be written here: its directory takes a new one.
pub(crate) fn check_writable(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Usage, format!("{} is a directory", path.display())));
    }
    temporary(path).map(drop).map_err(|error| unwritten(path, error))
}

/// Writes a file whole or not at all, readable by its owner only.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = temporary(path).map_err(|error| unwritten(path, error))?;
    file.write_all(text.as_bytes()).map_err(|error| unwritten(path, error))?;
    file.as_file().sync_all().map_err(|error| unwritten(path, error))?;
    file.persist(path).map_err(|error| unwritten(path, error.error))?;
    tracing::info!(file = %path.display(), bytes = text.len(), "written");
    Ok(())
}

/// As [`write`], piece by piece.
pub(crate) fn stream(
    path: &Path,
    text: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut file = std::io::BufWriter::new(temporary(path).map_err(|error| unwritten(path, error))?);
    text(&mut file)?;
    let file = file.into_inner().map_err(|error| unwritten(path, error.into_error()))?;
    file.as_file().sync_all().map_err(|error| unwritten(path, error))?;
    file.persist(path).map_err(|error| unwritten(path, error.error))?;
    tracing::info!(file = %path.display(), "written");
    Ok(())
}

/// As [`write`], for what holds nothing private: with the permissions of any new file.
pub(crate) fn write_public(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| unwritten(path, error))
}

/// A file beside it, mode 0600, which is removed unless it takes its place.
fn temporary(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".drcore-").tempfile_in(directory(path))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unwritten(path: &Path, error: std::io::Error) -> Error {
    Error::unwritable("the file", path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_extensions_are_refused_and_name_what_is_allowed() {
        for path in ["report", "report.pdf", "report.JSON.gz"] {
            let error = Outputs::check(&[PathBuf::from(path)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{path}");
            assert!(error.hint_text().unwrap().contains(".json"));
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.json");
        write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = check_writable(Path::new("/nonexistent/reports/r.json")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write the file /nonexistent/reports/r.json: there is no directory /nonexistent/reports"
        );
        let error = check_writable(&path.join("r.json")).unwrap_err();
        assert!(error.to_string().ends_with("r.json is not a directory"), "{error}");
    }
}
