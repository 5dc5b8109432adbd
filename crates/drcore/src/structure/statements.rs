//! The statements that make an object what it was.
//!
//! Their text comes from the catalog of a baseline, which may be a file of somebody else's: it is code, and a person
//! reviews it as such.

mod alter;
mod code;
mod column;
mod create;
mod elsewhere;
mod grants;
mod relation;
mod values;
mod words;

pub(crate) use alter::{alter, drop};
pub(crate) use create::create;

use crate::evidence::catalog::Enabled;
use crate::sql::{ident, literal};

/// `with (a = '1', b = '2')` and the like, of options as the catalog has them: `a=1`.
fn options(word: &str, options: &[String]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let each: Vec<String> = options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((name, value)) => format!("{} = {}", ident(name), literal(value).trim_start()),
            None => ident(option),
        })
        .collect();
    format!(" {word} ({})", each.join(", "))
}

/// `options (a '1', b '2')`, for other servers.
fn server_options(options: &[String]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let each: Vec<String> = options
        .iter()
        .filter_map(|option| option.split_once('='))
        .map(|(name, value)| format!("{} {}", ident(name), literal(value).trim_start()))
        .collect();
    format!(" options ({})", each.join(", "))
}

/// The name of a function as `regprocedure` writes it, without its arguments.
fn function_name(procedure: &str) -> &str {
    procedure.rsplit_once('(').map_or(procedure, |(name, _)| name)
}

/// `enable trigger`, `enable always trigger`, `disable trigger`.
fn switch(enabled: Enabled, what: &str) -> String {
    match enabled {
        Enabled::Always => format!("enable always {what}"),
        Enabled::Disabled => format!("disable {what}"),
        Enabled::Origin => format!("enable {what}"),
        Enabled::Replica => format!("enable replica {what}"),
    }
}

/// Without the semicolon at its end.
fn bare(statement: &str) -> String {
    statement.trim().trim_end_matches(';').trim_end().to_owned()
}
