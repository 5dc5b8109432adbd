//! The report as text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{GapReport, GapTable, GapVerdict};
use crate::report::{terminal, without_commands};
use crate::sql::ident;
use crate::text::{count, instant, plural};

/// Tenants that the matrix shows.
const TENANTS: usize = 12;
/// Tables that the matrix shows.
const TABLES: usize = 5;
/// Hours that the histogram shows.
const HOURS: usize = 48;
/// The longest bar.
const BAR: u64 = 30;
/// Rows of a table in HTML, its head among them.
const HTML_ROWS: usize = 40;
/// Characters of one cell in HTML, and of one text: tenants are called as somebody likes.
const HTML_CELL: usize = 100;
const HTML_TEXT: usize = 2_000;
const PRE: &str = "margin:0;white-space:pre-wrap;background:none;color:inherit";

impl GapReport {
    /// The report as plain text: totals, table × tenant, hours.
    pub fn to_text(&self) -> String {
        let mut text = self.headline();
        for (title, grid) in self.grids() {
            if !title.is_empty() {
                text.push_str(&format!("\n{title}"));
            }
            text.push_str(&format!("\n{}", grid.render()));
        }
        text.push_str(&self.left_out());
        without_commands(&text).into_owned()
    }

    /// The report as an HTML fragment for a notebook: styled inline, below 100 kB.
    pub fn to_html_fragment(&self) -> String {
        let mut html = String::from("<div style=\"max-width:60em;text-align:left\">");
        html.push_str(&format!("<pre style=\"{PRE}\">{}</pre>", escape(&cut(&self.headline(), HTML_TEXT))));
        for (title, grid) in self.grids() {
            if !title.is_empty() {
                html.push_str(&format!(
                    "<div style=\"margin-top:.6em\">{}</div>",
                    escape(&cut(&title, HTML_TEXT))
                ));
            }
            grid.html(&mut html);
        }
        let left_out = self.left_out();
        if !left_out.is_empty() {
            html.push_str(&format!(
                "<details><summary>{} not covered, {} could not be read</summary><pre style=\"{PRE}\">{}</pre></details>",
                plural(self.not_covered.len() as u64, "table"),
                count(self.unread.len() as u64),
                escape(&cut(left_out.trim(), HTML_TEXT)),
            ));
        }
        html.push_str("</div>");
        html
    }

    /// Totals, table × tenant, hours: each with its title.
    fn grids(&self) -> Vec<(String, Grid)> {
        let totals = self.totals().map(|grid| (String::new(), grid));
        let hours = self.histogram().map(|grid| (String::new(), grid));
        totals.into_iter().chain(self.matrix()).chain(hours).collect()
    }

    fn headline(&self) -> String {
        let since = instant(self.since);
        let mut text = match self.verdict {
            GapVerdict::Found => format!("GAP      {} created after {since}\n", plural(self.rows, "row")),
            GapVerdict::Unproven => format!("UNPROVEN what was created after {since}\n"),
        };
        let database = self.run.server.as_ref().map(|server| format!("db {} · ", terminal(&server.database)));
        let standby = self.run.standby_sentence().map(|sentence| format!("{sentence} · "));
        text.push_str(&format!(
            "         {}{}{} asked, {} not covered, {} could not be read\n",
            database.unwrap_or_default(),
            standby.unwrap_or_default(),
            plural(self.tables.len() as u64, "table"),
            count(self.not_covered.len() as u64),
            count(self.unread.len() as u64),
        ));
        for note in &self.notes {
            text.push_str(&format!("         {}\n", terminal(note)));
        }
        text
    }

    fn totals(&self) -> Option<Grid> {
        if self.tables.is_empty() {
            return None;
        }
        let mut table = Grid::new(&["table".to_owned(), "rows".to_owned(), "by".to_owned()], vec![1]);
        for GapTable { table: name, column, rows, undated, zoneless, .. } in &self.tables {
            let mut by = ident(column);
            if *zoneless {
                by.push_str(" (taken as UTC)");
            }
            if *undated > 0 {
                by.push_str(&format!(", {} undated", count(*undated)));
            }
            table.add(&[name.to_string(), count(*rows), by]);
        }
        table.add(&["all".to_owned(), count(self.rows), String::new()]);
        Some(table)
    }

    /// Tenants by tables. What the lists do not hold stands in the last line, so that the sums add up.
    fn matrix(&self) -> Option<(String, Grid)> {
        let column = self.tenant_column.as_ref()?;
        let tables: Vec<&GapTable> = self.tables.iter().filter(|table| table.by_tenant).collect();
        let (shown, others) = tables.split_at(tables.len().min(TABLES));
        let mut sums: BTreeMap<Option<&str>, u64> = BTreeMap::new();
        for table in &tables {
            for row in &table.tenants {
                *sums.entry(row.tenant.as_deref()).or_default() += row.rows;
            }
        }
        if sums.is_empty() {
            return None;
        }
        let mut order: Vec<(Option<&str>, u64)> = sums.into_iter().collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let named = |order: &[(Option<&str>, u64)]| {
            order.iter().filter(|(tenant, _)| tenant.is_some()).count() as u64
        };
        let listed = named(&order);
        order.truncate(TENANTS);

        let mut head = vec![ident(column)];
        head.extend(shown.iter().map(|table| table.table.name.clone()));
        if !others.is_empty() {
            head.push(format!("{} more", others.len()));
        }
        head.push("all".to_owned());
        let numbers: Vec<usize> = (1..head.len()).collect();
        let mut grid = Grid::new(&head, numbers);
        let cells = |of: &dyn Fn(&GapTable) -> u64| {
            let mut cells: Vec<u64> = shown.iter().map(|table| of(table)).collect();
            if !others.is_empty() {
                cells.push(others.iter().map(|table| of(table)).sum());
            }
            cells.push(cells.iter().sum());
            cells
        };
        let mut rest = cells(&|table| table.rows);
        let all = rest.clone();
        for (tenant, _) in &order {
            let row = cells(&|table| {
                table.tenants.iter().filter(|row| row.tenant.as_deref() == *tenant).map(|row| row.rows).sum()
            });
            for (left, taken) in rest.iter_mut().zip(&row) {
                *left = left.saturating_sub(*taken);
            }
            grid.add_numbers(tenant.unwrap_or("(no tenant)"), &row);
        }
        if rest.iter().any(|left| *left > 0) {
            grid.add_numbers("others", &rest);
        }
        grid.add_numbers("all", &all);
        // Lists that end early may hold other tenants each: then the number is a lower bound.
        let total = tables.iter().map(|table| table.tenants_total).max().unwrap_or(0).max(listed);
        let bounded = tables.iter().any(|table| table.tenants_total > table.tenants.len() as u64);
        let at_least = if bounded { "at least " } else { "" };
        let mut title = format!("{} of {at_least}{}", count(named(&order)), plural(total, "tenant"));
        let elsewhere: u64 =
            self.tables.iter().filter(|table| !table.by_tenant).map(|table| table.rows).sum();
        if elsewhere > 0 {
            title.push_str(&format!(
                ", without {} of tables that have no {}",
                plural(elsewhere, "row"),
                terminal(&ident(column))
            ));
        }
        Some((title, grid))
    }

    fn histogram(&self) -> Option<Grid> {
        let mut hours: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for row in self.tables.iter().flat_map(|table| &table.hours) {
            *hours.entry(row.hour).or_default() += row.rows;
        }
        if hours.is_empty() {
            return None;
        }
        let largest = hours.values().copied().max().unwrap_or(1).max(1);
        let listed: u64 = hours.values().sum();
        let mut grid = Grid::new(&["hour (UTC)".to_owned(), "rows".to_owned(), String::new()], vec![1]);
        let mut shown = 0;
        for (hour, rows) in hours.iter().take(HOURS) {
            shown += rows;
            let length = (rows.saturating_mul(BAR) / largest).max(1);
            let bar = "█".repeat(usize::try_from(length).unwrap_or(1));
            grid.add(&[hour.strftime("%Y-%m-%d %H:00").to_string(), count(*rows), bar]);
        }
        if self.rows > shown {
            grid.add(&["later".to_owned(), count(self.rows - shown), String::new()]);
        }
        // Every covered row is of some hour: the lists may end early, the totals do not.
        debug_assert!(listed <= self.rows);
        Some(grid)
    }

    fn left_out(&self) -> String {
        let mut text = String::new();
        if !self.not_covered.is_empty() {
            text.push_str("\nNOT COVERED\n");
            // One line a reason: a schema of settings may have many.
            let reasons: BTreeSet<&str> = self.not_covered.iter().map(|left| left.reason.as_str()).collect();
            for reason in reasons {
                let names: Vec<String> = self
                    .not_covered
                    .iter()
                    .filter(|left| left.reason == reason)
                    .map(|left| left.table.to_string())
                    .collect();
                text.push_str(&format!("  {}: {}\n", terminal(reason), terminal(&names.join(", "))));
            }
        }
        if !self.unread.is_empty() {
            text.push_str("\nCOULD NOT BE READ\n");
            for unread in &self.unread {
                text.push_str(&format!(
                    "  {}: {}\n",
                    terminal(&unread.object),
                    terminal(&unread.cause.message)
                ));
                if let Some(hint) = &unread.cause.hint {
                    text.push_str(&format!("    {}\n", terminal(hint)));
                }
            }
        }
        text
    }
}

/// Columns that line up.
struct Grid {
    rows: Vec<Vec<String>>,
    /// The columns that are aligned to the right.
    right: Vec<usize>,
}

impl Grid {
    fn new(head: &[String], right: Vec<usize>) -> Self {
        let mut grid = Self { rows: Vec::new(), right };
        grid.add(head);
        grid
    }

    fn add(&mut self, row: &[String]) {
        self.rows.push(row.iter().map(|cell| terminal(cell).into_owned()).collect());
    }

    fn add_numbers(&mut self, name: &str, numbers: &[u64]) {
        let mut row = vec![name.to_owned()];
        row.extend(numbers.iter().map(|number| count(*number)));
        self.add(&row);
    }

    /// As a table: the first rows, and the last, which is the sum.
    fn html(&self, html: &mut String) {
        html.push_str("<table style=\"border-collapse:collapse;font-variant-numeric:tabular-nums\">");
        let left_out = self.rows.len().saturating_sub(HTML_ROWS + 1);
        for (at, row) in self.rows.iter().enumerate() {
            if at == HTML_ROWS && left_out > 0 {
                html.push_str(&format!("<tr><td>and {} more</td></tr>", count(left_out as u64)));
            }
            if at >= HTML_ROWS && at + 1 < self.rows.len() {
                continue;
            }
            let tag = if at == 0 { "th" } else { "td" };
            html.push_str("<tr>");
            for (at, cell) in row.iter().enumerate() {
                let align = if self.right.contains(&at) { "right" } else { "left" };
                let text = escape(&cut(cell, HTML_CELL));
                html.push_str(&format!("<{tag} style=\"text-align:{align};padding:1px 8px\">{text}</{tag}>"));
            }
            html.push_str("</tr>");
        }
        html.push_str("</table>");
    }

    fn render(&self) -> String {
        use unicode_width::UnicodeWidthStr as _;
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(" ");
            for (at, cell) in row.iter().enumerate() {
                let space = " ".repeat(widths[at].saturating_sub(cell.width()));
                if self.right.contains(&at) {
                    line.push_str(&format!(" {space}{cell}"));
                } else {
                    line.push_str(&format!(" {cell}{space}"));
                }
                line.push(' ');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn escape(text: &str) -> String {
    askama::filters::escape(text, askama::filters::Html)
        .map_or_else(|never| match never {}, |safe| safe.to_string())
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
