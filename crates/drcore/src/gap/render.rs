//! The report as text.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{GapReport, GapTable, GapVerdict};
use crate::report::terminal;
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

impl GapReport {
    /// The report as plain text: totals, table × tenant, hours.
    pub fn to_text(&self) -> String {
        let mut text = self.headline();
        text.push_str(&self.totals());
        text.push_str(&self.matrix());
        text.push_str(&self.histogram());
        text.push_str(&self.left_out());
        text
    }

    fn headline(&self) -> String {
        let since = instant(self.since);
        let mut text = match self.verdict {
            GapVerdict::Found => format!("GAP      {} created after {since}\n", plural(self.rows, "row")),
            GapVerdict::Unproven => format!("UNPROVEN what was created after {since}\n"),
        };
        let database = self.run.server.as_ref().map(|server| format!("db {} · ", terminal(&server.database)));
        text.push_str(&format!(
            "         {}{} asked, {} not covered, {} could not be read\n",
            database.unwrap_or_default(),
            plural(self.tables.len() as u64, "table"),
            count(self.not_covered.len() as u64),
            count(self.unread.len() as u64),
        ));
        for note in &self.notes {
            text.push_str(&format!("         {}\n", terminal(note)));
        }
        text
    }

    fn totals(&self) -> String {
        let mut table = Grid::new(&["table".to_owned(), "rows".to_owned(), "by".to_owned()]);
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
        if self.tables.is_empty() { String::new() } else { format!("\n{}", table.render(&[1])) }
    }

    /// Tenants by tables. What the lists do not hold stands in the last line, so that the sums add up.
    fn matrix(&self) -> String {
        let Some(column) = &self.tenant_column else { return String::new() };
        let tables: Vec<&GapTable> = self.tables.iter().filter(|table| table.by_tenant).collect();
        let (shown, others) = tables.split_at(tables.len().min(TABLES));
        let mut sums: BTreeMap<Option<&str>, u64> = BTreeMap::new();
        for table in &tables {
            for row in &table.tenants {
                *sums.entry(row.tenant.as_deref()).or_default() += row.rows;
            }
        }
        if sums.is_empty() {
            return String::new();
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
        let mut grid = Grid::new(&head);
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
        format!("\n{title}\n{}", grid.render(&numbers))
    }

    fn histogram(&self) -> String {
        let mut hours: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for row in self.tables.iter().flat_map(|table| &table.hours) {
            *hours.entry(row.hour).or_default() += row.rows;
        }
        if hours.is_empty() {
            return String::new();
        }
        let largest = hours.values().copied().max().unwrap_or(1).max(1);
        let listed: u64 = hours.values().sum();
        let mut grid = Grid::new(&["hour (UTC)".to_owned(), "rows".to_owned(), String::new()]);
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
        format!("\n{}", grid.render(&[1]))
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
}

impl Grid {
    fn new(head: &[String]) -> Self {
        let mut grid = Self { rows: Vec::new() };
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

    /// The columns of `right` are aligned to the right.
    fn render(&self, right: &[usize]) -> String {
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
                if right.contains(&at) {
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
