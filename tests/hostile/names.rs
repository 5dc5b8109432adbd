//! Names that try to break out of every place that they are put into.

/// Each is a schema, a table, a column, a constraint, a policy, a role, a sequence, a function, a view, a
/// bucket, a key and a tenant. 63 bytes at most, as `PostgreSQL` has it.
pub const NAMES: [&str; 26] = [
    "we\"ird; drop table x; --",
    "select",
    "it's '; select 1; --",
    "back\\slash \\n \\\"",
    "new\nline\n::error::x",
    "tab\there\r\nreturn",
    "🎉 emoji é 名前",
    "\u{202e}gpj.exe\u{200b}\u{2066}x",
    "\u{1b}[31mred\u{1b}[0m\u{7}\u{1b}]0;title\u{7}",
    "\u{9b}2J\u{7f}\u{85}\u{2028}",
    "<script>alert(1)</script><img src=x onerror=y>",
    "a|b`c``d ```e",
    "::error title=x,y::z%0A::",
    "##[error]x",
    "]]> --> <!-- <![CDATA[ &amp; &#x1b;",
    "%s %0A $1 $$ {{x}} {% y %} ${z}",
    "@here #1 http://e.example www.e.example !",
    "- list [x](y) *b* _i_ ~s~",
    "a:b:c",
    "dots.in.name",
    "  spaces  ",
    ":var :'var' \\! psql \\gexec",
    "*",
    "Mixed Case",
    "012345678901234567890123456789012345678901234567890123456789012",
    "éééééééééééééééééééééééééééééééx",
];

/// Whether a character steers, reorders or hides text where somebody looks at it.
pub fn steers(c: char) -> bool {
    // Statements are shown with their line breaks and tabs, or they could not be pasted.
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
