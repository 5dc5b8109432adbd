//! What is not as it was.

use crate::checks::policies::Difference;
use crate::evidence::Evidence;
use crate::finding::{Common, Severity, payloads};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::{ident, literal};
use crate::structure::{Drift, ObjectId, ObjectKind, Part, Sides, alter, create, drop};

use super::{ID, causes, severity};

/// Where the text of a remedy comes from.
pub(super) const FROM_BASELINE: &str = "its text comes from the baseline: review it as code";

payloads! {
    /// Functions lost the lines of their text that begin with `--`.
    FunctionLinesLost: of functions {
        /// The functions, as one would type them.
        functions: Vec<String>,
    }

    /// An object that the baseline does not have.
    ObjectAdded {
        /// What it is.
        object_kind: ObjectKind,
        /// It, as SQL or in its own words, where that says more than its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        is: Option<String>,
        /// What came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
    }

    /// An object is not what it was in the baseline.
    ObjectChanged {
        /// What it is.
        object_kind: ObjectKind,
        /// In what it differs.
        differences: Vec<Difference>,
    }

    /// An object that the baseline has is gone.
    ObjectLost {
        /// What it was.
        object_kind: ObjectKind,
        /// It, as SQL or in its own words, where that says more than its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
        /// What went with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
    }

    /// Several objects of one kind that the baseline does not have.
    ObjectsAdded: of objects {
        /// What they are.
        object_kind: ObjectKind,
        /// The objects, as one would type them.
        objects: Vec<String>,
    }

    /// Several objects of one kind that the baseline has are gone.
    ObjectsLost: of objects {
        /// What they were.
        object_kind: ObjectKind,
        /// The objects, as one would type them.
        objects: Vec<String>,
    }
}

fn common(kind: &str, drift: &Drift<'_>, severity: Severity, message: String) -> Common {
    let common = Common::new(ID, kind, drift.id.object(), severity, message).qualified(&drift.id.qualifier());
    match query(drift) {
        Some(query) => common.query(query),
        None => common,
    }
}

/// What went or came with something: `3 indexes, 1 trigger`.
fn with(ids: &[ObjectId]) -> String {
    let mut counts: std::collections::BTreeMap<ObjectKind, usize> = std::collections::BTreeMap::new();
    for id in ids {
        *counts.entry(id.kind).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(kind, count)| match count {
            1 => format!("1 {}", kind.words()),
            many => format!("{many} {}", kind.plural()),
        })
        .collect();
    parts.join(", ")
}

fn listed(ids: &[ObjectId]) -> Vec<String> {
    ids.iter().map(ObjectId::listed).collect()
}

impl ObjectLost {
    pub(super) fn new(drift: &Drift<'_>, sides: Sides<'_>) -> Self {
        let mut message = format!("{} is gone", drift.id.in_words());
        if !drift.with.is_empty() {
            message.push_str(&format!(", with {}", with(&drift.with)));
        }
        let severity = severity::severity(drift, sides.now);
        let mut common = common("object_lost", drift, severity, message);
        if let Some(cause) = causes::of_loss(drift, sides) {
            common = common.hint(cause);
        }
        let part = drift.then;
        if let Some(remedy) = part.and_then(|part| remedy_of_loss(part, &drift.with, sides)) {
            common = common.remedy(remedy);
        }
        let was = part.and_then(|part| part.definition(&sides.then.catalog));
        Self { common, object_kind: drift.id.kind, was, with: listed(&drift.with) }
    }
}

/// What creates it again, with what went with it.
fn created(part: Part<'_>, with: &[ObjectId], sides: Sides<'_>) -> Option<Vec<String>> {
    let others: Vec<Part<'_>> = with.iter().filter_map(|id| sides.part_then(id)).collect();
    let mut statements = Vec::new();
    let mut after = Vec::new();
    // What hangs on a column comes back with it: the sequence that its default draws on first.
    if let Part::Column(column) = part {
        for other in others {
            match other {
                Part::Sequence(_) if column.identity => {}
                Part::Sequence(sequence) => {
                    statements.extend(create(other, sides)?);
                    after.push(format!(
                        "alter sequence {} owned by {}.{}",
                        sequence.name,
                        column.relation,
                        ident(&column.name)
                    ));
                }
                // Made with its constraint.
                Part::Index(index) if index.constraint.is_some() => {}
                _ => after.extend(create(other, sides)?),
            }
        }
    }
    statements.extend(create(part, sides)?);
    statements.extend(after);
    Some(statements)
}

fn remedy_of_loss(part: Part<'_>, with: &[ObjectId], sides: Sides<'_>) -> Option<Remedy> {
    let statements = created(part, with, sides)?;
    Some(Remedy::sql(RemedyClass::Safe, statements).with_note(note_of(part)))
}

/// What a reviewer should know of what is created again.
fn note_of(part: Part<'_>) -> String {
    match part {
        Part::Column(column) if !column.generated => {
            "what its rows held is not in the baseline: take it from the backup".to_owned()
        }
        _ => FROM_BASELINE.to_owned(),
    }
}

impl ObjectChanged {
    pub(super) fn new(drift: &Drift<'_>, sides: Sides<'_>) -> Self {
        let what: Vec<&str> = drift.differences.iter().map(|difference| difference.what.as_str()).collect();
        let message = format!("{} differs from the baseline in its {}", drift.id.in_words(), what.join(", "));
        let mut severity = severity::severity(drift, sides.now);
        if causes::lost_lines(drift) == causes::Lines::OfText {
            // It says something else than it said.
            severity = Severity::Critical;
        }
        let mut common = common("object_changed", drift, severity, message);
        let mut hint: Vec<String> = drift.differences.iter().map(told).collect();
        hint.extend(causes::of_change(drift, sides));
        common = common.hint(format!("{}.", hint.join("; ")));
        // A default that draws on a sequence which is gone would be refused.
        let lacks_sequence =
            drift.with.iter().any(|id| id.kind == ObjectKind::Sequence && sides.part_then(id).is_some());
        if !lacks_sequence && let Some((class, statements)) = alter(drift, sides) {
            common = common.remedy(Remedy::sql(class, statements).with_note(FROM_BASELINE));
        }
        Self { common, object_kind: drift.id.kind, differences: drift.differences.clone() }
    }
}

/// Texts that are longer are told by the first line in which they differ.
const SHORT: usize = 100;

/// `type was integer, is bigint`; of a long text the first line that differs.
fn told(difference: &Difference) -> String {
    let Difference { what, was, is } = difference;
    let text = |side: &Option<String>| side.as_deref().unwrap_or("nothing").trim().to_owned();
    let (was, is) = (text(was), text(is));
    let is_long = |text: &String| text.len() > SHORT || text.contains('\n');
    if !is_long(&was) && !is_long(&is) {
        return format!("{what} was {was}, is {is}");
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    let at = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let line = |lines: &[&str]| {
        let line = lines.get(at).map_or("missing", |line| line.trim());
        let cut: String = line.chars().take(SHORT).collect();
        if cut.len() < line.len() { format!("{cut}…") } else { cut }
    };
    format!("line {} of its {what} was {}, is {}", at + 1, line(&old), line(&new))
}

impl ObjectAdded {
    pub(super) fn new(drift: &Drift<'_>, sides: Sides<'_>) -> Self {
        let mut message = format!("{} is not in the baseline", drift.id.in_words());
        if !drift.with.is_empty() {
            message.push_str(&format!(", nor what came with it: {}", with(&drift.with)));
        }
        let severity = severity::severity(drift, sides.now);
        let mut common = common("object_added", drift, severity, message);
        if let Some(Part::Column(column)) = drift.now
            && !column.fills_itself()
        {
            common = common.hint("Rows that are written without it are refused.");
        }
        if let Some(statements) = drift.now.and_then(|part| drop(part, sides)) {
            common = common.remedy(Remedy::choose(vec![dropping(drift.id.kind, statements)]));
        }
        let is = drift.now.and_then(|part| part.definition(&sides.now.catalog));
        Self { common, object_kind: drift.id.kind, is, with: listed(&drift.with) }
    }
}

/// Never chosen for the user: it may be what somebody made on purpose since.
fn dropping(kind: ObjectKind, statements: Vec<String>) -> Choice {
    let holds_rows =
        matches!(kind, ObjectKind::Column | ObjectKind::Schema | ObjectKind::Sequence | ObjectKind::Table);
    let class = if holds_rows { RemedyClass::Destructive } else { RemedyClass::AvailabilityRisk };
    Choice::new(
        "drop",
        format!("drop the {}, which the baseline does not have", kind.words()),
        class,
        statements,
    )
}

impl ObjectsLost {
    pub(super) fn new(drifts: &[Drift<'_>], sides: Sides<'_>) -> Self {
        let (common, objects) = several("objects_lost", drifts, sides, "are gone");
        let object_kind = drifts[0].id.kind;
        let mut common = common;
        if let Some(cause) = causes::of_loss(&drifts[0], sides) {
            common = common.hint(cause);
        }
        let each = drifts.iter().map(|drift| created(drift.then?, &drift.with, sides));
        let statements: Option<Vec<Vec<String>>> = each.collect();
        if let Some(statements) = statements {
            let remedy = Remedy::sql(RemedyClass::Safe, statements.concat());
            let note = drifts[0].then.map_or_else(|| FROM_BASELINE.to_owned(), note_of);
            common = common.remedy(remedy.with_note(note));
        }
        Self { common, object_kind, objects }
    }
}

impl ObjectsAdded {
    pub(super) fn new(drifts: &[Drift<'_>], sides: Sides<'_>) -> Self {
        let (common, objects) = several("objects_added", drifts, sides, "are not in the baseline");
        let object_kind = drifts[0].id.kind;
        let each = drifts.iter().map(|drift| drop(drift.now?, sides));
        let statements: Option<Vec<Vec<String>>> = each.collect();
        let common = match statements {
            Some(statements) => {
                common.remedy(Remedy::choose(vec![dropping(object_kind, statements.concat())]))
            }
            None => common,
        };
        Self { common, object_kind, objects }
    }
}

/// Several objects of one kind, and in one schema.
fn several(kind: &str, drifts: &[Drift<'_>], sides: Sides<'_>, what: &str) -> (Common, Vec<String>) {
    let id = &drifts[0].id;
    let objects: Vec<String> = drifts.iter().map(|drift| drift.id.within()).collect();
    let severity =
        drifts.iter().map(|drift| severity::severity(drift, sides.now)).max().unwrap_or(Severity::Info);
    let place = id.schema.as_ref().map_or_else(|| "database".to_owned(), |schema| ident(schema));
    let first: Vec<&str> = objects.iter().take(4).map(String::as_str).collect();
    let message = format!("{} {} {what}: {}, …", drifts.len(), id.kind.plural(), first.join(", "));
    let common = Common::new(ID, kind, place, severity, message).qualified(id.kind.as_str());
    (common, objects)
}

impl FunctionLinesLost {
    pub(super) fn new(drifts: &[Drift<'_>], sides: Sides<'_>) -> Self {
        let functions: Vec<String> = drifts.iter().map(|drift| drift.id.name.clone()).collect();
        let count = match functions.len() {
            1 => "1 function".to_owned(),
            many => format!("{many} functions"),
        };
        let first: Vec<&str> = functions.iter().take(4).map(String::as_str).collect();
        let more = if functions.len() > first.len() { ", …" } else { "" };
        let message = format!("{count} lost the comment lines of their text: {}{more}", first.join(", "));
        let mut common = Common::new(ID, "function_lines_lost", "functions", Severity::Info, message)
            .hint(format!("They do what they did. {}", causes::STRIPPED));
        let statements: Vec<String> = drifts
            .iter()
            .filter_map(|drift| alter(drift, sides))
            .flat_map(|(_, statements)| statements)
            .collect();
        if !statements.is_empty() {
            common = common.remedy(Remedy::sql(RemedyClass::Safe, statements).with_note(FROM_BASELINE));
        }
        Self { common, functions }
    }
}

/// Read-only SQL that shows what is there.
fn query(drift: &Drift<'_>) -> Option<String> {
    let relation = |of: &crate::sql::QualifiedName| format!("{}::regclass", literal(&of.to_string()));
    Some(match drift.then.or(drift.now)? {
        Part::Column(part) => format!(
            "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute where attrelid = {} and \
             attnum > 0 and not attisdropped order by attnum",
            relation(&part.relation)
        ),
        Part::Constraint(_) | Part::ForeignKey(_) => format!(
            "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = {} order by conname",
            relation(drift.id.of.as_ref()?)
        ),
        Part::Index(part) => {
            format!(
                "select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index where indrelid = {}",
                relation(&part.relation)
            )
        }
        Part::Trigger(part) => format!(
            "select tgname, tgenabled, pg_get_triggerdef(oid) from pg_trigger where tgrelid = {} and not tgisinternal",
            relation(&part.relation)
        ),
        Part::Function(part) => format!(
            "select oid::regprocedure, prosrc from pg_proc where proname = {} and pronamespace = {}::regnamespace",
            literal(&part.name),
            literal(&ident(&part.schema))
        ),
        Part::Relation(part) => format!(
            "select relkind, reloptions, pg_get_viewdef(oid) from pg_class where relname = {} and relnamespace = \
             {}::regnamespace",
            literal(&part.name.name),
            literal(&ident(&part.name.schema))
        ),
        Part::Setting(_) => {
            "select setdatabase, setrole::regrole, setconfig from pg_db_role_setting".to_owned()
        }
        Part::Extension(_) => "select extname, extversion from pg_extension order by extname".to_owned(),
        _ => return None,
    })
}

/// The majors of the servers differ, and with them what is printed.
pub(super) fn versions_differ(now: &Evidence, then: &Evidence) -> bool {
    now.major() != then.major()
}
