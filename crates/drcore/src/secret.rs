//! Secrets that stand in texts: what looks like one is replaced by a hash, before it is kept or shown.
//!
//! Policies, defaults, settings and the server's own messages may hold tokens, keys and passwords.
//! [`redact`] is applied where such a text comes in: to every fact of the catalog when it is
//! collected, to every message of an [`Error`](crate::Error) and of a
//! [`Cause`](crate::evidence::Cause). Two texts that differ in a secret stay different, and two that
//! hold the same one stay equal.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How a text begins that stands for a secret: `[secret:8f3a1c02]`.
const MARK: &str = "[secret:";

/// What looks like a secret. The group is the secret, where the whole is more than that.
///
/// The shapes are those that the issuers document; what has none (a plain password) is known only
/// by what stands before it.
const SHAPES: &[&str] = &[
    // A JSON Web Token, or the beginning of one: `{"` in base64url.
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?",
    r"\beyJ[A-Za-z0-9_-]{8,}",
    // Supabase: secret API keys, personal access tokens.
    r"sb_secret_[A-Za-z0-9_-]{6,}",
    r"\bsbp_[A-Za-z0-9_]{20,}",
    // Stripe.
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{8,}",
    r"whsec_[A-Za-z0-9+/=_-]{8,}",
    // OpenAI, Anthropic and those who copied them.
    r"\bsk-[A-Za-z0-9_-]{16,}",
    // GitHub, GitLab, Slack, Google, AWS, SendGrid, Resend, npm.
    r"\bgh[opsur]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"\bglpat-[A-Za-z0-9_-]{16,}",
    r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}",
    r"\bnpm_[A-Za-z0-9]{30,}",
    r"hooks\.slack\.com/services/([A-Za-z0-9/]{10,})",
    r"discord(?:app)?\.com/api/webhooks/([A-Za-z0-9/_-]{10,})",
    // PostgreSQL's own hashes of passwords.
    r"SCRAM-SHA-256\$[0-9A-Za-z+/=:$]{16,}",
    r"\bmd5[0-9a-f]{32}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    // By what stands before it: the password of a URL, a parameter, a header, a clause of SQL.
    // (No user has a bracket in the name: one is the beginning of a mark of ours.)
    r#":/+[^\s:@/'"<>\[]*:([^\s'"<>]+)@"#,
    r#"(?i)[\w-]*(?:password|passwd|secret|token|(?:access|api|client|private|role|secret|server|service)[_-]?key)=('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s&'";,)\]]+)"#,
    r#"(?i)["'][\w-]*(?:password|secret|token|(?:access|api|private|role|secret|service)[_-]?key|authorization)["']\s*[:,]\s*["']([^"']+)["']"#,
    r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{8,})",
    r"(?i)\bpassword\s+'((?:[^']|'')+)'",
    // What a function sets, in the statement that creates it.
    r#"(?i)\bset\s+"?[\w.]*(?:password|passwd|secret|token|credential|(?:access|api|client|private|role|secret|server|service)[_-]?key)"?\s+(?:to|=)\s+('(?:[^']|'')+')"#,
];

/// One expression of all shapes; at most one group of it takes part in a match.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let all: Vec<String> = SHAPES.iter().map(|shape| format!("(?:{shape})")).collect();
    Regex::new(&all.join("|")).ok()
});

/// The text with everything that looks like a secret replaced by `[secret:…]` and a hash of it.
///
/// Whatever came through it once stays as it is.
///
/// ```
/// let shown = drcore::secret::redact("postgresql://postgres:hunter2@db.example.com/app");
/// assert_eq!(shown, "postgresql://postgres:[secret:f52fbd32]@db.example.com/app");
/// assert_eq!(drcore::secret::redact("tenant_id = auth.uid()"), "tenant_id = auth.uid()");
/// ```
pub fn redact(text: &str) -> Cow<'_, str> {
    // Without its expressions nothing can be told apart: then nothing is shown.
    let Some(secret) = SECRET.as_ref() else { return Cow::Owned(mark(text)) };
    secret.replace_all(text, |found: &regex::Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        let inner = found.iter().skip(1).flatten().next();
        let Some(inner) = inner else { return mark(whole) };
        let start = inner.start() - found.get(0).map_or(0, |whole| whole.start());
        let quotes = ['\'', '"'];
        let plain = inner.as_str().trim_matches(quotes);
        whole[..start].to_owned()
            + &inner.as_str().replacen(plain, &mark(plain), 1)
            + &whole[start + inner.len()..]
    })
}

/// What the value of a secret is called, where the value alone does not show that it is one.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:password|passwd|secret|token|credential|(?:\b|_)(?:api)?key\b)").ok()
});

/// As [`redact`], for a value of this name: all of it, where the name tells that it is a secret.
pub(crate) fn redact_named(name: &str, value: &str) -> String {
    match NAMED.as_ref() {
        Some(named) if !named.is_match(name) => redact(value).into_owned(),
        _ => mark(value),
    }
}

/// As [`redact`], for a text that is kept.
pub(crate) fn redacted(text: impl Into<String>) -> String {
    let text = text.into();
    match redact(&text) {
        Cow::Owned(redacted) => redacted,
        Cow::Borrowed(_) => text,
    }
}

/// Whether something in the text was replaced.
pub fn is_redacted(text: &str) -> bool {
    text.contains(MARK)
}

/// Whether the text holds something that looks like a secret.
pub(crate) fn holds_secret(text: &str) -> bool {
    matches!(redact(text), Cow::Owned(redacted) if redacted != text)
}

fn mark(secret: &str) -> String {
    if secret.is_empty() || secret.starts_with(MARK) {
        return secret.to_owned();
    }
    let hash = Sha256::digest(secret.as_bytes());
    format!("{MARK}{:02x}{:02x}{:02x}{:02x}]", hash[0], hash[1], hash[2], hash[3])
}

/// Keys of facts whose values name objects: they are told as they are, whatever they look like.
const NAMES: &[&str] = &[
    "argument_names",
    "arguments",
    "column",
    "columns",
    "extension",
    "function",
    "id",
    "name",
    "object",
    "owner",
    "parents",
    "relation",
    "role",
    "roles",
    "schema",
    "server",
    "source",
    "type",
    "view",
];

/// Redacts every text of a fact but names of objects.
///
/// A fact that somebody adds is covered without a word in its own file.
pub(crate) fn redact_fact(fact: &mut Value) {
    match fact {
        Value::String(text) => {
            if let Cow::Owned(redacted) = redact(text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_fact),
        Value::Object(fields) => {
            for (_, value) in fields.iter_mut().filter(|(key, _)| !NAMES.contains(&key.as_str())) {
                redact_fact(value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";

    #[test]
    fn the_expressions_are_sound() {
        for shape in SHAPES {
            let compiled = Regex::new(shape).unwrap();
            assert!(compiled.captures_len() <= 2, "{shape}");
        }
        assert!(SECRET.is_some());
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn what_looks_like_a_secret_is_replaced_and_the_rest_is_not() {
        for (text, secret) in [
            (format!("select net.http_post(headers := '{{\"apikey\": \"{JWT}\"}}')"), JWT),
            (format!("Bearer {JWT}"), JWT),
            ("using ((key = 'sb_secret_abcdef123456'::text))".to_owned(), "abcdef123456"),
            ("sk_live_51HabcdefgHIJ".to_owned(), "51Habc"),
            ("postgresql://u:p%40ss@h:5432/d?sslmode=require".to_owned(), "p%40ss"),
            ("postgresql://u:p/ss#w@h/d".to_owned(), "p/ss#w"),
            ("postgresql:/u:hunter2@h/d".to_owned(), "hunter2"),
            ("host=h password=hunter2 user=u".to_owned(), "hunter2"),
            ("host=h password='it\\'s me' user=u".to_owned(), "s me"),
            ("h?user=u&sslpassword=hunter2&x=y".to_owned(), "hunter2"),
            ("PGPASSWORD=hunter2 psql".to_owned(), "hunter2"),
            ("host=h scram_client_key=hunter2".to_owned(), "hunter2"),
            ("{'service_role_key': 'hunter2'}".to_owned(), "hunter2"),
            ("app.settings.jwt_secret=hunter2".to_owned(), "hunter2"),
            ("alter role x password 'hunter2'".to_owned(), "hunter2"),
            ("create function f()\n SET \"app.service_token\" TO 'hunter2'\nAS $$".to_owned(), "hunter2"),
            ("alter database x set app.api_key = 'hunter2'".to_owned(), "hunter2"),
            ("'Authorization', 'Basic aHVudGVyMg=='".to_owned(), "aHVudGVyMg"),
            ("{\"x-webhook-secret\": \"hunter2\"}".to_owned(), "hunter2"),
            ("md5abcdefabcdefabcdefabcdefabcdef00".to_owned(), "abcdefabc"),
            ("https://hooks.slack.com/services/T000/B000/XXXXhunter2".to_owned(), "hunter2"),
            ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----".to_owned(), "hunter2"),
            ("-----BEGIN RSA PRIVATE KEY-----\nhunter2".to_owned(), "hunter2"),
        ] {
            let redacted = redact(&text);
            assert!(!redacted.contains(secret), "{redacted}");
            assert!(is_redacted(&redacted) && holds_secret(&text), "{redacted}");
            assert!(!holds_secret(&redacted), "{redacted} → {}", redact(&redacted));
        }
        assert_eq!(
            redact("host=h password='x y' user=u"),
            format!("host=h password='{}' user=u", mark("x y"))
        );
    }

    #[test]
    fn ordinary_texts_stay() {
        for text in [
            "(tenant_id = ((auth.jwt() ->> 'tenant_id'::text))::uuid)",
            "nextval('public.invoices_id_seq'::regclass)",
            "(password = crypt('x'::text, password))",
            "postgresql://postgres@db.example.com:5432/postgres?sslmode=verify-full",
            "password authentication failed for user \"postgres\"",
            "https://example.com:8443/a?b=c",
            "search_path=public, extensions",
            "re_calculate_totals(md5(x))",
            "relation \"public.sk_items\" does not exist",
            "task-management-and-everything-else",
            "current_setting('request.jwt.claims'::text, true)",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{text} → {}", redact(text));
        }
    }

    #[test]
    fn different_secrets_stay_different() {
        let a = redact("password=a").into_owned();
        assert_eq!(a, redact("password=a"));
        assert_ne!(a, redact("password=b"));
    }

    #[test]
    fn names_of_objects_stay_in_facts() {
        let mut fact = serde_json::json!({
            "name": "sk_live_abcdefgh", "relation": "public.sk_live_abcdefgh",
            "using": "(k = 'sk_live_abcdefgh'::text)", "config": ["app.secret=abc"], "position": 1,
        });
        redact_fact(&mut fact);
        assert_eq!(fact["name"], "sk_live_abcdefgh");
        assert_eq!(fact["relation"], "public.sk_live_abcdefgh");
        assert_eq!(fact["using"], format!("(k = '{}'::text)", mark("sk_live_abcdefgh")));
        assert_eq!(fact["config"][0], format!("app.secret={}", mark("abc")));
    }

    #[test]
    fn a_mark_is_no_part_of_a_url() {
        let once = redact(":/password=x&@").into_owned();
        assert_eq!(redact(&once), once.as_str());
    }

    proptest! {
        #[test]
        fn what_came_through_once_stays(text in "\\PC{0,40}(password=|://u:|Bearer |sk_live_|eyJ|'token', ')?\\PC{0,40}@?'?") {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once), once.as_str());
        }

        #[test]
        fn tokens_go_wherever_they_stand(
            before in "[ -~\n]{0,20}[ '\"(=,]", after in "([ '\")\n,;&][ -~]{0,20})?", body in "[A-Za-z0-9]{16,40}",
            kind in prop::sample::select(vec!["sb_secret_", "sk_live_", "rk_test_", "eyJ", "whsec_", "sk-", "ghp_AAAA", "Bearer "]),
        ) {
            let text = format!("{before}{kind}{body}{after}");
            let redacted = redact(&text);
            prop_assert!(!redacted.contains(&body), "{}", redacted);
        }
    }
}
