//! Annotations of a GitHub job: workflow commands, one a line.

use super::escape::terminal;
use super::view::View;
use super::{Report, Verdict};
use crate::finding::Severity;
use crate::text::count;

/// GitHub shows ten annotations a step and drops the rest.
const MOST: usize = 9;

impl Report {
    /// The worst nine findings as GitHub annotations, and a tenth that counts the rest.
    ///
    /// They hold names and counts, never samples of rows. What could not be found
    /// out is among them, unless so many findings are critical that they fill the nine.
    pub fn to_github_annotations(&self) -> String {
        let view = View::new(self);
        let mut all = Vec::new();
        for failure in &view.failures {
            all.push((0, "error", "drcore could not find out".to_owned(), failure.clone()));
        }
        for card in &view.findings {
            let (rank, level) = match card.severity {
                Severity::Critical => (1, "error"),
                Severity::Warning => (3, "warning"),
                Severity::Info => (4, "notice"),
            };
            let title = format!("drcore {}: {}", card.word(), card.object);
            all.push((rank, level, title, format!("{}\n{}", card.message, card.id)));
        }
        for gap in view.gaps.iter().filter(|gap| gap.counts) {
            let level = if self.verdict == Verdict::Failed { "warning" } else { "error" };
            all.push((2, level, format!("drcore {}: {}", gap.word, gap.check), gap.why.clone()));
        }
        all.sort_by_key(|(rank, ..)| *rank);
        let more = all.len().saturating_sub(MOST);
        let mut out: String =
            all.iter().take(MOST).map(|(_, level, title, message)| command(level, title, message)).collect();
        if more > 0 {
            let title = format!("drcore {}", view.verdict);
            let message =
                format!("{} more in the job summary\n{}\n{}", count(more as u64), view.sums, view.found);
            out.push_str(&command("notice", &title, &message));
        }
        out
    }
}

/// One workflow command. Source of the escapes: actions/toolkit, `packages/core/src/command.ts`.
fn command(level: &str, title: &str, message: &str) -> String {
    let title = data(&terminal(title)).replace(':', "%3A").replace(',', "%2C");
    let message: Vec<String> = message.lines().map(|line| data(&terminal(line))).collect();
    format!("::{level} title={title}::{}\n", message.join("%0A"))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::super::samples;

    #[test]
    fn rich() {
        insta::assert_snapshot!(samples::rich().to_github_annotations());
    }

    #[test]
    fn names_give_no_commands() {
        let annotations = samples::hostile().to_github_annotations();
        for line in annotations.lines() {
            let levels = ["::error title=", "::warning title=", "::notice title="];
            assert!(levels.iter().any(|level| line.starts_with(level)), "{line}");
            let title = line.split("::").nth(1).unwrap();
            assert!(!title[6..].contains([',', ':']), "{line}");
        }
        assert!(!annotations.contains(['\u{1b}', '\u{202e}', '\r']));
    }

    #[test]
    fn there_are_ten_at_most() {
        let annotations = samples::big(100).to_github_annotations();
        assert_eq!(annotations.lines().count(), 10);
        assert!(
            annotations.lines().last().unwrap().contains("::91 more in the job summary"),
            "{annotations}"
        );
    }

    #[test]
    fn an_unproven_report_is_annotated() {
        let annotations = samples::unreachable().to_github_annotations();
        assert!(annotations.starts_with("::error title=drcore could not find out::"), "{annotations}");
    }
}
