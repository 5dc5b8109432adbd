//! `[backups]` and `[objectives]`: where backups are, how many there must be and how new.

use schemars::JsonSchema;
use serde::Serialize;

use super::duration::Span;
use super::reader::{Fields, Reader};
use crate::backup::RepositoryUrl;

/// Where backups are, and how many there must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Backups")]
#[non_exhaustive]
pub struct Backups {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///dir` or a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// How often one is taken: a gap of more than one and a half times this is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Span>,
    /// How long they are kept: older ones should have been pruned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
    /// How old the newest may be that somebody looked into and found whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Span>,
    /// The Supabase project whose own backups are looked at too, by its ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// How far point-in-time recovery must reach back, on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitr: Option<Span>,
}

/// What a disaster may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Objectives")]
#[non_exhaustive]
pub struct Objectives {
    /// How long it may take until everything works again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto: Option<Span>,
    /// Of how long what was written may be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Span>,
}

impl Backups {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(
                reader,
                "this section is empty; allowed: repository, schedule, keep, verified, platform, pitr",
            );
        }
        let repository = fields.optional(reader, "repository", |reader, node, path| {
            let text = reader.string(node, path)?;
            match RepositoryUrl::parse(&text) {
                Ok(_) => Some(text),
                Err(error) => reader.wrong(node, path, error.to_string()),
            }
        });
        let schedule = fields.optional(reader, "schedule", Reader::span);
        let keep = fields.optional(reader, "keep", Reader::span);
        let verified = fields.optional(reader, "verified", Reader::span);
        let platform = fields.optional(reader, "platform", |reader, node, path| {
            let text = reader.string(node, path)?;
            let is_ref = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_lowercase());
            if is_ref {
                Some(text)
            } else {
                reader.wrong(node, path, "expected the ref of a project: twenty lowercase letters")
            }
        });
        let pitr = fields.optional(reader, "pitr", Reader::span);
        let names = |key: &str| fields.entries().iter().any(|(found, _)| found.text == key);
        let of_repository = [("schedule", schedule), ("keep", keep), ("verified", verified)];
        let lonely = of_repository.iter().find(|(_, span)| span.is_some()).filter(|_| !names("repository"));
        let lacking = match lonely {
            _ if !names("repository") && !names("platform") => {
                Some("this section names neither repository nor platform".to_owned())
            }
            Some((key, _)) => Some(format!("{key} is about a repository, and none is named")),
            None if pitr.is_some() && !names("platform") => {
                Some("pitr is about a platform, and none is named".to_owned())
            }
            None => None,
        };
        if let Some(message) = &lacking {
            fields.wrong::<()>(reader, message);
        }
        fields.finish(reader);
        lacking.is_none().then_some(Self { repository, schedule, keep, verified, platform, pitr })
    }
}

impl Objectives {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: rto, rpo");
        }
        let rto = fields.optional(reader, "rto", Reader::span);
        let rpo = fields.optional(reader, "rpo", Reader::span);
        fields.finish(reader);
        Some(Self { rto, rpo })
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    #[test]
    fn keys_are_checked() {
        let plan = Plan::from_toml(
            "[backups]\nrepository = \"s3://paycraft-backups\"\nkeep = \"30 days\"\nschedule = \"24h\"\n\
             verified = \"7 days\"\nplatform = \"abcdefghijklmnopqrst\"\npitr = \"7 days\"\n\
             [objectives]\nrto = \"4h\"\nrpo = \"24h\"\n",
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert!(plan.names("backups"));
        for (text, needle) in [
            ("[backups]\n", "this section is empty"),
            ("[objectives]\n", "this section is empty"),
            ("[objectives]\nrpoo = \"24h\"\n", "did you mean rpo?"),
            ("[backups]\nrepositry = \"/b\"\n", "did you mean repository?"),
            ("[backups]\nrepository = \"https://b\"\n", "only s3://"),
            ("[backups]\nrepository = \"s3://key:word@b\"\n", "a user, a key"),
            ("[backups]\nkeep = \"30 days\"\n", "neither repository nor platform"),
            (
                "[backups]\nplatform = \"abcdefghijklmnopqrst\"\nkeep = \"30 days\"\n",
                "keep is about a repository",
            ),
            ("[backups]\nrepository = \"/b\"\npitr = \"7 days\"\n", "pitr is about a platform"),
            ("[backups]\nplatform = \"acme\"\n", "twenty lowercase letters"),
            ("[backups]\nrepository = \"/b\"\nkeep = 30\n", "a duration"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
