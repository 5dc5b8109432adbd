//! Where what the connection string leaves out comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::{Error, ErrorKind, Result};

/// The variables of the process, or of a test.
#[derive(Clone)]
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
    of_process: bool,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        // A variable that is not UTF-8 cannot be a parameter of a connection.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect(), of_process: true }
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let variables = [("USER", "tester")].iter().chain(variables);
        Self {
            variables: variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            of_process: false,
        }
    }

    /// The variable, if it is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Who runs this: as libpq, the system is asked before the variables are.
    pub(super) fn user(&self) -> Result<String> {
        let asked = self.of_process.then(system_user).flatten();
        let named = || self.get("USER").or_else(|| self.get("LOGNAME")).map(str::to_owned);
        asked.or_else(named).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "no user was named, and the system does not say who this is")
                .hint("Write it into the connection string, or set PGUSER.")
        })
    }

    /// A file below the home directory.
    pub(super) fn home(&self, path: &str) -> Option<PathBuf> {
        self.get("HOME").map(|home| PathBuf::from(home).join(path))
    }
}

/// The name of the user that this process runs as. The system's function for it needs unsafe code.
fn system_user() -> Option<String> {
    let output = Command::new("id").arg("-un").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| output.status.success() && !name.is_empty())
}
