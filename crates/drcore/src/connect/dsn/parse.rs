//! The two ways in which a connection string is written.
//!
//! Source: PostgreSQL documentation, 34.1.1 Connection Strings.

use crate::error::{Error, ErrorKind, Result};

/// Parameters in the order of the text: of two with one name, the later holds.
pub(super) type Pairs = Vec<(String, String)>;

/// Parses a URL or a key-value string. Messages never repeat the text: it may hold a password.
pub(super) fn parse(text: &str) -> Result<Pairs> {
    match text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        Some(rest) => url(rest),
        None if text.contains("://") => Err(wrong("the scheme is neither postgresql:// nor postgres://")),
        None => key_value(text),
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, format!("this is not a connection string: {}", message.into()))
        .hint("Write it as postgresql://user@host:5432/database.")
}

fn url(rest: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, database) =
        rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    // As libpq: user and password end at the first @, so one in them must be written as %40.
    let (credentials, hosts) = authority
        .split_once('@')
        .map_or((None, authority), |(credentials, hosts)| (Some(credentials), hosts));
    if hosts.contains('@') {
        return Err(wrong("an @ in user or password must be written as %40"));
    }
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').map_or((credentials, None), |(u, p)| (u, Some(p)));
        push(&mut pairs, "user", user)?;
        if let Some(password) = password {
            push(&mut pairs, "password", password)?;
        }
    }
    url_hosts(&mut pairs, hosts)?;
    push(&mut pairs, "dbname", database)?;
    for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(wrong("a parameter after the ? has no ="));
        };
        let key = decode(key)?;
        if value.contains('=') {
            return Err(wrong(format!("the value of {key} has an = that is not written as %3D")));
        }
        match (key.as_str(), value) {
            // JDBC's way, which libpq understands too.
            ("ssl", "true") => pairs.push(("sslmode".to_owned(), "require".to_owned())),
            _ => pairs.push((key, decode(value)?)),
        }
    }
    Ok(pairs)
}

/// `host1:port1,host2:port2`, an IPv6 address in brackets; several ports make a list of equal length.
fn url_hosts(pairs: &mut Pairs, hosts: &str) -> Result<()> {
    if hosts.is_empty() {
        return Ok(());
    }
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = if let Some(inner) = host.strip_prefix('[') {
            let (address, after) =
                inner.split_once(']').ok_or_else(|| wrong("an address has no closing ]"))?;
            if address.is_empty() {
                return Err(wrong("there is no address between [ and ]"));
            }
            match after.strip_prefix(':') {
                Some(port) => (address, port),
                None if after.is_empty() => (address, ""),
                None => return Err(wrong("an address is followed by something else than : and a port")),
            }
        } else {
            host.split_once(':').unwrap_or((host, ""))
        };
        names.push(decode(name)?);
        ports.push(decode(port)?);
    }
    pairs.push(("host".to_owned(), names.join(",")));
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    Ok(())
}

fn push(pairs: &mut Pairs, key: &str, value: &str) -> Result<()> {
    if !value.is_empty() {
        pairs.push((key.to_owned(), decode(value)?));
    }
    Ok(())
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits =
            [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        let [Some(high), Some(low)] = digits else {
            return Err(wrong("a % is not followed by two hexadecimal digits"));
        };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => return Err(wrong("%00 is not allowed")),
            Ok(byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))
}

/// `key = value key = 'quoted \' value'`.
fn key_value(text: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(after) = after.trim_start().strip_prefix('=') else {
            // What stands there may be part of a password with a space in it: not shown.
            return Err(wrong("a word is not followed by ="));
        };
        let (value, after) = value(after.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

fn value(text: &str) -> Result<(String, &str)> {
    let quoted = text.starts_with('\'');
    let inner = text.strip_prefix('\'').unwrap_or(text);
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                if let Some((_, escaped)) = chars.next() {
                    value.push(escaped);
                }
            }
            '\'' if quoted => return Ok((value, &inner[at + 1..])),
            c if c.is_whitespace() && !quoted => return Ok((value, &inner[at..])),
            c => value.push(c),
        }
    }
    if quoted { Err(wrong("a quoted value has no closing quote")) } else { Ok((value, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    fn expect(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(pairs(text), expected, "{text}");
    }

    // The examples of the PostgreSQL documentation, 34.1.1, and the traps in its source.
    #[test]
    fn urls() {
        expect("postgresql://", &[]);
        expect("postgresql://localhost", &[("host", "localhost")]);
        expect("postgresql://localhost:5433", &[("host", "localhost"), ("port", "5433")]);
        expect("postgresql://localhost/mydb", &[("host", "localhost"), ("dbname", "mydb")]);
        expect("postgresql://user@localhost", &[("user", "user"), ("host", "localhost")]);
        expect(
            "postgresql://user:secret@localhost",
            &[("user", "user"), ("password", "secret"), ("host", "localhost")],
        );
        expect(
            "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
            &[
                ("user", "other"),
                ("host", "localhost"),
                ("dbname", "otherdb"),
                ("connect_timeout", "10"),
                ("application_name", "myapp"),
            ],
        );
        expect(
            "postgresql://host1:123,host2:456/somedb?target_session_attrs=any",
            &[
                ("host", "host1,host2"),
                ("port", "123,456"),
                ("dbname", "somedb"),
                ("target_session_attrs", "any"),
            ],
        );
        expect(
            "postgresql:///mydb?host=localhost&port=5433",
            &[("dbname", "mydb"), ("host", "localhost"), ("port", "5433")],
        );
        expect(
            "postgresql://[2001:db8::1234]/database",
            &[("host", "2001:db8::1234"), ("dbname", "database")],
        );
        expect("postgresql://[::1]:5433", &[("host", "::1"), ("port", "5433")]);
        expect(
            "postgresql:///dbname?host=/var/lib/postgresql",
            &[("dbname", "dbname"), ("host", "/var/lib/postgresql")],
        );
        expect(
            "postgresql://%2Fvar%2Flib%2Fpostgresql/dbname",
            &[("host", "/var/lib/postgresql"), ("dbname", "dbname")],
        );
        expect(
            "postgres://u%40x:p%3Aw@h/d",
            &[("user", "u@x"), ("password", "p:w"), ("host", "h"), ("dbname", "d")],
        );
        expect("postgres://h?ssl=true", &[("host", "h"), ("sslmode", "require")]);
        expect(
            "postgresql://postgres@h:6543/postgres?options=reference%3Dabcdefghijklmnopqrst",
            &[
                ("user", "postgres"),
                ("host", "h"),
                ("port", "6543"),
                ("dbname", "postgres"),
                ("options", "reference=abcdefghijklmnopqrst"),
            ],
        );
    }

    #[test]
    fn key_values() {
        expect(
            "host=localhost port=5432 dbname=mydb",
            &[("host", "localhost"), ("port", "5432"), ("dbname", "mydb")],
        );
        expect("host = 'a b'  password='it\\'s \\\\ me'", &[("host", "a b"), ("password", "it's \\ me")]);
        expect("user=a\\ b password=''", &[("user", "a b"), ("password", "")]);
        expect("  ", &[]);
    }

    #[test]
    fn what_is_neither_is_refused_without_repeating_it() {
        for text in [
            "mysql://u:s3cret@h/d",
            "postgresql://u:s3cret%zz@h/d",
            "postgresql://u:s3cr@et@h/d",
            "postgresql://u:s3cret%00@h/d",
            "postgresql://u:s3cret@[::1/d",
            "postgresql://u:s3cret@[]/d",
            "postgresql://u:s3cret@[::1]s3cr/d",
            "postgresql://u:s3cret@h/d?sslmode",
            "host=h password='s3cret",
            "host=h password=s3cret s3cret",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(!format!("{error:?}").contains("s3cr"), "{error:?}");
        }
    }
}
