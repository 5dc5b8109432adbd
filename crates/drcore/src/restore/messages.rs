//! What `pg_restore` says while it works: which entry it is at, and what went wrong with which.
//!
//! Source: `pg_backup_archiver.c` of PostgreSQL 13 to 18: `warn_or_exit_horribly`, `restore_toc_entries_parallel`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::redacted;
use crate::text::plural;

/// An object that could not be restored, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ObjectError")]
#[non_exhaustive]
pub struct ObjectError {
    /// The number of the entry in the table of contents; none for what is of no object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u32>,
    /// What it is: `table data public.invoices`.
    pub object: String,
    /// The server's words.
    pub message: String,
    /// Why it does no harm, where it is known that it does none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harmless: Option<String>,
}

impl ObjectError {
    /// Up to so many that were not heard, and may be of any object.
    pub(super) fn unheard(errors: u64) -> Self {
        Self {
            entry: None,
            object: "an object that pg_restore did not name".to_owned(),
            message: format!("up to {} whose words were not heard", plural(errors, "error")),
            harmless: None,
        }
    }

    /// Rows that `pg_restore` never came to, such as those of a table that could not be made.
    pub(super) fn never_begun(entry: u32, object: String) -> Self {
        let message = "pg_restore did not come to these rows".to_owned();
        Self { entry: Some(entry), object, message, harmless: None }
    }

    /// Whether rows may be lacking of which it is not known whose they are.
    pub(super) fn is_anyones(&self) -> bool {
        self.entry.is_none() && self.harmless.is_none()
    }
}

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It begins with an entry.
    Began(u32),
    /// An entry is done.
    Finished(u32),
    /// It is at the rows of this table, by its schema and name as they stand in the table of contents.
    Rows(String),
    /// Something went wrong.
    Error(ObjectError),
    /// It gave up.
    Fatal(String),
}

/// Reads the lines of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    /// The entry that the last error was of.
    entry: Option<(u32, String)>,
    /// The major version of the server.
    major: u32,
    /// Entries that an earlier, interrupted run may have made.
    may_exist: bool,
}

impl Listener {
    /// For a server of this major version.
    pub(super) fn new(major: u32, may_exist: bool) -> Self {
        Self { entry: None, major, may_exist }
    }

    /// What a line says; most say nothing of interest.
    pub(super) fn hear(&mut self, line: &str) -> Option<Said> {
        let said = line.strip_prefix("pg_restore: ")?;
        if let Some(rest) =
            said.strip_prefix("launching item ").or_else(|| said.strip_prefix("processing item "))
        {
            return number(rest).map(Said::Began);
        }
        if let Some(rest) = said.strip_prefix("processing data for table \"") {
            return rest.strip_suffix('"').map(|table| Said::Rows(table.to_owned()));
        }
        if let Some(rest) = said.strip_prefix("finished item ") {
            return number(rest).map(Said::Finished);
        }
        if let Some(rest) = said.strip_prefix("from TOC entry ") {
            // `3386; 0 16390 TABLE DATA public invoices postgres`
            let id = number(rest)?;
            let name = rest.split_once("; ").and_then(|(_, rest)| rest.splitn(3, ' ').nth(2)).unwrap_or(rest);
            self.entry = Some((id, name.to_owned()));
            return None;
        }
        if said.starts_with("while INITIALIZING") || said.starts_with("while FINALIZING") {
            self.entry = None;
            return None;
        }
        let message = said.strip_prefix("error: ")?;
        if ["connection to server", "could not connect", "could not write to", "a worker process died"]
            .iter()
            .any(|fatal| message.starts_with(fatal))
            || ["server closed the connection", "no connection to the server", "FATAL:  "]
                .iter()
                .any(|fatal| message.contains(fatal))
        {
            return Some(Said::Fatal(told(message)));
        }
        let (entry, object) = match &self.entry {
            Some((id, name)) => (Some(*id), name.clone()),
            None => (None, "the connection".to_owned()),
        };
        let harmless = self.harmless(message);
        Some(Said::Error(ObjectError { entry, object, message: told(message), harmless }))
    }

    /// Why an error does no harm.
    fn harmless(&self, message: &str) -> Option<String> {
        let setting =
            |name: &str| message.contains(&format!("unrecognized configuration parameter \"{name}\""));
        if setting("transaction_timeout") && self.major < 17 {
            return Some("a setting of PostgreSQL 17 that older servers do not have".to_owned());
        }
        let exists = message.contains("already exists")
            || message.contains("multiple primary keys for table")
            || message.contains("is already a partition")
            || message.contains("is already an identity column")
            || message.contains("is already member of publication")
            || CATALOG_INDEXES.iter().any(|index| {
                message.contains(&format!("duplicate key value violates unique constraint \"{index}\""))
            });
        if self.may_exist && exists {
            return Some("the restore that was interrupted had made it".to_owned());
        }
        if message.contains("schema \"public\" already exists") {
            return Some("every database has it".to_owned());
        }
        None
    }
}

/// By which the server says that an object is there, of kinds that it does not look for itself. Named one by one: an
/// application's index, whatever it is called, says that rows are lost.
const CATALOG_INDEXES: &[&str] = &[
    "pg_largeobject_metadata_oid_index",
    "pg_ts_config_cfgname_index",
    "pg_ts_dict_dictname_index",
    "pg_ts_parser_prsname_index",
    "pg_ts_template_tmplname_index",
];

/// Whether the target has no room left: whatever comes after that fails too.
pub(super) fn is_out_of_room(message: &str) -> bool {
    // The last two are a limit on the size of files, which the server takes for a full disk.
    const WORDS: &[&str] =
        &["No space left on device", "disk full", "Disk quota exceeded", "File too large", "wrote only"];
    WORDS.iter().any(|words| message.contains(words))
}

/// How many errors it went on after, in its last line.
pub(super) fn ignored(line: &str) -> Option<u64> {
    line.strip_prefix("pg_restore: ")?.split_once("errors ignored on restore: ")?.1.parse().ok()
}

fn number(text: &str) -> Option<u32> {
    text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// The server's words without `could not execute query:`, and without the data in them.
fn told(message: &str) -> String {
    let message = message.strip_prefix("could not execute query: ").unwrap_or(message);
    let message = match message.split_once("ERROR:  ") {
        Some(("", error)) => error.to_owned(),
        Some((before, error)) => format!("{before}{error}"),
        None => message.to_owned(),
    };
    // Of class 22, which is about values, the value goes.
    let quotes_data = ["invalid input", "out of range", "invalid byte", "value too long", "malformed"]
        .iter()
        .any(|words| message.contains(words));
    match message.split_once('"') {
        Some((before, rest)) if quotes_data => {
            // A table's name comes before a colon; what is quoted after the last one is a value.
            match message.rfind(": ") {
                Some(at) if message[at..].contains('"') => {
                    let (before, value) = message.split_at(at);
                    let value = value.split('"').next().unwrap_or_default();
                    redacted(format!("{before}{value}\"…\""))
                }
                _ => {
                    redacted(format!("{before}\"…\"{}", rest.rsplit_once('"').map_or("", |(_, after)| after)))
                }
            }
        }
        _ => redacted(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(major: u32, may_exist: bool, text: &str) -> Vec<Said> {
        let mut listener = Listener::new(major, may_exist);
        text.lines().filter_map(|line| listener.hear(line)).collect()
    }

    fn error(entry: Option<u32>, object: &str, message: &str, harmless: Option<&str>) -> Said {
        Said::Error(ObjectError {
            entry,
            object: object.to_owned(),
            message: message.to_owned(),
            harmless: harmless.map(str::to_owned),
        })
    }

    #[test]
    fn errors_belong_to_their_objects() {
        // As pg_restore 18 said it to a server of 15.
        let said = hear(
            15,
            false,
            "pg_restore: connecting to database for restore\n\
             pg_restore: while INITIALIZING:\n\
             pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"\n\
             Command was: SET transaction_timeout = 0;\n\
             pg_restore: processing item 215 TABLE invoices\n\
             pg_restore: launching item 3386 TABLE DATA invoices\n\
             pg_restore: while PROCESSING TOC:\n\
             pg_restore: from TOC entry 3386; 0 16390 TABLE DATA invoices postgres\n\
             pg_restore: error: COPY failed for table \"invoices\": ERROR:  invalid input syntax for type integer: \"alice\"\n\
             CONTEXT:  COPY invoices, line 1, column id: \"alice\"\n\
             pg_restore: finished item 3386 TABLE DATA invoices\n\
             pg_restore: warning: errors ignored on restore: 2\n",
        );
        let harmless = Some("a setting of PostgreSQL 17 that older servers do not have");
        assert_eq!(
            said,
            [
                error(
                    None,
                    "the connection",
                    "unrecognized configuration parameter \"transaction_timeout\"",
                    harmless
                ),
                Said::Began(215),
                Said::Began(3386),
                error(
                    Some(3386),
                    "TABLE DATA invoices postgres",
                    "COPY failed for table \"invoices\": invalid input syntax for type integer: \"…\"",
                    None
                ),
                Said::Finished(3386),
            ]
        );
    }

    #[test]
    fn what_exists_is_harmless_only_where_an_earlier_run_may_have_made_it() {
        let text = "pg_restore: from TOC entry 7; 1259 5 TABLE a postgres\n\
                    pg_restore: error: could not execute query: ERROR:  relation \"a\" already exists\n";
        let known = |may_exist| match &hear(15, may_exist, text)[..] {
            [Said::Error(error)] => error.harmless.is_some(),
            other => panic!("{other:?}"),
        };
        assert_eq!((known(false), known(true)), (false, true));
        let twice = |index: &str| {
            let text = format!(
                "pg_restore: error: could not execute query: ERROR:  duplicate key value violates unique constraint \"{index}\"\n"
            );
            match &hear(15, true, &text)[..] {
                [Said::Error(error)] => error.harmless.is_some(),
                other => panic!("{other:?}"),
            }
        };
        // A catalog's index says that the object is there; an application's says that rows are lost.
        assert!(twice("pg_ts_dict_dictname_index") && !twice("invoices_pkey") && !twice("pg_invoices_pkey"));
        // The setting is no small thing for a server that should have it.
        let text = "pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"\n";
        assert!(matches!(&hear(17, false, text)[..], [Said::Error(ObjectError { harmless: None, .. })]));
    }

    #[test]
    fn how_many_it_went_on_after_is_its_last_line() {
        assert_eq!(ignored("pg_restore: warning: errors ignored on restore: 12"), Some(12));
        assert_eq!(
            ignored("pg_restore: error: COPY failed for table \"errors ignored on restore: 1\""),
            None
        );
        assert!(ObjectError::unheard(1).is_anyones());
    }

    #[test]
    fn a_connection_that_is_lost_is_the_end() {
        for text in [
            "pg_restore: error: connection to server on socket \"/x/.s.PGSQL.5432\" failed: No such file",
            "pg_restore: error: could not execute query: server closed the connection unexpectedly",
            "pg_restore: error: could not execute query: FATAL:  terminating connection due to administrator command",
            "pg_restore: error: could not execute query: no connection to the server",
        ] {
            assert!(matches!(&hear(15, false, text)[..], [Said::Fatal(_)]), "{text}");
        }
        assert!(is_out_of_room("could not extend file \"base/5/16384\": No space left on device"));
    }
}
