//! What the author of a statement of the plan can do about an error of the server.

/// By its SQLSTATE, where something can be said.
pub(super) fn of_statement(sqlstate: &str) -> Option<&'static str> {
    Some(match sqlstate {
        // A WITH that writes, as a subquery.
        "0A000" => "The plan's statements only read: leave out what writes.",
        "21000" => "A subquery that stands for one value gave several rows.",
        "42501" => "Grant what it reads to the role that verifies, with usage on the schema.",
        "42601" => "It must be one SELECT, without a semicolon inside; try it in psql.",
        "3F000" | "42704" | "42883" | "42P01" => {
            "Names without a schema are looked up in public and extensions: write the schema, or set search_path."
        }
        code if code.starts_with("22") => {
            "A value does not fit what the statement makes of it: filter or cast it."
        }
        code if code.starts_with("25") => "The plan's statements only read: leave out what writes.",
        code if code.starts_with("42") => {
            "Try the statement in psql, after: set search_path = public, extensions."
        }
        _ => return None,
    })
}
