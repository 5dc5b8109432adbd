//! The exact REVOKE and GRANT, as few of them as there can be.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::grants::Change;
use super::things::{Kind, Thing};
use crate::access::Privileges;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident};

/// Things that one statement names, at most: a longer one nobody reviews.
const NAMED: usize = 20;

/// Takes back what the baseline had not given.
pub(super) fn revoke(case: &Case<'_>, changes: &[Change<'_, '_>]) -> Option<Remedy> {
    let mut statements = statements("revoke", "from", changes);
    statements.extend(columns_again(case, changes));
    remedy(statements)
}

/// Gives back what the baseline had given.
pub(super) fn grant(changes: &[Change<'_, '_>]) -> Option<Remedy> {
    remedy(statements("grant", "to", changes))
}

fn remedy(statements: Vec<String>) -> Option<Remedy> {
    (!statements.is_empty()).then(|| Remedy::sql(RemedyClass::Safe, statements))
}

/// The statements that grant all of these to a role.
pub(super) fn grants_to<'e>(
    role: &str,
    things: impl Iterator<Item = (&'e Thing<'e>, Privileges)>,
) -> Vec<String> {
    let mut lines = Lines::default();
    for (thing, privileges) in things {
        lines.add("grant", thing, role, privileges);
    }
    lines.statements("grant", "to")
}

fn statements(verb: &str, preposition: &str, changes: &[Change<'_, '_>]) -> Vec<String> {
    let mut lines = Lines::default();
    for change in changes {
        // As it is called now, which may be another database than then.
        lines.add(verb, change.new, change.role, change.privileges);
    }
    lines.statements(verb, preposition)
}

/// What is granted or revoked, by the words and by what they are on.
#[derive(Default)]
struct Lines(BTreeMap<Words, BTreeMap<String, BTreeSet<String>>>);

/// `select, insert`, what stands before and after the words, and what stands before the names.
type Words = (String, &'static str, &'static str, &'static str);

impl Lines {
    fn add(&mut self, verb: &str, thing: &Thing<'_>, role: &str, privileges: Privileges) {
        let Some(target) = &thing.target else { return };
        for (words, before, after) in privileges.clauses(verb) {
            let words: Vec<String> = match column(thing) {
                Some(column) => words.into_iter().map(|word| format!("{word} ({column})")).collect(),
                None => words,
            };
            let key = (words.join(", "), before, after, thing.on);
            self.0.entry(key).or_default().entry(target.clone()).or_default().insert(ident(role));
        }
    }

    fn statements(self, verb: &str, preposition: &str) -> Vec<String> {
        let mut statements = Vec::new();
        for ((words, before, after, on), targets) in self.0 {
            let mut by_roles: BTreeMap<BTreeSet<String>, Vec<String>> = BTreeMap::new();
            for (target, roles) in targets {
                by_roles.entry(roles).or_default().push(target);
            }
            for (roles, targets) in by_roles {
                let roles = roles.into_iter().collect::<Vec<_>>().join(", ");
                for targets in targets.chunks(NAMED) {
                    let targets = targets.join(", ");
                    statements.push(format!(
                        "{verb} {before}{words} on {on}{targets} {preposition} {roles}{after}"
                    ));
                }
            }
        }
        statements
    }
}

fn column(thing: &Thing<'_>) -> Option<String> {
    let table = thing.table?;
    thing.name.strip_prefix(&format!("{}.", table.name)).map(str::to_owned)
}

/// REVOKE on a table takes the grants on its columns with it: those of the baseline are given again.
fn columns_again(case: &Case<'_>, changes: &[Change<'_, '_>]) -> Vec<String> {
    let mut revoked: BTreeMap<(&QualifiedName, &str), Privileges> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.new.kind == Kind::Tables) {
        if let Some(relation) = change.new.relation {
            revoked.insert((&relation.name, change.role), change.privileges);
        }
    }
    let mut lines = Lines::default();
    for old in case.was.iter().filter(|old| old.kind == Kind::Columns) {
        let Some(table) = old.table else { continue };
        for ((_, role), privileges) in
            revoked.range((&table.name, "")..).take_while(|((name, _), _)| *name == &table.name)
        {
            let own = old.granted(role).only(privileges.grantable());
            if !own.is_empty() {
                lines.add("grant", old, role, own);
            }
        }
    }
    lines.statements("grant", "to")
}
