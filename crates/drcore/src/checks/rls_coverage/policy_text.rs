//! What the text of a policy names.

/// The text without what stands in single quotes.
pub(super) fn code(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .filter(|c| {
            if *c == '\'' {
                quoted = !quoted;
            }
            !quoted
        })
        .collect()
}

/// What stands in single quotes, without them.
pub(super) fn texts(text: &str) -> impl Iterator<Item = &str> {
    text.split('\'').skip(1).step_by(2)
}

/// Whether the code names a column or row so: not a function, a type or a column of a subquery.
pub(super) fn names(code: &str, word: &str) -> bool {
    words(code, word).any(|at| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let quoted = before.ends_with('"');
        let before = before.trim_end_matches('"');
        let after = if quoted { after.trim_start_matches('"') } else { after };
        !after.starts_with('(') && !before.ends_with("::") && !before.ends_with(" AS ")
    })
}

/// Where the word stands by itself, and is no part of a longer name.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !text[..*at].ends_with(of_name) && !text[*at + word.len()..].starts_with(of_name))
}

/// The functions that it calls by name and schema: with an empty `search_path`, all but the server's own.
pub(super) fn calls(text: &str) -> Vec<(String, String)> {
    let code = code(text);
    let mut calls: Vec<(String, String)> = Vec::new();
    for (at, _) in code.match_indices('(') {
        let Some((before, name)) = last_name(&code[..at]) else { continue };
        let Some((_, schema)) = before.strip_suffix('.').and_then(last_name) else { continue };
        if !calls.contains(&(schema.clone(), name.clone())) {
            calls.push((schema, name));
        }
    }
    calls
}

/// The name that the text ends in, unquoted, and what stands before it.
fn last_name(text: &str) -> Option<(&str, String)> {
    if let Some(quoted) = text.strip_suffix('"') {
        // A quote in a name is written twice.
        let mut from = quoted.rfind('"')?;
        while quoted[..from].ends_with('"') {
            from = quoted[..from - 1].rfind('"')?;
        }
        return Some((&quoted[..from], quoted[from + 1..].replace("\"\"", "\"")));
    }
    let name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let from =
        text.rfind(|c| !name(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    (from < text.len()).then(|| (&text[..from], text[from..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_from_functions_types_and_aliases() {
        for text in
            ["(uid = 1)", "(t.uid IS NULL)", "(lower(uid) = x)", "(\"uid\" = 1)", "(\"uid\"(1) = t.uid)"]
        {
            assert!(names(text, "uid"), "{text}");
        }
        for text in
            ["(auth.uid() IS NOT NULL)", "( SELECT auth.uid() AS uid)", "(1)::uid", "app.\"uid\"(1)", "uid_2"]
        {
            assert!(!names(text, "uid"), "{text}");
        }
        assert!(names("(\"We\"\"ird\" = 1)", "We\"\"ird"));
        assert_eq!(texts("(auth.role() = 'a'::text) OR 'it''s'").collect::<Vec<_>>(), ["a", "it", "s"]);
    }

    #[test]
    fn calls_are_told_from_texts_and_columns() {
        let called = |text: &str| {
            calls(text).iter().map(|(schema, name)| format!("{schema}.{name}")).collect::<Vec<_>>()
        };
        assert_eq!(called("(tenant_id = ( SELECT public.mine() AS mine))"), ["public.mine"]);
        assert_eq!(called("(auth.uid() = owner_id) AND (auth.uid() IS NOT NULL)"), ["auth.uid"]);
        assert_eq!(called("\"My App\".\"is\"\"it\"(a)"), ["My App.is\"it"]);
        assert_eq!(called("app.\"isIt\"(a)"), ["app.isIt"]);
        assert_eq!(called("(body = 'public.mine('::text)"), [""; 0]);
        assert_eq!(called("(lower(name) = ANY (ARRAY[a, b])) AND (EXISTS ( SELECT 1))"), [""; 0]);
    }
}
