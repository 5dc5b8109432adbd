//! How objects commonly get lost or changed, where it shows.

use crate::structure::{Drift, Part, Sides, body};

use super::findings::versions_differ;

/// What `supabase db dump` does to functions.
///
/// Source: supabase/cli `apps/cli-go/pkg/migration/scripts/dump_schema.sh` (2026-06): `sed … -e '/^--/d'`.
pub(super) const STRIPPED: &str = "supabase db dump removes every line that begins with --, in the text of functions too: dump with --keep-comments.";

/// How it got lost, as full sentences.
pub(super) fn of_loss(drift: &Drift<'_>, sides: Sides<'_>) -> Option<String> {
    let catalog = &sides.then.catalog;
    let supabase = catalog.is_supabase().unwrap_or(false);
    let managed = |schema: &Option<String>| {
        schema.as_ref().is_some_and(|schema| catalog.is_managed(schema).unwrap_or(false))
    };
    Some(match drift.then? {
        Part::Trigger(trigger) if managed(&drift.id.schema) => format!(
            "What {} did for {} is not done any more. supabase db dump leaves out the schema {}, and with it the \
             triggers that you put on its tables.",
            trigger.function, trigger.relation, trigger.relation.schema
        ),
        _ if managed(&drift.id.schema) => {
            let schema = drift.id.schema.as_deref().unwrap_or_default();
            format!("supabase db dump leaves out the schema {schema}, and what you made in it.")
        }
        Part::Setting(setting) if setting.role.is_none() => {
            "A dump holds ALTER DATABASE … SET only where it was made with --create; supabase db dump never has it."
                .to_owned()
        }
        Part::Setting(_) => "A dump of a database holds no settings of roles: pg_dumpall --roles-only does.".to_owned(),
        Part::EventTrigger(_) | Part::Publication(_) if supabase => {
            "supabase db dump leaves out event triggers, and the publications that begin with supabase_realtime."
                .to_owned()
        }
        Part::Extension(extension) => format!(
            "Whatever uses {} fails, and could not be restored before it is there.",
            crate::sql::ident(&extension.name)
        ),
        Part::ReplicationSlot(_) => {
            "No dump holds slots. Nothing is kept for its consumer until it is made again, and begins with a copy."
                .to_owned()
        }
        Part::Subscription(_) => {
            "Nothing is received from the other server; what it connected with is in no baseline.".to_owned()
        }
        Part::Trigger(_) => "What it did when rows were written is not done any more.".to_owned(),
        Part::Index(_) | Part::StatisticsObject(_) => "Queries that used it are slower.".to_owned(),
        Part::Constraint(_) => "Nothing keeps rows out any more that break it.".to_owned(),
        Part::Column(_) => "What its rows held is gone with it.".to_owned(),
        _ => return None,
    })
}

/// How it came to differ, as the end of a sentence.
pub(super) fn of_change(drift: &Drift<'_>, sides: Sides<'_>) -> Option<String> {
    if drift.has("body") && lost_lines(drift) == Lines::OfText {
        return Some(
            format!("what it lost are lines that begin with --, and some stand in literals: {STRIPPED}")
                .trim_end_matches('.')
                .to_owned(),
        );
    }
    let is_text = ["body", "definition", "default", "query"].iter().any(|what| drift.has(what));
    (is_text && versions_differ(sides.now, sides.then))
        .then(|| "the servers' versions differ and may write one expression in two ways".to_owned())
}

/// What lines the text of a function lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Lines that begin with `--`, and nothing else: comments, all of them.
    Comments,
    /// Lines that begin with `--`, and nothing else; some are in literals.
    OfText,
    /// Others.
    Others,
}

/// What lines a function lost.
pub(super) fn lost_lines(drift: &Drift<'_>) -> Lines {
    let (Some(Part::Function(new)), Some(Part::Function(old))) = (drift.now, drift.then) else {
        return Lines::Others;
    };
    let text = |definition: &Option<String>| {
        definition.as_deref().map(|text| body(text).to_owned()).unwrap_or_default()
    };
    compare(&text(&old.definition), &text(&new.definition))
}

fn compare(old: &str, new: &str) -> Lines {
    let is_stripped = |line: &&str| line.starts_with("--");
    let kept = old.lines().filter(|line| !is_stripped(line));
    if old == new || !kept.eq(new.lines()) {
        return Lines::Others;
    }
    let mut at = 0;
    for line in old.split_inclusive('\n') {
        if line.starts_with("--") && in_literal(&old[..at]) {
            return Lines::OfText;
        }
        at += line.len();
    }
    Lines::Comments
}

/// Whether a text of SQL, the beginning of a function in its quotes, ends within a literal.
fn in_literal(before: &str) -> bool {
    // Its own quotes.
    let Some(start) = before.find('\n') else { return false };
    let mut rest = &before[start..];
    while let Some(at) = rest.find(['\'', '"', '$', '-', '/']) {
        let found = &rest[at..];
        let (opened, close) = if found.starts_with("--") {
            (2, "\n".to_owned())
        } else if found.starts_with("/*") {
            (2, "*/".to_owned())
        } else if found.starts_with('\'') || found.starts_with('"') {
            (1, found[..1].to_owned())
        } else if let Some(tag) = dollar_tag(found) {
            (tag.len(), tag.to_owned())
        } else {
            rest = &found[1..];
            continue;
        };
        match found[opened..].find(&close) {
            Some(end) => rest = &found[opened + end + close.len()..],
            // A comment that does not end is none of the text.
            None => return close != "\n" && close != "*/",
        }
    }
    false
}

/// `$tag$` at the beginning.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = 1 + text.strip_prefix('$')?.find('$')?;
    let inner = &text[1..end];
    let is_tag = !inner.starts_with(|c: char| c.is_ascii_digit())
        && inner.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_tool_took_for_comments_are_told_apart() {
        let head = "AS $function$\n";
        for (old, new, lines) in [
            ("begin\n-- why\n  x;\nend\n$function$", "begin\n  x;\nend\n$function$", Lines::Comments),
            ("select 'a\n-- b\nc'\n$function$", "select 'a\nc'\n$function$", Lines::OfText),
            ("select $q$a\n--b\n$q$\n$function$", "select $q$a\n$q$\n$function$", Lines::OfText),
            (
                "select 'it''s'; -- don't\n-- b\n$function$",
                "select 'it''s'; -- don't\n$function$",
                Lines::Comments,
            ),
            ("/* it's */\n-- b\nx\n$function$", "/* it's */\nx\n$function$", Lines::Comments),
            ("select $1 - $2\n-- b\n$function$", "select $1 - $2\n$function$", Lines::Comments),
            ("x\n-- a\ny\n$function$", "x\nz\n$function$", Lines::Others),
            ("x\n  -- a\n$function$", "x\n$function$", Lines::Others),
            ("x\n$function$", "x\n$function$", Lines::Others),
        ] {
            assert_eq!(compare(&format!("{head}{old}"), &format!("{head}{new}")), lines, "{old}");
        }
    }
}
