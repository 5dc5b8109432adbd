//! Whether a policy's expression is always true, as far as its text shows.

/// Whether the expression, as `pg_get_expr` writes it, lets every row through: `true`, `1 = 1`, `(true OR …)`.
pub(super) fn is_always_true(text: &str) -> bool {
    value(text) == Some(true)
}

/// Whether the expression lets no row through, whatever the row: `false`, `1 = 0`, `NULL`.
pub(super) fn is_never_true(text: &str) -> bool {
    let bare = unwrap(text);
    value(text) == Some(false) || matches!(bare, "NULL" | "NULL::boolean")
}

/// What the expression always is, where its text shows it.
fn value(text: &str) -> Option<bool> {
    let text = unwrap(text);
    let or = split(text, " OR ");
    if or.len() > 1 {
        let values: Vec<_> = or.into_iter().map(value).collect();
        return if values.contains(&Some(true)) {
            Some(true)
        } else {
            values.iter().all(|value| *value == Some(false)).then_some(false)
        };
    }
    let and = split(text, " AND ");
    if and.len() > 1 {
        let values: Vec<_> = and.into_iter().map(value).collect();
        return if values.contains(&Some(false)) {
            Some(false)
        } else {
            values.iter().all(|value| *value == Some(true)).then_some(true)
        };
    }
    if let Some(rest) = text.strip_prefix("NOT ") {
        return value(rest).map(|value| !value);
    }
    // `( SELECT true AS bool)`: the wrapper that speeds policies up.
    if let Some(rest) = text.strip_prefix("SELECT ")
        && !rest.contains(" FROM ")
    {
        return value(rest.split(" AS ").next().unwrap_or(rest));
    }
    if let Some(tested) = text.strip_suffix(" IS NULL") {
        return (tested == "NULL" || tested.starts_with("NULL::")).then_some(true);
    }
    match split(text, " = ").as_slice() {
        [left, right] => {
            let (left, right) = (unwrap(left), unwrap(right));
            let numbers = left.parse::<u64>().ok().zip(right.parse::<u64>().ok());
            match numbers {
                Some((left, right)) => Some(left == right),
                None => (is_constant(left) && left == right).then_some(true),
            }
        }
        _ => match text.strip_suffix("::boolean").map_or(text, unwrap).to_lowercase().as_str() {
            "true" | "'t'" | "'true'" => Some(true),
            "false" | "'f'" | "'false'" => Some(false),
            _ => None,
        },
    }
}

fn is_constant(text: &str) -> bool {
    let text = text.split("::").next().unwrap_or(text);
    let quoted = text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    quoted || (!text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// Without the parentheses that enclose all of it.
pub(super) fn unwrap(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let encloses = pieces(text).skip(1).all(|(at, depth, _)| depth > 0 || at == text.len() - 1);
        if !encloses {
            break;
        }
        text = inner.trim();
    }
    text
}

/// The parts between `separator`s that stand outside parentheses and quotes.
pub(super) fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, depth, quoted) in pieces(text) {
        if depth == 0 && !quoted && at >= from && text[at..].starts_with(separator) {
            parts.push(&text[from..at]);
            from = at + separator.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Every character's place, with how deep in parentheses it leaves us and whether it stands in quotes.
fn pieces(text: &str) -> impl Iterator<Item = (usize, usize, bool)> + '_ {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    text.char_indices().map(move |(at, c)| {
        match (quote, c) {
            (Some(mark), _) if c == mark => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        (at, depth, quote.is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_every_row_through() {
        for text in [
            "true",
            "(true)",
            "(1 = 1)",
            "('a'::text = 'a'::text)",
            "((true) OR (tenant_id = ( SELECT auth.uid() AS uid)))",
            "(true AND (1 = 1))",
            "(NOT false)",
            "(NULL::text IS NULL)",
            "( SELECT true AS bool)",
            "'t'::boolean",
            "((a = b) OR (c = d) OR true)",
            "(NOT (false OR (NOT true)))",
            "(NOT (true AND false))",
            "('it''s'::text = 'it''s'::text)",
            "(0.5 = 0.5)",
        ] {
            assert!(is_always_true(text), "{text}");
        }
    }

    #[test]
    fn what_lets_no_row_through() {
        for text in [
            "false",
            "(1 = 0)",
            "(false AND (a = 1))",
            "NULL::boolean",
            "(NOT true)",
            "((a = b) AND (1 = 2))",
        ] {
            assert!(is_never_true(text), "{text}");
        }
        for text in [
            "true",
            "(a = 0)",
            "(1 = 1)",
            "(a IS NULL)",
            "(false OR (a = 1))",
            "(1.0 = 1)",
            "('a' = 'b')",
            "(NULL::boolean OR (auth.uid() IS NOT NULL))",
            "(NULL::text IS NULL)",
        ] {
            assert!(!is_never_true(text), "{text}");
        }
    }

    #[test]
    fn what_does_not() {
        for text in [
            "false",
            "(tenant_id = 1)",
            "(a = a)",
            "(auth.uid() IS NOT NULL)",
            "(name = ' OR true'::text)",
            "((a = 1) AND true)",
            "((a = 1) OR (b = 2))",
            "(1 = 2)",
            "(EXISTS ( SELECT true AS bool FROM t WHERE (t.id = a)))",
            "( SELECT true AS bool FROM public.t)",
            "((true) = (is_public))",
            "(name = 'x OR true OR y'::text)",
            "(name = \"x OR true OR y\")",
            "(NOT ((a = 1) OR false))",
            "(b.c = b.c)",
            "('a = 'a)",
            "",
        ] {
            assert!(!is_always_true(text), "{text}");
        }
    }
}
