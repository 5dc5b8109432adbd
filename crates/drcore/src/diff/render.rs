//! A comparison as text.

use super::report::{
    DiffOutcome, DiffReport, DiffRow, DiffSide, DiffTable, DiffVerdict, LoneTable, RowChange, SideKind,
};
use crate::report::TextOptions;
use crate::report::text::page::{Page, Tone};
use crate::sql::ident;
use crate::text::{count, instant, list, plural};

/// Tables that are the same, or left out, by name; of more there is their number.
const NAMED: usize = 8;

impl DiffReport {
    /// As text for people, without values of rows.
    pub fn to_text(&self, options: TextOptions) -> String {
        self.without_values().to_text_with_values(options)
    }

    /// As text for people, with the values of the rows that it shows, where they were read.
    pub fn to_text_with_values(&self, options: TextOptions) -> String {
        let mut page = Page::new(options.width, options.color);
        self.headline(&mut page);
        for table in self.tables.iter().filter(|table| table.outcome == DiffOutcome::Different) {
            page.blank();
            table.show(&mut page);
        }
        let settled: Vec<&DiffTable> = self.tables.iter().filter(|table| table.settled_whole).collect();
        if !settled.is_empty() {
            page.blank();
        }
        for table in settled {
            let rows = if table.settled > 0 { plural(table.settled, "row") } else { "some rows".to_owned() };
            page.labelled(
                "settled",
                Tone::Warn,
                &format!("{}: {rows} differed at first, and not when read again", table.table),
            );
        }
        if let Some(structure) = &self.structure {
            structure.show(&mut page, options.verbose);
        }
        if !self.only_in_a.is_empty() || !self.only_in_b.is_empty() {
            page.blank();
        }
        for (side, tables) in [("ONLY A", &self.only_in_a), ("ONLY B", &self.only_in_b)] {
            for table in tables {
                page.labelled(side, Tone::Bad, &format!("{}{}", table.table, table.counted()));
            }
        }
        if !self.unread.is_empty() {
            page.blank();
        }
        for unread in &self.unread {
            let side =
                unread.side.as_ref().map_or(String::new(), |side| format!(" in {}", side.to_uppercase()));
            page.labelled(
                "UNREAD",
                Tone::Unsure,
                &format!("{}{side}: {}", unread.object, unread.cause.message),
            );
            if let Some(hint) = &unread.cause.hint {
                page.more(hint);
            }
        }
        page.blank();
        self.last_lines(&mut page, options.verbose);
        page.finish()
    }

    fn headline(&self, page: &mut Page) {
        let (word, tone) = match self.verdict {
            DiffVerdict::Different => ("DIFFERS", Tone::Bad),
            DiffVerdict::Same => ("SAME", Tone::Good),
            DiffVerdict::Unproven => ("UNPROVEN", Tone::Unsure),
        };
        let (same, different) = (self.count(DiffOutcome::Same), self.count(DiffOutcome::Different));
        let mut parts = Vec::new();
        for (number, what) in
            [(different, "different"), (self.count(DiffOutcome::Unread), "not compared"), (same, "the same")]
        {
            if number > 0 {
                let number = number as u64;
                parts.push(
                    if parts.is_empty() { plural(number, "table") } else { count(number) } + " " + what,
                );
            }
        }
        for (tables, side) in [(&self.only_in_a, "A"), (&self.only_in_b, "B")] {
            if !tables.is_empty() {
                parts.push(format!("{} only in {side}", count(tables.len() as u64)));
            }
        }
        if self.verdict == DiffVerdict::Same {
            let rows: u64 = self.tables.iter().filter_map(|table| table.rows_a).sum();
            parts = vec![format!("{}, {}", plural(same as u64, "table"), plural(rows, "row"))];
            if self.tables.iter().any(|table| !table.columns.is_empty()) {
                parts.push("in the columns that both sides have".to_owned());
            }
            if self.tables.iter().any(|table| table.settled_whole) {
                parts.push("what differed at first has settled".to_owned());
            }
        }
        if let Some(structure) = self.structure.as_ref().filter(|own| !own.compared.is_empty()) {
            parts = vec![structure.headline()];
        }
        if parts.is_empty() {
            parts.push("nothing was compared".to_owned());
        }
        page.labelled(word, tone, &parts.join(" · "));
        for (name, side) in [("A", &self.a), ("B", &self.b)] {
            page.field(name, 3, &side.sentence());
            if let Some(failure) = &side.run.failure {
                page.field("", 3, &format!("ended early: {}", failure.message));
            }
            if let Some(warning) = side.run.standby_warning() {
                page.field("", 3, warning);
            }
        }
        for note in &self.notes {
            page.more(note);
        }
    }

    fn last_lines(&self, page: &mut Page, verbose: bool) {
        if self.verdict == DiffVerdict::Same {
            for table in self.tables.iter().filter(|table| !table.columns.is_empty()) {
                let columns = format!("{}: {}", table.table, table.columns_sentence());
                page.labelled("columns", Tone::Warn, &columns);
            }
        } else {
            let same = self.tables.iter().filter(|table| table.outcome == DiffOutcome::Same);
            let names: Vec<String> = same.map(|table| table.table.to_string()).collect();
            if !names.is_empty() {
                page.labelled("same", Tone::Good, &some(&names, verbose));
            }
        }
        let mut reasons: Vec<&str> = self.left_out.iter().map(|table| table.reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let tables = self.left_out.iter().filter(|table| table.reason == reason);
            let names: Vec<String> = tables.map(|table| table.table.to_string()).collect();
            page.labelled("left out", Tone::Warn, &format!("{} ({reason})", some(&names, verbose)));
        }
        page.plain(&format!("exit {}", self.exit_code()));
    }
}

/// `amount 12.00 → 13.00, note NULL → x`; of a row that only one side has all that it holds.
fn values_of(row: &DiffRow) -> String {
    let shown = |value: Option<&Option<String>>| match value {
        Some(Some(value)) if value.is_empty() => "''".to_owned(),
        Some(Some(value)) => value.clone(),
        Some(None) => "NULL".to_owned(),
        None => "?".to_owned(),
    };
    let parts: Vec<String> = match (&row.a, &row.b) {
        (Some(a), Some(b)) => row
            .columns
            .iter()
            .map(|name| format!("{} {} → {}", ident(name), shown(a.get(name)), shown(b.get(name))))
            .collect(),
        (Some(one), None) | (None, Some(one)) => {
            one.iter().map(|(name, value)| format!("{} {}", ident(name), shown(Some(value)))).collect()
        }
        (None, None) => Vec::new(),
    };
    if parts.is_empty() { "the columns that differ were not told".to_owned() } else { parts.join(", ") }
}

/// The first names, and how many more.
fn some(names: &[String], all: bool) -> String {
    if all || names.len() <= NAMED {
        return list(names);
    }
    format!("{} and {} more (-v)", names[..NAMED].join(", "), names.len() - NAMED)
}

impl DiffSide {
    /// `localhost:5432 · db app · 2026-11-20 02:00:03Z`.
    fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if self.kind == SideKind::Baseline {
            parts.push(match &self.file {
                Some(file) => format!("baseline {file}"),
                None => "a baseline".to_owned(),
            });
        }
        match (&self.run.project, &self.run.host) {
            (Some(project), _) => parts.push(format!("project {project}")),
            (None, Some(host)) => parts.push(host.clone()),
            (None, None) => {}
        }
        if let Some(server) = &self.run.server {
            parts.push(format!("db {}", server.database));
        }
        parts.extend(self.run.standby_sentence());
        parts.push(instant(self.run.taken_at));
        parts.join(" · ")
    }
}

impl LoneTable {
    fn counted(&self) -> String {
        self.rows.map_or(String::new(), |rows| format!(": {}", plural(rows, "row")))
    }
}

impl DiffTable {
    fn columns_sentence(&self) -> String {
        let columns = &self.columns;
        let sorts = [
            ("only in A", &columns.only_in_a),
            ("only in B", &columns.only_in_b),
            ("of another type", &columns.retyped),
        ];
        let parts: Vec<String> = sorts
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| {
                let names: Vec<String> = names.iter().map(|name| ident(name)).collect();
                format!("{what} {}", names.join(", "))
            })
            .collect();
        parts.join("; ")
    }

    fn show(&self, page: &mut Page) {
        page.labelled("DIFFERS", Tone::Bad, &format!("{}: {}", self.table, self.summary()));
        if let Some(why) = &self.untold {
            page.more(&format!("which rows they are could not be told: {why}"));
        }
        if !self.changed_columns.is_empty() {
            let columns: Vec<String> = self
                .changed_columns
                .iter()
                .map(|column| format!("{} in {}", ident(&column.column), plural(column.rows, "row")))
                .collect();
            page.field("columns", 10, &some(&columns, false));
        }
        for (rows, what) in [
            (self.settled, "differed at first, and not when read again"),
            (self.in_motion, "differed another way at each reading"),
        ] {
            if rows > 0 {
                page.more(&format!("{} {what}", plural(rows, "row")));
            }
        }
        for change in [RowChange::OnlyInA, RowChange::OnlyInB, RowChange::Changed] {
            let rows: Vec<&DiffRow> = self.rows.iter().filter(|row| row.change == change).collect();
            self.show_rows(page, change, &rows);
        }
    }

    /// `3 rows only in A, 1 changed (48,213 in A, 48,210 in B)`.
    fn summary(&self) -> String {
        let mut parts = Vec::new();
        if !self.columns.is_empty() {
            parts.push(format!("columns {}", self.columns_sentence()));
        }
        let mut counted = false;
        for (number, what) in
            [(self.only_in_a, "only in A"), (self.only_in_b, "only in B"), (self.changed, "changed")]
        {
            if let Some(number @ 1..) = number {
                let number = if counted { count(number) } else { plural(number, "row") };
                counted = true;
                parts.push(format!("{number} {what}"));
            }
        }
        if parts.is_empty() {
            parts.push("not the same rows".to_owned());
        }
        let rows = match (self.rows_a, self.rows_b) {
            (Some(a), Some(b)) if a == b => format!(" ({} on both sides)", count(a)),
            (Some(a), Some(b)) => format!(" ({} in A, {} in B)", count(a), count(b)),
            _ => String::new(),
        };
        parts.join(", ") + &rows
    }

    fn show_rows(&self, page: &mut Page, change: RowChange, rows: &[&DiffRow]) {
        let shown: Vec<String> =
            rows.iter().filter(|row| !row.key.is_empty()).map(|row| self.key_of(row)).collect();
        if shown.is_empty() {
            return;
        }
        let (what, total) = match change {
            RowChange::OnlyInA => ("only in A", self.only_in_a),
            RowChange::OnlyInB => ("only in B", self.only_in_b),
            RowChange::Changed => ("changed", self.changed),
        };
        let more = total.unwrap_or_default().saturating_sub(rows.iter().map(|row| row.times).sum());
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        let names: Vec<String> = self.key.iter().map(|name| ident(name)).collect();
        page.field(what, 10, &format!("{} {}{more}", names.join("/"), shown.join(", ")));
        for row in rows.iter().filter(|row| row.a.is_some() || row.b.is_some()) {
            page.field("", 12, &format!("{}: {}", self.key_of(row), values_of(row)));
        }
    }

    /// `17`, `4/2026-01-21`.
    fn key_of(&self, row: &DiffRow) -> String {
        let value = |name: &String| row.key.get(name).and_then(Option::as_deref).unwrap_or("…");
        self.key.iter().map(value).collect::<Vec<_>>().join("/")
    }
}
