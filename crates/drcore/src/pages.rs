//! Pages about what is no check: `drcore explain` shows them, and so does this documentation.

/// A page.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The word that it is asked for by.
    pub topic: &'static str,
    /// What it is about, in a few words.
    pub summary: &'static str,
    /// Markdown.
    pub text: &'static str,
}

/// All pages.
pub static ALL: &[Page] = &[
    Page {
        topic: "connecting",
        summary: "connection strings, TLS, poolers and passwords, and where libpq differs",
        text: include_str!("pages/connecting.md"),
    },
    Page {
        topic: "copy",
        summary: "copying rows between live databases, what is left out, and what it proves",
        text: include_str!("pages/copy.md"),
    },
    Page {
        topic: "diff",
        summary: "comparing two databases, or one with a baseline, and what `same` means",
        text: include_str!("pages/diff.md"),
    },
    Page {
        topic: "drill",
        summary: "rehearsing a restore: what passes, and what is measured",
        text: include_str!("pages/drill.md"),
    },
    Page {
        topic: "errors",
        summary: "what an error says, in every language, and what none says",
        text: include_str!("pages/errors.md"),
    },
    Page {
        topic: "guard",
        summary: "what may be written to, and what is refused, case by case",
        text: include_str!("pages/guard.md"),
    },
    Page {
        topic: "inspect",
        summary: "reading a dump without a server, and what `whole` proves",
        text: include_str!("pages/inspect.md"),
    },
    Page {
        topic: "log",
        summary: "watching drcore at work, and the incident log",
        text: include_str!("pages/log.md"),
    },
    Page {
        topic: "platform",
        summary: "backups of the platform (Supabase), and going back in time there",
        text: include_str!("pages/platform.md"),
    },
    Page {
        topic: "repository",
        summary: "repositories of backups: what lies there, and how one is taken",
        text: include_str!("pages/repository.md"),
    },
    Page {
        topic: "restore",
        summary: "what a restore does, what it leaves out and why, and what it proves",
        text: include_str!("pages/restore.md"),
    },
    Page {
        topic: "review",
        summary: "the review of an incident, begun from what was recorded",
        text: include_str!("pages/review.md"),
    },
    Page {
        topic: "roles",
        summary: "which role to verify with, and what each can prove",
        text: include_str!("pages/roles.md"),
    },
    Page {
        topic: "shards",
        summary: "several processes or standbys that share the work of collecting",
        text: include_str!("pages/shards.md"),
    },
    Page {
        topic: "standby",
        summary: "what standbys, replicas and read-only servers can prove",
        text: include_str!("pages/standby.md"),
    },
    Page {
        topic: "time",
        summary: "deadline, timeouts and age of the snapshot, and what is read first",
        text: include_str!("pages/time.md"),
    },
];

#[doc = include_str!("pages/connecting.md")]
pub mod connecting {}

#[doc = include_str!("pages/diff.md")]
pub mod diff {}

#[doc = include_str!("pages/drill.md")]
pub mod drill {}

#[doc = include_str!("pages/errors.md")]
pub mod errors {}

#[doc = include_str!("pages/guard.md")]
pub mod guard {}

#[doc = include_str!("pages/inspect.md")]
pub mod inspect {}

#[doc = include_str!("pages/log.md")]
pub mod log {}

#[doc = include_str!("pages/platform.md")]
pub mod platform {}

#[doc = include_str!("pages/repository.md")]
pub mod repository {}

#[doc = include_str!("pages/restore.md")]
pub mod restore {}

#[doc = include_str!("pages/roles.md")]
pub mod roles {}

#[doc = include_str!("pages/shards.md")]
pub mod shards {}

#[doc = include_str!("pages/standby.md")]
pub mod standby {}

#[doc = include_str!("pages/time.md")]
pub mod time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_sorted_and_begin_with_their_topic() {
        assert!(ALL.is_sorted_by_key(|page| page.topic));
        for page in ALL {
            assert!(page.text.starts_with(&format!("# {}\n", page.topic)), "{}", page.topic);
        }
    }
}
