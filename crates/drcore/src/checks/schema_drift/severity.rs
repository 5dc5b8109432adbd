//! How bad it is that an object is not what it was: what breaks writes, sign-up or access is critical, what weakens or
//! slows is a warning, what is only a word is worth knowing.

use crate::evidence::Evidence;
use crate::evidence::catalog::{Column, Function, Index, Persistence};
use crate::finding::Severity;
use crate::structure::{Drift, ObjectKind, Part};

pub(super) fn severity(drift: &Drift<'_>, now: &Evidence) -> Severity {
    match (drift.then, drift.now) {
        (Some(then), None) => lost(then),
        (None, Some(is)) => added(is),
        (Some(then), Some(is)) => {
            let each = drift.differences.iter();
            each.map(|difference| changed(drift.id.kind, &difference.what, then, is, now))
                .max()
                .unwrap_or(Severity::Warning)
        }
        (None, None) => Severity::Info,
    }
}

fn lost(part: Part<'_>) -> Severity {
    match part {
        Part::Comment(_) => Severity::Info,
        // What reads faster, keeps wrong rows out, sends to others or reads from them.
        Part::Conversion(_)
        | Part::Constraint(_)
        | Part::EventTrigger(_)
        | Part::ForeignDataWrapper(_)
        | Part::ForeignKey(_)
        | Part::ForeignServer(_)
        | Part::Index(_)
        | Part::Publication(_)
        | Part::ReplicationSlot(_)
        | Part::SecurityLabel(_)
        | Part::Setting(_)
        | Part::StatisticsObject(_)
        | Part::Subscription(_)
        | Part::Transform(_)
        | Part::UserMapping(_) => Severity::Warning,
        // A policy that only took away is what kept others out.
        Part::Policy(policy) if policy.permissive => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn added(part: Part<'_>) -> Severity {
    match part {
        // Rows cannot be written without it, or are refused by it.
        Part::Column(column) if !column.fills_itself() => Severity::Critical,
        Part::Constraint(_)
        | Part::ForeignKey(_)
        | Part::Index(Index { unique: true, .. })
        | Part::Rule(_)
        | Part::Trigger(_) => Severity::Warning,
        Part::Policy(policy) if policy.permissive => Severity::Warning,
        _ => Severity::Info,
    }
}

fn changed(kind: ObjectKind, what: &str, then: Part<'_>, is: Part<'_>, now: &Evidence) -> Severity {
    match (then, is) {
        (Part::Column(old), Part::Column(new)) => column(what, old, new),
        (Part::Function(old), Part::Function(new)) => function(what, old, new, now),
        (Part::Relation(old), Part::Relation(new)) => match what {
            // `security_invoker` and `security_barrier` are access.
            "options" if kind == ObjectKind::View => Severity::Critical,
            // Emptied by the next crash.
            "persistence" if new.persistence == Persistence::Unlogged => Severity::Critical,
            "persistence" => Severity::Info,
            "row level security" if old.rls_enabled => Severity::Critical,
            "options"
            | "query"
            | "replica identity"
            | "row level security"
            | "row level security for the owner"
            | "tablespace"
            | "toast options" => Severity::Warning,
            _ => Severity::Critical,
        },
        (Part::Extension(old), Part::Extension(new)) if what == "version" => {
            if is_newer(&new.version, &old.version) { Severity::Info } else { Severity::Warning }
        }
        (Part::UserType(old), Part::UserType(new)) if what == "labels" => {
            let all_there = old.labels.iter().all(|label| new.labels.contains(label));
            if all_there { Severity::Info } else { Severity::Critical }
        }
        (Part::LargeObjects(old), Part::LargeObjects(new)) => {
            if new.count < old.count {
                Severity::Critical
            } else {
                Severity::Info
            }
        }
        (Part::Index(_) | Part::Constraint(_) | Part::ForeignKey(_), _) => match what {
            // It is the rule again, or only called otherwise.
            "name" | "validated" | "valid" | "ready" | "live" | "clustered" => Severity::Info,
            _ => Severity::Warning,
        },
        (Part::Database(_), _) => match what {
            "encoding" => Severity::Critical,
            "connection limit" => Severity::Warning,
            // Of the machine that it was restored to.
            _ => Severity::Info,
        },
        (Part::Comment(_), _) => Severity::Info,
        (Part::Policy(old), Part::Policy(new)) if new.permissive && !old.permissive => Severity::Critical,
        (
            Part::Trigger(_)
            | Part::Rule(_)
            | Part::Sequence(_)
            | Part::UserType(_)
            | Part::Cast(_)
            | Part::Operator(_),
            _,
        ) => Severity::Critical,
        _ => Severity::Warning,
    }
}

fn column(what: &str, old: &Column, new: &Column) -> Severity {
    match what {
        // Rows that were taken are refused, or get nothing where they got something.
        "not null" if new.not_null && !old.not_null => Severity::Critical,
        "default" if !new.fills_itself() || new.generated || old.generated => Severity::Critical,
        "not null unproven" if !new.not_null_unproven => Severity::Info,
        "collation" | "compression" | "default" | "not null" | "not null local" | "not null unproven"
        | "options" | "server options" | "statistics" | "storage" => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn function(what: &str, old: &Function, new: &Function, now: &Evidence) -> Severity {
    match what {
        // Whose rights it has, what it takes names for, and how it is called.
        "config" if old.security_definer || new.security_definer => Severity::Critical,
        "leakproof" if new.leakproof => Severity::Critical,
        "kind" | "language" | "parameters" | "result" | "security definer" => Severity::Critical,
        "body" if is_relied_on(new, now) => Severity::Critical,
        _ => Severity::Warning,
    }
}

/// Whether writes or access go through it: triggers call it, or policies name it.
fn is_relied_on(function: &Function, now: &Evidence) -> bool {
    let triggers = now.catalog.triggers.read().map_or(&[][..], Vec::as_slice);
    let is_called = |schema: &str, name: &str| function.schema == schema && function.name == name;
    if triggers.iter().any(|trigger| is_called(&trigger.function.schema, &trigger.function.name)) {
        return true;
    }
    let call = format!("{}(", crate::sql::QualifiedName::new(&function.schema, &function.name));
    let policies = now.catalog.policies.read().map_or(&[][..], Vec::as_slice);
    policies.iter().any(|policy| {
        [&policy.using, &policy.check].into_iter().flatten().any(|expression| expression.contains(&call))
    })
}

/// Whether a version is newer than another, part by part as numbers; texts are as new as each other.
fn is_newer(one: &str, other: &str) -> bool {
    let parts = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    parts(one) > parts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert!(is_newer("1.10", "1.9") && is_newer("3.4.1", "3.4") && is_newer("0.8.0", "0.7.4"));
        assert!(!is_newer("1.9", "1.10") && !is_newer("1.6", "1.6"));
    }
}
