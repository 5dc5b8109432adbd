//! The structure of a database, and how two states of it differ.
//!
//! What the catalog says is a list of [parts](part), one for each object. Two lists are [compared](compare) object by
//! object and attribute by attribute: every field of a fact is an attribute unless it is named as none, so that one
//! that somebody adds is compared without a word here. What servers print in their own ways is made
//! [equal](normal) first, what [follows](consequences) from something else is told with it, and of a Supabase project's
//! managed schemas only what [users](platform) made in them is looked at.

mod compare;
mod consequences;
mod kind;
mod normal;
mod part;
mod platform;
mod statements;
mod tokens;

pub(crate) use compare::{Comparison, Drift, MissingList, Sides, body};
pub(crate) use kind::ObjectId;
pub use kind::ObjectKind;
pub(crate) use part::{FACTS, Part};
pub(crate) use statements::{alter, create, drop};

use crate::evidence::{Catalog, Cause};
use crate::plan::Scope;

/// Whether a part is looked at: its schema is in scope, and it is the users'.
///
/// # Errors
/// The cause, where relations could not be read.
pub(crate) fn looks_at(part: Part<'_>, catalog: &Catalog, scope: &Scope) -> Result<bool, Cause> {
    if let Some(name) = part.of() {
        let relation = catalog.relation(name)?;
        if scope.excludes(name) || relation.is_some_and(|relation| relation.extension.is_some()) {
            return Ok(false);
        }
    }
    if let Part::Relation(relation) = part
        && scope.excludes(&relation.name)
    {
        return Ok(false);
    }
    let id = part.id();
    if let Some(schema) = id.schema.as_ref().filter(|_| !scope.schemas.is_empty()) {
        return Ok(scope.schemas.contains(schema));
    }
    platform::is_users(part, catalog)
}

/// The names of a list as settings have them: `"$user", public`.
pub(crate) fn names_of_list(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    for token in tokens::tokens(list) {
        if token == "," {
            names.push(std::mem::take(&mut name));
        } else {
            name.push_str(&tokens::unquoted(token));
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty() || list.contains("\"\""));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_are_taken_apart() {
        assert_eq!(names_of_list("\"$user\", public, \"a, b\""), ["$user", "public", "a, b"]);
        assert_eq!(names_of_list("$libdir/x,plpgsql"), ["$libdir/x", "plpgsql"]);
        assert_eq!(names_of_list("\"\""), [""]);
        assert_eq!(names_of_list(""), [""; 0]);
    }
}
