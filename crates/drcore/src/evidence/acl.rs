//! Access control lists as PostgreSQL writes them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who may do what with one object, the grantor left out: `["anon=r", "postgres=arwd*"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(title = "Acl")]
pub struct Acl(pub Vec<AclItem>);

/// What one role was granted.
///
/// `privileges` holds PostgreSQL's letters (`r` select, `a` insert, `w`
/// update, `d` delete, `D` truncate, `x` references, `t` trigger, `m`
/// maintain, `X` execute, `U` usage, `C` create, `c` connect, `T` temporary, `s` set,
/// `A` alter system), each followed by `*` where the role may grant it on. Source: PostgreSQL
/// documentation, 5.8 Privileges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclItem {
    /// The role; `public` is everybody.
    pub grantee: String,
    /// PostgreSQL's letters.
    pub privileges: String,
}

/// PostgreSQL's letters for all privileges that there are.
pub(crate) const LETTERS: &str = "rawdDxtmXUCcTsA";

impl AclItem {
    /// Whether the letter is among the privileges.
    pub fn has(&self, privilege: char) -> bool {
        self.privileges.contains(privilege)
    }

    /// Parses PostgreSQL's text form, with or without `/grantor`.
    ///
    /// # Errors
    /// Says what is wrong with the text. So is a letter that is not known: what it allows is not known either.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (grantee, rest) = if let Some(inner) = text.strip_prefix('"') {
            // Inside quotes a quote is doubled.
            let mut name = String::new();
            let mut chars = inner.char_indices().peekable();
            let mut rest = None;
            while let Some((at, c)) = chars.next() {
                if c != '"' {
                    name.push(c);
                } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                    name.push('"');
                } else {
                    rest = Some(&inner[at + 1..]);
                    break;
                }
            }
            (name, rest.ok_or_else(|| format!("unclosed quote in the privilege {text:?}"))?)
        } else {
            let end = text.find('=').ok_or_else(|| format!("no = in the privilege {text:?}"))?;
            (text[..end].to_owned(), &text[end..])
        };
        let rest = rest.strip_prefix('=').ok_or_else(|| format!("no = in the privilege {text:?}"))?;
        let privileges = rest.split('/').next().unwrap_or_default().to_owned();
        if let Some(letter) = privileges.chars().find(|letter| *letter != '*' && !LETTERS.contains(*letter)) {
            return Err(format!("the privilege {text:?} has a letter that is not known: {letter}"));
        }
        let grantee = if grantee.is_empty() { "public".to_owned() } else { grantee };
        Ok(Self { grantee, privileges })
    }
}

impl fmt::Display for AclItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.grantee.contains(['=', '/', '"']);
        if plain {
            write!(f, "{}={}", self.grantee, self.privileges)
        } else {
            write!(f, "{}={}", crate::sql::quote(&self.grantee), self.privileges)
        }
    }
}

impl Serialize for AclItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AclItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for AclItem {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AclItem".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "role=privileges, in PostgreSQL's letters" })
    }
}

impl Acl {
    /// Whether the role itself (not through membership) or everybody was granted the privilege.
    pub fn grants(&self, role: &str, privilege: char) -> bool {
        self.0.iter().any(|item| (item.grantee == role || item.grantee == "public") && item.has(privilege))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_is_understood() {
        let item = AclItem::parse("anon=arwdDxt/postgres").unwrap();
        assert_eq!((item.grantee.as_str(), item.privileges.as_str()), ("anon", "arwdDxt"));
        assert_eq!(AclItem::parse("=r/postgres").unwrap().grantee, "public");
        assert_eq!(AclItem::parse("\"we\"\"ird=\"=r*/x").unwrap().grantee, "we\"ird=");
        assert!(AclItem::parse("nonsense").is_err());
        // Of a server that is newer than we are.
        assert!(AclItem::parse("anon=rQ/postgres").unwrap_err().contains('Q'));
    }

    #[test]
    fn text_round_trips() {
        for text in ["anon=arwd", "public=r", "\"a\"\"b\"=r*"] {
            assert_eq!(AclItem::parse(text).unwrap().to_string(), text);
        }
    }
}
