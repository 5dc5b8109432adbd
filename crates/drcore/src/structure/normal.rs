//! What servers print in different ways and means the same.

use serde_json::Value;

use super::kind::ObjectKind;
use super::tokens::{is_name, tokens, unquoted};

/// The major versions of the two servers, where they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Majors {
    pub(crate) now: Option<u32>,
    pub(crate) then: Option<u32>,
}

impl Majors {
    pub(super) fn differ(self) -> bool {
        self.now != self.then || self.now.is_none()
    }

    /// Whether one of them is older than this, or not known.
    pub(super) fn one_is_before(self, major: u32) -> bool {
        [self.now, self.then].into_iter().any(|own| own.is_none_or(|own| own < major))
    }

    /// Whether one of them is older than this and the other is not, as far as is known.
    pub(super) fn straddle(self, major: u32) -> bool {
        let before = |own: Option<u32>| own.map(|own| own < major);
        before(self.now) != before(self.then) || self.now.is_none()
    }
}

/// Lists whose order says nothing.
const SETS: &[&str] = &[
    "config",
    "mappings",
    "members",
    "operations",
    "options",
    "publications",
    "schemas",
    "server_options",
    "statistics",
    "tags",
    "toast_options",
];

/// Attributes that hold SQL, whose layout says nothing.
const SQL: &[&str] = &[
    "attributes",
    "check",
    "default",
    "definition",
    "filter",
    "parameters",
    "partition_bound",
    "partition_key",
    "query",
    "result",
    "using",
];

/// An attribute in the form in which it is compared.
pub(super) fn normal(kind: ObjectKind, name: &str, value: &Value, majors: Majors) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal(kind, name, item, majors)).collect();
            if SETS.contains(&name) {
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.clone(), normal(kind, name, value, majors))).collect(),
        ),
        Value::String(text) if SQL.contains(&name) => Value::String(sql(kind, name, text, majors)),
        value => value.clone(),
    }
}

fn sql(kind: ObjectKind, name: &str, text: &str, majors: Majors) -> String {
    let mut tokens = tokens(text);
    if matches!(kind, ObjectKind::Constraint | ObjectKind::ForeignKey | ObjectKind::Type)
        && name == "definition"
    {
        // Whether it is proved is an attribute of its own.
        if tokens.ends_with(&["NOT", "VALID"]) {
            tokens.truncate(tokens.len() - 2);
        }
    }
    if name == "query" && majors.straddle(16) {
        without_lone_qualifier(&mut tokens);
    }
    let mut normal = String::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if !normal.is_empty() {
            normal.push(' ');
        }
        if *token == "ON" && tokens.get(at + 1) == Some(&"TRUE") {
            // How a join without a condition is printed, until a dump of it was restored.
            normal.push_str("ON ( true )");
            at += 2;
            continue;
        }
        // Each version has its own list of the words that it quotes.
        if majors.differ() && token.starts_with('"') && is_plain(&unquoted(token)) {
            normal.push_str(&unquoted(token));
        } else {
            normal.push_str(token);
        }
        at += 1;
    }
    normal
}

fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What ends the list of what a query reads from.
const AFTER_FROM: &[&str] = &[
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "FOR",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    ";",
];

/// From PostgreSQL 16 on, the columns of a view that reads from one source alone are printed without its name.
fn without_lone_qualifier(tokens: &mut Vec<&str>) {
    let Some(source) = lone_source(tokens).map(str::to_owned) else { return };
    let levels = levels(tokens);
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let is_column = !levels[at].in_query
            && tokens[at] == source
            && tokens.get(at + 1) == Some(&".")
            && tokens.get(at + 2).is_some_and(|column| is_name(column))
            // A function of a schema of this name, or a type.
            && tokens.get(at + 3) != Some(&"(")
            && at.checked_sub(1).is_none_or(|before| !["::", ".", "COLLATE"].contains(&tokens[before]));
        if is_column {
            at += 2;
        }
        kept.push(tokens[at]);
        at += 1;
    }
    *tokens = kept;
}

/// By what name the only source of a query is known; none where it has several, or none.
fn lone_source<'t>(tokens: &[&'t str]) -> Option<&'t str> {
    let levels = levels(tokens);
    let top = |at: usize| levels[at].depth == 0;
    if (0..tokens.len()).any(|at| top(at) && ["UNION", "INTERSECT", "EXCEPT"].contains(&tokens[at])) {
        return None;
    }
    let from = 1 + (0..tokens.len()).find(|at| top(*at) && tokens[*at] == "FROM")?;
    let end =
        (from..tokens.len()).find(|at| top(*at) && AFTER_FROM.contains(&tokens[*at])).unwrap_or(tokens.len());
    let item = &tokens[from..end];
    let is_joined = item.first() == Some(&"(") && !item.get(1).is_some_and(|word| is_query(word));
    if is_joined || (from..end).any(|at| top(at) && [",", "JOIN"].contains(&tokens[at])) {
        return None;
    }
    let end = (from..end).find(|at| top(*at) && tokens[*at] == "TABLESAMPLE").unwrap_or(end);
    (from..end).rev().find(|at| top(*at) && is_name(tokens[*at])).map(|at| tokens[at])
}

fn is_query(word: &str) -> bool {
    ["SELECT", "VALUES", "WITH"].contains(&word)
}

/// How deep a token is in parentheses, and whether in a query within the query.
#[derive(Clone, Copy)]
struct Level {
    depth: usize,
    in_query: bool,
}

fn levels(tokens: &[&str]) -> Vec<Level> {
    let mut open: Vec<bool> = Vec::new();
    let mut levels = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if *token == ")" {
            open.pop();
        }
        levels.push(Level { depth: open.len(), in_query: open.contains(&true) });
        if *token == "(" {
            open.push(tokens.get(at + 1).is_some_and(|word| is_query(word)));
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIKE: Majors = Majors { now: Some(15), then: Some(15) };
    const ACROSS: Majors = Majors { now: Some(16), then: Some(15) };

    fn query(text: &str, majors: Majors) -> Value {
        normal(ObjectKind::View, "query", &Value::from(text), majors)
    }

    /// Each line: what PostgreSQL 15 prints, what 16 prints of the same view.
    #[test]
    fn lone_sources_are_named_by_some_versions() {
        for (before, after) in [
            (
                " SELECT t.id,\n    upper((t.name)::text) AS name,\n    ( SELECT count(*) AS count\n           FROM app.owners o\n          WHERE (o.id = t.owner_id)) AS owners\n   FROM app.things t\n  WHERE (t.price < (10)::numeric);",
                " SELECT id,\n    upper((name)::text) AS name,\n    ( SELECT count(*) AS count\n           FROM app.owners o\n          WHERE (o.id = t.owner_id)) AS owners\n   FROM app.things t\n  WHERE (price < (10)::numeric);",
            ),
            (
                " SELECT s.id\n   FROM ( SELECT owners.id,\n            owners.code\n           FROM app.owners) s\n  WHERE (s.code IN ( SELECT parted.kind\n           FROM app.parted));",
                " SELECT id\n   FROM ( SELECT owners.id,\n            owners.code\n           FROM app.owners) s\n  WHERE (code IN ( SELECT parted.kind\n           FROM app.parted));",
            ),
            (
                " SELECT owners.id,\n    owners.code AS c,\n    owners.mood\n   FROM app.owners\n  WHERE (owners.id > 0)\n  ORDER BY owners.code;",
                " SELECT id,\n    code AS c,\n    mood\n   FROM app.owners\n  WHERE (id > 0)\n  ORDER BY code;",
            ),
            (
                " SELECT things.owner_id,\n    sum(things.price) AS total\n   FROM app.things\n  GROUP BY things.owner_id;",
                " SELECT owner_id,\n    sum(price) AS total\n   FROM app.things\n  GROUP BY owner_id;",
            ),
            (
                " SELECT n.n\n   FROM generate_series(1, 3) n(n);",
                " SELECT n\n   FROM generate_series(1, 3) n(n);",
            ),
            (
                " SELECT t.id,\n    t.*::app.things AS t\n   FROM app.things t TABLESAMPLE system (10);",
                " SELECT id,\n    t.*::app.things AS t\n   FROM app.things t TABLESAMPLE system (10);",
            ),
            (
                " SELECT rank() OVER (PARTITION BY o.mood ORDER BY o.code) AS place\n   FROM ONLY app.owners o\n  GROUP BY o.mood\n HAVING (max(o.id) > 1)\n FOR UPDATE OF o;",
                " SELECT rank() OVER (PARTITION BY mood ORDER BY code) AS place\n   FROM ONLY app.owners o\n  GROUP BY mood\n HAVING (max(id) > 1)\n FOR UPDATE OF o;",
            ),
            (
                " SELECT \"T\".\"a.b\",\n    app.f(\"T\".c) AS f\n   FROM app.\"T\";",
                " SELECT \"a.b\",\n    app.f(c) AS f\n   FROM app.\"T\";",
            ),
        ] {
            assert_eq!(query(before, ACROSS), query(after, ACROSS), "{before}");
            assert_ne!(query(before, ALIKE), query(after, ALIKE), "{before}");
        }
    }

    #[test]
    fn several_sources_stay_apart() {
        for (one, other) in [
            (
                "SELECT a.x FROM (s.a JOIN s.b ON ((a.id = b.id)));",
                "SELECT b.x FROM (s.a JOIN s.b ON ((a.id = b.id)));",
            ),
            ("SELECT a.x FROM s.a, s.b;", "SELECT b.x FROM s.a, s.b;"),
            ("SELECT a.x FROM s.a;", "SELECT b.x FROM s.b;"),
            ("SELECT a.x FROM s.a UNION SELECT b.x FROM s.b;", "SELECT x FROM s.a UNION SELECT x FROM s.b;"),
            (
                "SELECT id FROM s.a x WHERE (id IN ( SELECT x.id FROM s.b y));",
                "SELECT id FROM s.a x WHERE (id IN ( SELECT y.id FROM s.b y));",
            ),
            ("SELECT (x)::a.t FROM s.a;", "SELECT (x)::t FROM s.a;"),
        ] {
            assert_ne!(query(one, ACROSS), query(other, ACROSS), "{one}");
        }
    }

    #[test]
    fn joins_without_a_condition_are_printed_in_two_ways() {
        let one = "SELECT 1 FROM (a LEFT JOIN b ON TRUE);";
        assert_eq!(query(one, ALIKE), query("SELECT 1 FROM (a LEFT JOIN b ON (true));", ALIKE));
        assert_ne!(query(one, ALIKE), query("SELECT 1 FROM (a LEFT JOIN b ON (false));", ALIKE));
    }

    #[test]
    fn layout_is_no_difference_and_what_stands_in_quotes_is() {
        let check = |text: &str| normal(ObjectKind::Constraint, "definition", &Value::from(text), ALIKE);
        assert_eq!(check("CHECK ((a > 0)) NOT VALID"), check("CHECK (\n  (a > 0))"));
        assert_ne!(check("CHECK ((a = 'x  y'))"), check("CHECK ((a = 'x y'))"));
        assert_ne!(check("CHECK ((a > 0))"), check("CHECK ((a >= 0))"));
    }

    #[test]
    fn versions_quote_other_words() {
        let check =
            |text: &str, majors| normal(ObjectKind::Constraint, "definition", &Value::from(text), majors);
        assert_eq!(check("CHECK ((\"period\" > 0))", ACROSS), check("CHECK ((period > 0))", ACROSS));
        assert_ne!(check("CHECK ((\"User\" > 0))", ACROSS), check("CHECK ((User > 0))", ACROSS));
        assert_ne!(check("CHECK ((\"user\" > 0))", ALIKE), check("CHECK ((user > 0))", ALIKE));
    }

    #[test]
    fn some_lists_have_no_order() {
        let list = |name: &str, items: [&str; 2]| {
            normal(ObjectKind::Table, name, &Value::from(items.to_vec()), ALIKE)
        };
        assert_eq!(list("options", ["a=1", "b=2"]), list("options", ["b=2", "a=1"]));
        assert_ne!(list("labels", ["a", "b"]), list("labels", ["b", "a"]));
    }
}
