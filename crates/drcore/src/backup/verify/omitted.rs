//! Whether something that a dump lacks was left out of it, as its manifest tells.

use std::collections::BTreeSet;

use crate::backup::manifest::{BackupOmission, OmissionExtent};
use crate::evidence::Evidence;
use crate::sql::{NamePart, QualifiedName, split_name};

/// Whether the table, or a partition of it, was left out; none where nobody can tell from the pattern.
pub(super) fn covers(omitted: &[BackupOmission], table: &str, baseline: Option<&Evidence>) -> Option<bool> {
    if omitted.is_empty() {
        return Some(false);
    }
    let table = QualifiedName::parse(table).ok()?;
    let relations = baseline.and_then(|baseline| baseline.catalog.relations.read());
    let (mut names, mut seen) = (vec![&table], BTreeSet::new());
    let mut is_clear = true;
    while let Some(name) = names.pop() {
        // A baseline is a file, and may say that two tables are partitions of each other.
        if !seen.insert(name) {
            continue;
        }
        for omission in omitted {
            match fits(omission, name) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_clear = false,
            }
        }
        let partitions = relations.into_iter().flatten().filter(|relation| relation.parents.contains(name));
        names.extend(partitions.map(|relation| &relation.name));
    }
    is_clear.then_some(false)
}

/// Whether a table fits a pattern of `pg_dump`'s; none where it may.
fn fits(omission: &BackupOmission, table: &QualifiedName) -> Option<bool> {
    let parts = split_name(&omission.object).ok()?;
    match (omission.extent, parts.as_slice()) {
        (OmissionExtent::Schema, [schema]) => part_fits(schema, &table.schema),
        (OmissionExtent::Rows | OmissionExtent::Table, [schema, name]) => {
            Some(part_fits(schema, &table.schema)? && part_fits(name, &table.name)?)
        }
        // Without a schema, those that the role's search path shows: mostly these.
        (OmissionExtent::Rows | OmissionExtent::Table, [name]) => {
            let fits = part_fits(name, &table.name)?;
            if fits && table.schema != "public" { None } else { Some(fits) }
        }
        _ => None,
    }
}

fn part_fits(pattern: &NamePart, text: &str) -> Option<bool> {
    if pattern.quoted {
        return Some(pattern.text == text);
    }
    // What else is a regular expression to pg_dump is not read here.
    if pattern.text.contains(['"', '|', '+', '(', ')', '[', ']', '{', '}', '\\', '^']) {
        return None;
    }
    let pattern: Vec<char> = pattern.text.to_lowercase().chars().collect();
    Some(glob(&pattern, &text.chars().collect::<Vec<_>>()))
}

/// `*` is any text, `?` any character. Without recursion, since a manifest may hold any pattern.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    // The last `*`, and how much of the text was read by the end of what it stands for.
    let mut star = None;
    while read < text.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, read));
                at += 1;
            }
            (Some(one), _) if *one == '?' || *one == text[read] => {
                at += 1;
                read += 1;
            }
            (_, Some((place, end))) => {
                star = Some((place, end + 1));
                at = place + 1;
                read = end + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use OmissionExtent::{Rows, Schema, Table};

    use super::*;

    #[test]
    fn patterns_are_read_as_pg_dump_reads_them_or_not_at_all() {
        let covered = |object: &str, extent: OmissionExtent, table: &str| {
            let omission = BackupOmission { object: object.to_owned(), extent, why: String::new() };
            covers(&[omission], table, None)
        };
        for (object, extent, table, is) in [
            ("cron", Schema, "cron.job", Some(true)),
            ("cron", Schema, "public.cron", Some(false)),
            ("c*", Schema, "cron.job", Some(true)),
            ("\"C*\"", Schema, "cron.job", Some(false)),
            ("app.log_?", Table, "app.log_1", Some(true)),
            ("APP.log_*", Rows, "app.log_", Some(true)),
            ("app.log_?", Table, "app.log_12", Some(false)),
            ("\"App\".\"we\"\"ird; DROP\"", Rows, "\"App\".\"we\"\"ird; DROP\"", Some(true)),
            ("events", Rows, "public.events", Some(true)),
            ("events", Rows, "app.events", None),
            ("events", Rows, "app.event", Some(false)),
            ("app.(a|b)", Table, "app.a", None),
            ("db.app.a", Table, "app.a", None),
        ] {
            assert_eq!(covered(object, extent, table), is, "{object} and {table}");
        }
        assert_eq!(covers(&[], "app.a", None), Some(false));
    }
}
