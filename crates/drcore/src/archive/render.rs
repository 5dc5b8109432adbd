//! An inspection as text and as Markdown.

use super::damage::ArchiveDamage;
use super::header::{ArchiveForm, ArchiveHeader, Compression};
use super::inspection::{Checksums, InspectVerdict, Inspection};
use super::table::{ArchiveTable, ArchiveTableState};
use crate::report::TextOptions;
use crate::report::markdown::{MarkdownCell, code, markdown_row, text};
use crate::report::text::page::{Page, Tone};
use crate::text::{count, instant, plural, size};

/// Damaged places, differences and tables that are shown; of more there is their number.
const SHOWN: usize = 20;
/// Names in one line.
const NAMED: usize = 8;
/// The widest column of names.
const WIDEST: usize = 44;

impl Inspection {
    /// As text for people.
    pub fn to_text(&self, options: TextOptions) -> String {
        let mut page = Page::new(options.width, options.color);
        self.headline(&mut page);
        self.bad(&mut page, options.verbose);
        self.table_of_rows(&mut page, options.verbose);
        self.around(&mut page, options.verbose);
        if let Some(entries) = &self.entries {
            page.blank();
            for entry in entries {
                let place = entry.schema.as_ref().map_or(String::new(), |schema| format!(" {schema}"));
                page.plain(&format!("{}; {}{place} {}", entry.dump_id, entry.kind, entry.name));
            }
        }
        page.blank();
        page.plain(&format!("exit {}", self.exit_code()));
        page.finish()
    }

    /// As GitHub-flavoured Markdown: all of it.
    pub fn to_markdown(&self) -> String {
        let (word, _) = self.word();
        let mut out = format!("# {word}\n\n**{}** · {}\n", text(&self.name), text(&self.sums()));
        for line in self.what_it_is() {
            out.truncate(out.trim_end().len());
            out.push_str(&format!("  \n{}\n", text(&line)));
        }
        let lists: [(&str, Vec<String>); 4] = [
            ("Damaged", self.damage.iter().map(ToString::to_string).collect()),
            (
                "Differences",
                self.differences.iter().map(|one| format!("{}: {}", one.object, one.message)).collect(),
            ),
            ("Could not find out", self.unproven.clone()),
            ("Notes", self.notes.clone()),
        ];
        for (title, lines) in lists.iter().filter(|(_, lines)| !lines.is_empty()) {
            out.push_str(&format!("\n## {title}\n\n"));
            for line in lines {
                out.push_str(&format!("- {}\n", text(line)));
            }
        }
        if !self.tables.is_empty() {
            out.push_str("\n## Tables\n\n| table | rows | data |\n|---|---:|---:|\n");
            for table in &self.tables {
                let (name, rows, bytes) = (table.shown(), rows_of(table), size(table.bytes));
                out.push_str(&markdown_row([
                    MarkdownCell::Code(&name),
                    MarkdownCell::Text(&rows),
                    MarkdownCell::Text(&bytes),
                ]));
            }
        }
        out.push('\n');
        for (label, names) in self.lists() {
            let names: Vec<String> = names.iter().map(|name| code(name)).collect();
            out.push_str(&format!("- {label}: {}\n", names.join(", ")));
        }
        out
    }

    fn word(&self) -> (&'static str, Tone) {
        match self.verdict {
            InspectVerdict::Damaged => ("DAMAGED", Tone::Bad),
            InspectVerdict::Differs => ("DIFFERS", Tone::Bad),
            InspectVerdict::Unproven => ("UNPROVEN", Tone::Unsure),
            InspectVerdict::Whole => ("WHOLE", Tone::Good),
        }
    }

    fn headline(&self, page: &mut Page) {
        let (word, tone) = self.word();
        page.labelled(word, tone, &format!("{} · {}", self.name, self.sums()));
        for line in self.what_it_is() {
            page.more(&line);
        }
        for note in &self.notes {
            page.more(note);
        }
    }

    /// `41 tables, 2,104,332 rows · 3 large objects`.
    fn sums(&self) -> String {
        let whole = self.tables.iter().filter(|table| table.state == ArchiveTableState::Whole).count();
        let broken = self.tables.iter().filter(|table| table.state == ArchiveTableState::Damaged).count();
        if self.archive.is_none() {
            return "nothing in it could be read".to_owned();
        }
        if !self.data_read {
            return format!("{} · data not read", plural(self.contents.values().sum(), "object"));
        }
        let mut parts =
            vec![format!("{}, {}", plural(whole as u64, "whole table"), plural(self.rows, "row"))];
        if whole == self.tables.len() {
            parts = vec![format!("{}, {}", plural(whole as u64, "table"), plural(self.rows, "row"))];
        }
        if broken > 0 {
            parts.push(format!("{} damaged", count(broken as u64)));
        }
        if self.large_objects.count > 0 {
            parts.push(plural(self.large_objects.count, "large object"));
        }
        parts.join(" · ")
    }

    /// What it says of itself, and what that is worth.
    fn what_it_is(&self) -> Vec<String> {
        let Some(header) = &self.archive else { return Vec::new() };
        let mut lines = vec![header.sentence()];
        let origin = header.origin();
        if !origin.is_empty() {
            lines.push(origin);
        }
        if let Some(against) = &self.against {
            let what = match (&against.dump, against.taken_at) {
                (Some(dump), _) => format!("the dump {dump}"),
                (None, Some(taken_at)) => format!("the baseline of {}", instant(taken_at)),
                (None, None) => "a baseline".to_owned(),
            };
            lines.push(format!("against {what}: {} compared", plural(against.tables, "table")));
        }
        if self.data_read {
            lines.push(
                match (self.checksums, header.form) {
                    (Some(Checksums::Everything), _) => "all of it is under a checksum",
                    (Some(Checksums::Data), _) => "its data is under checksums, its table of contents is not",
                    (_, ArchiveForm::Plain) => {
                        "nothing of it is under a checksum, and its last line is all that says it is whole"
                    }
                    _ => "nothing of it is under a checksum: a bit that flipped in a value shows nowhere",
                }
                .to_owned(),
            );
        }
        lines
    }

    /// What is wrong, the worst first.
    fn bad(&self, page: &mut Page, all: bool) {
        if !self.damage.is_empty() || !self.differences.is_empty() || !self.unproven.is_empty() {
            page.blank();
        }
        let shown = |length: usize| if all { length } else { length.min(SHOWN) };
        for damage in &self.damage[..shown(self.damage.len())] {
            page.labelled("DAMAGED", Tone::Bad, &damage.to_string());
            if let Some(rows) = self.rows_before(damage) {
                page.more(&format!("{} were there until it broke", plural(rows, "row")));
            }
        }
        more(page, self.damage.len(), shown(self.damage.len()), "damaged place");
        for one in &self.differences[..shown(self.differences.len())] {
            page.labelled("DIFFERS", Tone::Bad, &format!("{}: {}", one.object, one.message));
        }
        more(page, self.differences.len(), shown(self.differences.len()), "difference");
        for why in &self.unproven[..shown(self.unproven.len())] {
            page.labelled("UNPROVEN", Tone::Unsure, why);
        }
        more(page, self.unproven.len(), shown(self.unproven.len()), "reason");
    }

    fn rows_before(&self, damage: &ArchiveDamage) -> Option<u64> {
        let object = damage.object.as_ref()?;
        let table = self.tables.iter().find(|table| table.shown() == *object)?;
        table.rows_read.filter(|rows| *rows > 0)
    }

    /// Rows of each table, the largest first.
    fn table_of_rows(&self, page: &mut Page, all: bool) {
        let mut tables: Vec<&ArchiveTable> = self.tables.iter().collect();
        tables.sort_by_key(|table| std::cmp::Reverse((table.rows.or(table.rows_read), table.bytes)));
        let shown = if all { tables.len() } else { tables.len().min(SHOWN) };
        if shown == 0 {
            return;
        }
        page.blank();
        let names: Vec<String> = tables[..shown].iter().map(|table| table.shown()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().clamp(5, WIDEST);
        page.plain(&format!("{:<width$}  {:>15}  {:>9}", "table", "rows", "data"));
        for (table, name) in tables.iter().zip(&names) {
            page.plain(&format!("{name:<width$}  {:>15}  {:>9}", rows_of(table), size(table.bytes)));
        }
        more(page, tables.len(), shown, "table");
    }

    fn around(&self, page: &mut Page, all: bool) {
        let lists = self.lists();
        if !lists.is_empty() {
            page.blank();
        }
        for (label, names) in lists {
            page.labelled(label, Tone::Quiet, &some(&names, all));
        }
    }

    /// What else there is to know: a word, and names.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let holds = self.contents.iter().map(|(kind, number)| format!("{} {kind}", count(*number))).collect();
        [
            ("no data", self.without_data.clone()),
            ("schemas", self.schemas.clone()),
            ("needs", self.extensions.iter().map(|name| format!("extension {name}")).collect()),
            ("owners", self.owners.clone()),
            ("holds", holds),
        ]
        .into_iter()
        .filter(|(_, names): &(_, Vec<String>)| !names.is_empty())
        .collect()
    }
}

impl ArchiveHeader {
    /// `pg_dump -Fc, archive version 1.14, gzip; compressed as a whole by gzip`.
    fn sentence(&self) -> String {
        let mut parts = vec![
            match self.form {
                ArchiveForm::Custom => "custom archive (pg_dump -Fc)",
                ArchiveForm::Directory => "directory archive (pg_dump -Fd)",
                ArchiveForm::Plain => "plain SQL",
                ArchiveForm::Tar => "tar archive (pg_dump -Ft)",
            }
            .to_owned(),
        ];
        parts.extend(self.version.as_ref().map(|version| format!("version {version}")));
        if self.form != ArchiveForm::Plain {
            parts.push(match self.compression {
                Compression::None => "not compressed".to_owned(),
                other => other.as_str().to_owned(),
            });
        }
        if !self.wrapped.is_empty() {
            let names: Vec<&str> = self.wrapped.iter().rev().map(|one| one.as_str()).collect();
            parts.push(format!("then compressed as a whole by {}", names.join(" and ")));
        }
        parts.join(", ")
    }

    /// Where it comes from, as it says.
    fn origin(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.database.as_ref().map(|database| format!("db {database}")));
        parts.extend(self.server_version.as_ref().map(|version| format!("server {}", number(version))));
        parts.extend(self.dump_version.as_ref().map(|version| format!("pg_dump {}", number(version))));
        parts.extend(
            self.begun.as_ref().map(|at| format!("begun {} by the clock there", at.replace('T', " "))),
        );
        parts.extend(self.encoding.clone());
        let is_told =
            self.form == ArchiveForm::Plain && (self.server_version.is_some() || self.dump_version.is_some());
        if is_told {
            parts.push("as its comments say".to_owned());
        }
        parts.join(" · ")
    }
}

/// A version without who built it: `15.18 (Debian 15.18-0+deb12u1)`.
fn number(version: &str) -> &str {
    version.split(' ').next().unwrap_or(version)
}

/// `1,234`, or what is known instead.
fn rows_of(table: &ArchiveTable) -> String {
    match (table.state, table.rows) {
        (ArchiveTableState::Whole, Some(rows)) => count(rows),
        (ArchiveTableState::Damaged, _) => "damaged".to_owned(),
        _ => "unread".to_owned(),
    }
}

/// The first names, and how many more.
fn some(names: &[String], all: bool) -> String {
    if all || names.len() <= NAMED {
        return names.join(", ");
    }
    format!("{} and {} more (-v)", names[..NAMED].join(", "), count((names.len() - NAMED) as u64))
}

fn more(page: &mut Page, all: usize, shown: usize, what: &str) {
    if all > shown {
        page.more(&format!("+ {} more (-v)", plural((all - shown) as u64, what)));
    }
}
