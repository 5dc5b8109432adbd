//! An audit as text: verdict first, buckets, what is wrong, what was not seen.

use super::audit::StorageReport;
use crate::evidence::{BucketFiles, Files};
use crate::finding::{Finding, Severity};
use crate::report::text::page::{Page, Tone};
use crate::report::{TextOptions, Verdict};
use crate::secret::redacted;
use crate::text::{count, plural, seconds};

/// Buckets that are shown without `-v`: those with most that is wrong.
const BUCKETS: usize = 12;
/// Files of each thing that is wrong that are shown.
const SAMPLES: usize = 5;
/// Names of buckets are cut to so many characters.
const NAME: usize = 24;

impl StorageReport {
    /// As text, 80 columns wide where nobody says otherwise.
    ///
    /// Names are escaped for a terminal, whoever chose them.
    pub fn to_text(&self, options: TextOptions) -> String {
        let mut page = Page::new(options.width, options.color);
        self.head(&mut page);
        if let Some(files) = &self.files {
            buckets(&mut page, files, options.verbose);
        }
        self.findings(&mut page, options.verbose);
        for unread in &self.check.unread {
            page.labelled("UNREAD", Tone::Unsure, &format!("{}: {}", unread.object, unread.cause.message));
            if let Some(hint) = &unread.cause.hint {
                page.more(hint);
            }
        }
        if self.check.unread.is_empty()
            && self.verdict == Verdict::Unproven
            && let Some(note) = &self.check.note
        {
            page.labelled("NOT RUN", Tone::Unsure, note);
        }
        for note in &self.notes {
            page.labelled("NOTE", Tone::Quiet, note);
        }
        page.blank();
        if let Some(files) = &self.files {
            page.plain(&files.vantage);
        }
        page.plain(&format!("exit {}", self.exit_code()));
        if self.files.as_ref().is_some_and(|files| !files.is_whole()) {
            page.plain("next     drcore storage audit … -o files.ndjson   every file (or .csv)");
        }
        page.finish()
    }

    fn head(&self, page: &mut Page) {
        let (word, tone) = match self.verdict {
            Verdict::Failed => ("FAILED", Tone::Bad),
            Verdict::Passed => ("PASSED", Tone::Good),
            Verdict::Unproven => ("UNPROVEN", Tone::Unsure),
        };
        let mut parts = Vec::new();
        if let Some(files) = &self.files {
            parts.push(files.store.clone());
            if !files.tenant.is_empty() {
                parts.push(format!("tenant {}", files.tenant));
            }
        }
        if let Some(server) = &self.run.server {
            parts.push(format!("db {}", server.database));
        }
        parts.extend(self.run.standby_sentence());
        parts.push(format!("took {}", seconds(self.run.elapsed_ms)));
        page.labelled(word, tone, &parts.join(" · "));
        if let Some(files) = &self.files {
            let asked = files.asked.map(|asked| format!("{} asked for", count(asked)));
            let mut sums = vec![plural(files.rows, "row")];
            sums.extend(asked);
            sums.push(format!("{} ({})", plural(files.objects, "file"), plural(files.bytes, "byte")));
            sums.push(plural(files.buckets.len() as u64, "bucket"));
            page.more(&sums.join(" · "));
        }
        if let Some(failure) = &self.run.failure {
            page.more(&format!("ended early: {}", failure.message));
            if let Some(hint) = &failure.hint {
                page.more(hint);
            }
        }
        page.blank();
    }

    /// The first files that a finding is about.
    fn samples(&self, finding: &Finding) -> &[String] {
        let bucket = self.files.as_ref().and_then(|files| files.buckets.get(&finding.common().object));
        let odd = bucket.and_then(|bucket| match finding {
            Finding::AlteredFiles(_) => Some(&bucket.checksum_differs),
            Finding::FilesWithoutBucket(_) | Finding::UnreferencedFiles(_) => Some(&bucket.unreferenced),
            Finding::MissingFiles(_) => Some(&bucket.missing),
            Finding::ResizedFiles(_) => Some(&bucket.size_differs),
            _ => None,
        });
        odd.map(|odd| odd.samples.as_slice()).unwrap_or_default()
    }

    fn findings(&self, page: &mut Page, verbose: bool) {
        for finding in &self.check.findings {
            let common = finding.common();
            let (word, tone) = match common.severity {
                Severity::Critical => ("CRITICAL", Tone::Bad),
                Severity::Info => ("INFO", Tone::Plain),
                Severity::Warning => ("WARNING", Tone::Warn),
            };
            page.labelled(word, tone, &common.message);
            let samples = self.samples(finding);
            let shown = if verbose { samples.len() } else { samples.len().min(SAMPLES) };
            for sample in &samples[..shown] {
                page.more(&format!("- {}", redacted(sample)));
            }
            if let Some(hint) = &common.hint {
                page.more(hint);
            }
            page.id(&common.id);
        }
        for accepted in &self.check.accepted {
            page.labelled(
                "accepted",
                Tone::Quiet,
                &format!("{}: {}", accepted.finding.id(), accepted.reason),
            );
        }
        page.blank();
    }
}

/// How much is wrong with a bucket.
fn wrong(bucket: &BucketFiles) -> u64 {
    [&bucket.missing, &bucket.size_differs, &bucket.checksum_differs, &bucket.unreferenced]
        .iter()
        .map(|odd| odd.files)
        .sum()
}

/// A line a bucket, those with most that is wrong first.
fn buckets(page: &mut Page, files: &Files, verbose: bool) {
    let mut buckets: Vec<(&String, &BucketFiles)> = files.buckets.iter().collect();
    buckets.sort_by_key(|(name, bucket)| (std::cmp::Reverse(wrong(bucket)), *name));
    if buckets.is_empty() {
        return;
    }
    let shown = if verbose { buckets.len() } else { buckets.len().min(BUCKETS) };
    let line = |cells: [&str; 6]| {
        let [name, rest @ ..] = cells;
        let mut text = format!("{name:NAME$}");
        for cell in rest {
            text.push_str(&format!("{cell:>11}"));
        }
        text
    };
    page.plain(&line(["bucket", "rows", "files", "missing", "other", "no row"]));
    for (name, bucket) in &buckets[..shown] {
        let cut: String = name.chars().take(NAME - 1).collect();
        let other = bucket.size_differs.files + bucket.checksum_differs.files;
        let unreferenced =
            if files.asked.is_some() { "?".to_owned() } else { count(bucket.unreferenced.files) };
        page.plain(&line([
            &cut,
            &count(bucket.rows),
            &count(bucket.objects),
            &count(bucket.missing.files),
            &count(other),
            &unreferenced,
        ]));
    }
    if buckets.len() > shown {
        page.plain(&format!("+ {} (-v shows all)", plural((buckets.len() - shown) as u64, "more bucket")));
    }
    page.blank();
}
