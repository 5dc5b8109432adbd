//! Errors about files: which, why, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::{Error, ErrorKind};

impl Error {
    /// That a file could not be read: `cannot read the plan drcore.toml: there is no such file`.
    ///
    /// `what` is what the file is for its reader: `the plan`, `the baseline`.
    pub fn unreadable(what: &str, path: &Path, error: io::Error) -> Self {
        let (why, hint) = match error.kind() {
            io::ErrorKind::NotFound => (
                "there is no such file",
                Some("Check the name, and the directory that you are in.".to_owned()),
            ),
            io::ErrorKind::PermissionDenied => {
                ("it may not be read", Some("Let the user who runs drcore read it.".to_owned()))
            }
            io::ErrorKind::IsADirectory => ("it is a directory", Some("Name a file in it.".to_owned())),
            io::ErrorKind::InvalidData => ("it is not UTF-8", None),
            _ => ("", None),
        };
        Self::of_file(&format!("cannot read {what}"), path, why, hint, error)
    }

    /// That a file could not be written: `cannot write the report reports/r.json: there is no directory reports`.
    pub fn unwritable(what: &str, path: &Path, error: io::Error) -> Self {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let shown = directory.display();
        let (why, hint) = match error.kind() {
            _ if !directory.exists() && !is_file_above(&directory) => (
                format!("there is no directory {shown}"),
                Some("Create it first, or give another name.".to_owned()),
            ),
            io::ErrorKind::NotADirectory => {
                (format!("{shown} is not a directory"), Some("Give another name.".to_owned()))
            }
            io::ErrorKind::IsADirectory => {
                ("it is a directory".to_owned(), Some("Name a file in it.".to_owned()))
            }
            io::ErrorKind::PermissionDenied => (
                format!("{shown} may not be written to"),
                Some("Let the user who runs drcore write there, or give another name.".to_owned()),
            ),
            io::ErrorKind::ReadOnlyFilesystem => (
                format!("{shown} is on a file system that is read-only"),
                Some("Give another name.".to_owned()),
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
                "no space is left".to_owned(),
                Some("Make room, or give a name on another disk, and run it again.".to_owned()),
            ),
            _ => (String::new(), None),
        };
        Self::of_file(&format!("cannot write {what}"), path, &why, hint, error)
    }

    fn of_file(doing: &str, path: &Path, why: &str, hint: Option<String>, error: io::Error) -> Self {
        let file = path.display().to_string();
        let error = if why.is_empty() {
            Self::new(ErrorKind::Io, format!("{doing} {file}")).caused_by(inner(error))
        } else {
            Self::new(ErrorKind::Io, format!("{doing} {file}: {why}"))
        };
        let error = error.context("file", file);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Whether the path goes through something that is a file.
fn is_file_above(directory: &Path) -> bool {
    directory.ancestors().any(Path::is_file)
}

/// What lies beneath, where a library wrapped it in words about its own temporary file.
fn inner(error: io::Error) -> io::Error {
    let code = error
        .get_ref()
        .and_then(|wrapped| wrapped.source())
        .and_then(|source| source.downcast_ref::<io::Error>())
        .and_then(io::Error::raw_os_error);
    code.map_or(error, io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwritable(path: &Path) -> Error {
        let directory = path.parent().unwrap();
        let error = tempfile::NamedTempFile::new_in(directory).unwrap_err();
        Error::unwritable("the report", path, error)
    }

    #[test]
    fn what_is_wrong_with_the_path_is_said() {
        let directory = tempfile::Builder::new().prefix("drcore-").tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();

        let error = unwritable(&directory.path().join("no/r.json"));
        let message =
            format!("cannot write the report {}: there is no directory {}", at("no/r.json"), at("no"));
        assert_eq!((error.message(), error.to_string().as_str()), (message.as_str(), message.as_str()));
        assert_eq!(error.context_pairs().collect::<Vec<_>>(), [("file", at("no/r.json").as_str())]);
        assert!(error.hint_text().unwrap().starts_with("Create it first"));
        let error = unwritable(&file.join("r.json"));
        assert!(error.message().ends_with(&format!("r.json: {} is not a directory", at("file"))), "{error}");
        assert!(!format!("{error:?}").contains(".tmp"), "the temporary file is nobody's: {error:?}");
        let full = Error::unwritable("the report", &file, io::ErrorKind::StorageFull.into());
        assert!(full.message().ends_with("file: no space is left"), "{full}");
        let other = Error::unwritable("the report", &file, io::Error::from_raw_os_error(5));
        assert!(other.to_string().ends_with("file: Input/output error (os error 5)"), "{other}");

        let read =
            |path: &Path| Error::unreadable("the plan", path, std::fs::read_to_string(path).unwrap_err());
        let missing = read(&directory.path().join("no"));
        assert_eq!(missing.message(), format!("cannot read the plan {}: there is no such file", at("no")));
        assert!(read(directory.path()).message().ends_with(": it is a directory"));
        std::fs::write(&file, b"\xff\xfe").unwrap();
        assert!(read(&file).message().ends_with(": it is not UTF-8"));
    }
}
