//! The service file and the password file.
//!
//! Source: PostgreSQL documentation, 34.16 The Password File and 34.17 The Connection Service File.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::parse::Pairs;
use crate::error::{Error, ErrorKind, Result};

/// The parameters of a service: the user's file first, then the system's.
pub(super) fn service(name: &str, file: Option<&str>, environment: &Environment) -> Result<Pairs> {
    let named = file.or_else(|| environment.get("PGSERVICEFILE")).map(PathBuf::from);
    let system =
        environment.get("PGSYSCONFDIR").map(|directory| PathBuf::from(directory).join("pg_service.conf"));
    let candidates = [named.or_else(|| environment.home(".pg_service.conf")), system];
    for path in candidates.into_iter().flatten() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(pairs) = section(&text, name, &path)? {
            return Ok(pairs);
        }
    }
    Err(Error::new(ErrorKind::Usage, format!("no service file defines the service {name:?}"))
        .hint("Services are defined in ~/.pg_service.conf, or in the file that PGSERVICEFILE names."))
}

fn section(text: &str, name: &str, path: &Path) -> Result<Option<Pairs>> {
    let mut found: Option<Pairs> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            if title == name {
                found = Some(Pairs::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        match line.split_once('=') {
            Some(("service", _)) => {
                return Err(Error::new(ErrorKind::Usage, "a service cannot name another service")
                    .context("file", format!("{}:{}", path.display(), number + 1)));
            }
            Some((key, value)) => pairs.push((key.trim().to_owned(), value.trim().to_owned())),
            None => {
                return Err(Error::new(ErrorKind::Usage, "a line of the service file has no =")
                    .context("file", format!("{}:{}", path.display(), number + 1)));
            }
        }
    }
    Ok(found)
}

/// A password file. Cannot be shown with `Debug`: it holds passwords.
pub(super) struct PasswordFile {
    /// As it is shown.
    pub(super) path: PathBuf,
    lines: Vec<(usize, Vec<String>)>,
}

impl PasswordFile {
    /// Reads it. As libpq, one that others may read is left alone; so is one that is not there.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        if !meta.is_file() || meta.permissions().mode() & 0o077 != 0 {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
            .map(|(at, line)| (at + 1, fields(line)))
            .filter(|(_, fields)| fields.len() == 5)
            .collect();
        Some(Self { path: path.to_path_buf(), lines })
    }

    /// The password of the first line that fits, and the number of that line.
    pub(super) fn password(
        &self,
        host: &str,
        port: u16,
        database: &str,
        user: &str,
    ) -> Option<(String, usize)> {
        let port = port.to_string();
        let wanted = [host, &port, database, user];
        self.lines.iter().find_map(|(number, fields)| {
            let fits = wanted.iter().zip(fields).all(|(wanted, field)| field == "*" || field == wanted);
            fits.then(|| (fields[4].clone(), *number))
        })
    }
}

/// Splits at colons; a backslash takes away the meaning of what follows. The last field is the rest.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let is_last = fields.len() == 5;
        let Some(field) = fields.last_mut() else { break };
        match c {
            '\\' => field.extend(chars.next()),
            ':' if !is_last => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let file = file("# comment\nh:5432:*:bob:one\n*:*:app:*:t\\:w\\\\o:x\n*:*:*:*:three\n", 0o600);
        let passwords = PasswordFile::read(file.path()).unwrap();
        assert_eq!(passwords.password("h", 5432, "x", "bob"), Some(("one".to_owned(), 2)));
        assert_eq!(passwords.password("h", 5433, "app", "bob"), Some(("t:w\\o:x".to_owned(), 3)));
        assert_eq!(passwords.password("h", 5433, "x", "bob"), Some(("three".to_owned(), 4)));
    }

    #[test]
    fn a_file_that_others_may_read_is_left_alone() {
        assert!(PasswordFile::read(file("*:*:*:*:x\n", 0o644).path()).is_none());
        assert!(PasswordFile::read(Path::new("/nonexistent")).is_none());
    }

    #[test]
    fn services_are_found_by_name() {
        let file = file(
            "# c\n[other]\nhost=no\n\n[mine]\nhost = db.example.com\nport=6543\n[later]\nhost=no\n",
            0o644,
        );
        let path = file.path().to_str().unwrap();
        let environment = Environment::of(&[]);
        let pairs = service("mine", Some(path), &environment).unwrap();
        assert_eq!(
            pairs,
            [("host".to_owned(), "db.example.com".to_owned()), ("port".to_owned(), "6543".to_owned())]
        );
        assert!(service("nobody", Some(path), &environment).is_err());
    }
}
