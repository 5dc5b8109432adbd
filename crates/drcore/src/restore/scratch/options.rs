//! What kind of scratch cluster.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::tools::Tools;
use crate::error::{Error, ErrorKind, Result};

/// How to start a scratch cluster.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ScratchOptions {
    /// The programs to use; found where none are given.
    pub tools: Option<Tools>,
    /// The major version of the server, such as 17: its programs are looked for. Without it, whatever is found.
    pub major: Option<u32>,
    /// What is in it.
    pub recipe: Recipe,
    /// Listens on 127.0.0.1 at this port too, where everybody on this machine may connect; only on
    /// the private socket where none is given.
    pub port: Option<u16>,
    /// How large its databases will be, in bytes, as far as that is known: what does not fit well into memory is kept
    /// on disk (`TMPDIR`).
    pub expected_bytes: Option<u64>,
    /// Further settings of the server, such as `("max_connections", "20")`.
    pub settings: Vec<(String, String)>,
}

/// What every database of a scratch cluster begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recipe {
    /// Nothing.
    #[default]
    Plain,
    /// A fresh Supabase project: roles, the tables of login and storage, default privileges, and what stands in
    /// for extensions. What the official command dumps goes into one.
    Supabase,
    /// Only what a dump of a whole project does not bring itself: roles, and what stands in for extensions.
    SupabaseRoles,
}

impl Recipe {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Supabase => "supabase",
            Self::SupabaseRoles => "supabase_roles",
        }
    }

    /// The statements that make it.
    pub(super) fn sql(self) -> Option<String> {
        const ROLES: &str = include_str!("roles.sql");
        const PROJECT: &str = include_str!("../../drill/sample/supabase.sql");
        match self {
            Self::Plain => None,
            Self::Supabase => Some(format!("{PROJECT}\n{ROLES}")),
            Self::SupabaseRoles => Some(ROLES.to_owned()),
        }
    }
}

/// The keys that [`ScratchOptions::from_json`] knows.
const KEYS: &[&str] = &["major", "port", "recipe", "settings"];

impl ScratchOptions {
    /// Reads the options of a call: `{"major": 17, "recipe": "plain" | "supabase" | "supabase_roles",
    /// "port": 54329, "settings": {"max_connections": "20"}}`, every key optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type.
    pub fn from_json(text: &str) -> Result<Self> {
        let usage = |message: &str| Error::new(ErrorKind::Usage, message);
        let mut given = crate::arguments::object(text, KEYS)?;
        let mut number = |key: &str, most: u64, message: &str| match given.remove(key) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_u64().filter(|number| (1..=most).contains(number));
                number.map(Some).ok_or_else(|| usage(message))
            }
        };
        let major = number("major", 999, "major: expected a version such as 17")?;
        let port = number("port", u64::from(u16::MAX), "port: expected a number from 1 to 65535")?;
        let recipe = given
            .remove("recipe")
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| usage("recipe: expected \"plain\", \"supabase\" or \"supabase_roles\""))?;
        Ok(Self {
            major: major.and_then(|major| u32::try_from(major).ok()),
            port: port.and_then(|port| u16::try_from(port).ok()),
            recipe: recipe.unwrap_or_default(),
            settings: settings(&mut given)?,
            tools: None,
            expected_bytes: None,
        })
    }

    /// The programs to use.
    pub(super) async fn tools(&self) -> Result<Tools> {
        match (&self.tools, self.major) {
            (Some(tools), _) => Ok(tools.clone()),
            (None, Some(major)) => Tools::of_major(major).await,
            (None, None) => Tools::find().await,
        }
    }
}

fn settings(given: &mut Map<String, Value>) -> Result<Vec<(String, String)>> {
    let usage =
        || Error::new(ErrorKind::Usage, "settings: expected an object such as {\"max_connections\": \"20\"}");
    let settings = match given.remove("settings") {
        None => return Ok(Vec::new()),
        Some(Value::Object(settings)) => settings,
        Some(_) => return Err(usage()),
    };
    settings
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(number) => Ok((name, number.to_string())),
            Value::Bool(on) => Ok((name, if on { "on" } else { "off" }.to_owned())),
            _ => Err(usage()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let options = ScratchOptions::from_json(
            r#"{"major": 17, "recipe": "supabase_roles", "port": 54329, "settings": {"max_connections": 20, "jit": false}}"#,
        )
        .unwrap();
        assert_eq!(
            (options.major, options.port, options.recipe),
            (Some(17), Some(54_329), Recipe::SupabaseRoles)
        );
        assert!(options.settings.contains(&("jit".to_owned(), "off".to_owned())), "{options:?}");
        for (text, needle) in [
            (r#"{"major": "17"}"#, "a version"),
            (r#"{"port": 70000}"#, "65535"),
            (r#"{"recipe": "supa"}"#, "\"supabase_roles\""),
            (r#"{"settings": ["a"]}"#, "settings"),
            (r#"{"recipy": "plain"}"#, "no such option"),
        ] {
            let error = ScratchOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
        for recipe in [Recipe::Plain, Recipe::Supabase, Recipe::SupabaseRoles] {
            assert_eq!(serde_json::to_value(recipe).unwrap(), recipe.as_str());
        }
    }
}
