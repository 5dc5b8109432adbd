//! What does not do what it is there for.

use super::ID;
use super::seen::{Before, Seen};
use crate::evidence::catalog::{
    Collation, Column, Constraint, DomainConstraint, Enabled, EventTrigger, ForeignKey, Index, Relation,
    Rule, Trigger, UserType,
};
use crate::finding::{Common, Severity, payloads};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::count;

payloads! {
    /// A collation is of another version than the library that sorts by it.
    CollationMismatch: of indexes {
        /// The version that the indexes were built by.
        version: String,
        /// The version of the library.
        actual: String,
        /// The indexes that sort by it, as one would type them; none where it is the database's own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        indexes: Vec<String>,
    }

    /// A rule is switched off.
    DisabledRule {
        /// Its name, unquoted.
        rule: String,
    }

    /// A trigger, or an event trigger, is switched off.
    DisabledTrigger {
        /// Its name, unquoted.
        trigger: String,
    }

    /// An index is not valid, not ready, or half dropped.
    InvalidIndex {
        /// Its name, unquoted.
        index: String,
        /// Whether new rows go into it.
        ready: bool,
    }

    /// What enforces a constraint is switched off.
    UnenforcedConstraint {
        /// Its name, unquoted.
        constraint: String,
    }

    /// A materialised view was never filled.
    UnpopulatedView {}

    /// A constraint that rows of before it may break.
    UnprovenConstraint {
        /// Its name, unquoted; none where it is the null rule of a column.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        constraint: Option<String>,
        /// The column, unquoted, where it is a null rule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
    }
}

impl InvalidIndex {
    pub(super) fn new(index: &Index, before: Before, seen: &Seen<'_>) -> Self {
        let state = match index {
            Index { live: false, .. } => "is half dropped",
            Index { ready: false, .. } => "is invalid, and new rows do not go into it",
            _ => "is invalid",
        };
        let message = format!("the index {} {state}{}", ident(&index.name), before.words());
        let severity = before.severity(Severity::Warning);
        let name = QualifiedName::new(&index.relation.schema, &index.name);
        let mut common = Common::new(ID, "invalid_index", index.relation.to_string(), severity, message)
            .qualified(&ident(&index.name))
            .hint(if index.unique {
                "Queries do not use it, and it may not keep duplicates out. Building it concurrently failed or \
                 never ended, or rows break it."
            } else {
                "Queries do not use it. Building it concurrently failed or never ended."
            })
            .query(format!(
                "select indisvalid, indisready, indislive from pg_index where indexrelid = {}::regclass",
                literal(&name.to_string())
            ));
        // That of a partitioned table is valid once all partitions have theirs.
        if seen.has_own_rows(&index.relation) {
            let statement =
                if index.live { format!("reindex index {name}") } else { format!("drop index {name}") };
            common = common.remedy(Remedy::sql(RemedyClass::Safe, [statement]));
        }
        Self { common, index: index.name.clone(), ready: index.ready }
    }
}

impl UnprovenConstraint {
    pub(super) fn of_table(constraint: &Constraint, before: Before) -> Self {
        let severity = before.severity(Severity::Warning);
        let common = unproven(&constraint.relation, "table", &constraint.name, severity, before)
            .hint("It holds for rows that are written, not for those that were there when it was made.");
        Self { common, constraint: Some(constraint.name.clone()), column: None }
    }

    /// Where somebody counts the rows that break it, that it is not proven is only worth knowing.
    pub(super) fn of_foreign_key(key: &ForeignKey, before: Before, is_counted: bool) -> Self {
        let otherwise =
            if is_counted && before == Before::Unknown { Severity::Info } else { Severity::Warning };
        let common = unproven(&key.child, "table", &key.name, before.severity(otherwise), before).hint(
            if is_counted {
                "It holds for rows that are written; orphan_fks counts those that break it."
            } else {
                "It holds for rows that are written, not for those that were there when it was made."
            },
        );
        Self { common, constraint: Some(key.name.clone()), column: None }
    }

    pub(super) fn of_null_rule(column: &Column, before: Before) -> Self {
        let name = ident(&column.name);
        let message = format!("that {name} is not null is unproven{}", before.words());
        let relation = column.relation.to_string();
        let common =
            Common::new(ID, "unproven_constraint", &relation, before.severity(Severity::Warning), message)
                .qualified(&format!("column:{name}"))
                .hint("It holds for rows that are written, not for those that were there when it was made.")
                .query(format!("select count(*) from {relation} where {name} is null"))
                .remedy(Remedy::sql(
                    RemedyClass::Safe,
                    [format!("alter table {relation} alter column {name} set not null")],
                ));
        Self { common, constraint: None, column: Some(column.name.clone()) }
    }

    pub(super) fn of_domain(domain: &UserType, constraint: &DomainConstraint, before: Before) -> Self {
        let severity = before.severity(Severity::Warning);
        let common = unproven(&domain.name, "domain", &constraint.name, severity, before)
            .hint("It holds for values that are written, not for those that were there when it was made.");
        Self { common, constraint: Some(constraint.name.clone()), column: None }
    }
}

fn unproven(
    object: &QualifiedName,
    word: &str,
    constraint: &str,
    severity: Severity,
    before: Before,
) -> Common {
    let name = ident(constraint);
    let message = format!("the constraint {name} is not validated{}", before.words());
    let of = if word == "domain" { "contypid" } else { "conrelid" };
    let cast = if word == "domain" { "regtype" } else { "regclass" };
    Common::new(ID, "unproven_constraint", object.to_string(), severity, message)
        .qualified(&name)
        .query(format!(
            "select pg_get_constraintdef(oid) from pg_constraint where {of} = {}::{cast} and conname = {}",
            literal(&object.to_string()),
            literal(constraint)
        ))
        .remedy(Remedy::sql(RemedyClass::Safe, [format!("alter {word} {object} validate constraint {name}")]))
}

/// How bad it is that something is switched off.
fn switched_off(was: Option<Enabled>) -> (Before, Severity) {
    let before = match was {
        Some(Enabled::Disabled) => Before::So,
        Some(_) => Before::Well,
        None => Before::Unknown,
    };
    let otherwise = if before == Before::Well { Severity::Critical } else { Severity::Warning };
    (before, before.severity(otherwise))
}

/// Switches it on: as it was, or as a person chooses.
fn on(was: Option<Enabled>, statement: impl Fn(Enabled) -> String) -> Remedy {
    match was.filter(|was| *was != Enabled::Disabled) {
        Some(was) => Remedy::sql(RemedyClass::Safe, [statement(was)]),
        None => Remedy::choose(vec![Choice::new(
            "enable",
            "switch it on, for what is written from then on",
            RemedyClass::Safe,
            vec![statement(Enabled::Origin)],
        )]),
    }
}

impl DisabledTrigger {
    pub(super) fn of_relation(trigger: &Trigger, was: Option<Enabled>) -> Self {
        let (before, severity) = switched_off(was);
        let name = ident(&trigger.name);
        let message = format!("the trigger {name} is switched off{}", before.words());
        let relation = trigger.relation.to_string();
        let common = Common::new(ID, "disabled_trigger", &relation, severity, message)
            .qualified(&name)
            .hint(format!("What {} does when rows are written is not done.", trigger.function))
            .query(format!(
                "select tgname, tgenabled from pg_trigger where tgrelid = {}::regclass",
                literal(&relation)
            ))
            .remedy(on(was, |enabled| trigger.to_switch_sql(enabled)));
        Self { common, trigger: trigger.name.clone() }
    }

    pub(super) fn of_database(trigger: &EventTrigger, was: Option<Enabled>) -> Self {
        let (before, severity) = switched_off(was);
        let message = format!("the event trigger is switched off{}", before.words());
        let common = Common::new(ID, "disabled_trigger", ident(&trigger.name), severity, message)
            .qualified("event_trigger")
            .hint(format!("What {} does when the structure changes is not done.", trigger.function))
            .query("select evtname, evtenabled from pg_event_trigger order by evtname")
            .remedy(on(was, |enabled| trigger.to_switch_sql(enabled)));
        Self { common, trigger: trigger.name.clone() }
    }
}

impl DisabledRule {
    pub(super) fn new(rule: &Rule, was: Option<Enabled>) -> Self {
        let (before, severity) = switched_off(was);
        let name = ident(&rule.name);
        let message = format!("the rule {name} is switched off{}", before.words());
        let relation = rule.relation.to_string();
        let common = Common::new(ID, "disabled_rule", &relation, severity, message)
            .qualified(&name)
            .hint("What it does when the table is written to is not done.")
            .query(format!(
                "select rulename, ev_enabled from pg_rewrite where ev_class = {}::regclass",
                literal(&relation)
            ))
            .remedy(on(was, |enabled| rule.to_switch_sql(enabled)));
        Self { common, rule: rule.name.clone() }
    }
}

impl UnenforcedConstraint {
    /// The triggers are of one table.
    pub(super) fn new(constraint: &str, triggers: &[&Trigger], before: Before) -> Self {
        let name = ident(constraint);
        let message =
            format!("the triggers that enforce the constraint {name} are switched off{}", before.words());
        let relation = triggers[0].relation.to_string();
        // Whoever wrote the rows: nobody checks them.
        let severity = if before == Before::So { Severity::Warning } else { Severity::Critical };
        let statements = triggers.iter().map(|trigger| trigger.to_switch_sql(Enabled::Origin));
        let common = Common::new(ID, "unenforced_constraint", &relation, severity, message)
            .qualified(&name)
            .hint(
                "Rows that break it are taken, and what it deletes or updates is not. pg_restore \
                 --disable-triggers that was broken off leaves it so.",
            )
            .query(format!(
                "select tgname, tgenabled from pg_trigger where tgrelid = {}::regclass and tgisinternal",
                literal(&relation)
            ))
            .remedy(
                Remedy::sql(RemedyClass::Safe, statements)
                    .with_note("only a superuser may switch them; rows that were written meanwhile stay"),
            );
        Self { common, constraint: constraint.to_owned() }
    }
}

impl UnpopulatedView {
    pub(super) fn new(view: &Relation, before: Before) -> Self {
        let message = format!("the materialized view is not populated{}", before.words());
        let severity = before.severity(Severity::Critical);
        let common = Common::new(ID, "unpopulated_view", view.name.to_string(), severity, message)
            .hint("Whoever reads it gets an error until it is refreshed.")
            .query(format!(
                "select relispopulated from pg_class where oid = {}::regclass",
                literal(&view.name.to_string())
            ))
            .remedy(Remedy::sql(RemedyClass::Safe, [format!("refresh materialized view {}", view.name)]));
        Self { common }
    }
}

impl CollationMismatch {
    pub(super) fn of_database([version, actual]: [&String; 2], before: Before, seen: &Seen<'_>) -> Self {
        let name = seen.database().map_or_else(|| "database".to_owned(), ident);
        let message = format!(
            "the database sorts by version {actual} of its collation, and was made by {version}{}",
            before.words()
        );
        let common = Common::new(
            ID,
            "collation_mismatch",
            &name,
            before.severity(Severity::Warning),
            message,
        )
        .hint(format!(
            "Indexes of text may miss rows, and unique ones take duplicates: reindex database {name}, then \
                 alter database {name} refresh collation version. duplicate_keys reads the tables."
        ))
        .query("select datname, datcollversion from pg_database where datname = current_database()");
        Self { common, version: version.clone(), actual: actual.clone(), indexes: Vec::new() }
    }

    pub(super) fn of_collation(
        collation: &Collation,
        [version, actual]: [&String; 2],
        before: Before,
        seen: &Seen<'_>,
    ) -> Self {
        let name = QualifiedName::new(&collation.schema, &collation.name);
        let sorted = seen.sorted_by(&name);
        let indexes: Vec<QualifiedName> =
            sorted.iter().map(|index| QualifiedName::new(&index.relation.schema, &index.name)).collect();
        let message = format!(
            "the collation is of version {actual}, and was made by {version}: {} by it{}",
            match indexes.len() {
                1 => "1 index sorts".to_owned(),
                many => format!("{} indexes sort", count(many as u64)),
            },
            before.words()
        );
        let mut statements: Vec<String> = sorted
            .iter()
            .filter(|index| seen.has_own_rows(&index.relation))
            .map(|index| format!("reindex index {}", QualifiedName::new(&index.relation.schema, &index.name)))
            .collect();
        let is_whole = statements.len() == sorted.len();
        statements.push(format!("alter collation {name} refresh version"));
        let mut common = Common::new(
            ID,
            "collation_mismatch",
            name.to_string(),
            before.severity(Severity::Warning),
            message,
        )
        .hint("Indexes that sort by it may miss rows, and unique ones take duplicates.")
        .query(format!(
            "select collversion, pg_collation_actual_version(oid) from pg_collation where collname = {}",
            literal(&collation.name)
        ));
        if is_whole {
            common = common.remedy(Remedy::sql(RemedyClass::Safe, statements));
        }
        let indexes = indexes.iter().map(ToString::to_string).collect();
        Self { common, version: version.clone(), actual: actual.clone(), indexes }
    }
}
