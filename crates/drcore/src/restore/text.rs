//! A restore plan, and what came of it, as text.

use super::aside::{AsideTable, TEXT};
use super::left_out::Omitted;
use super::plan::{Onto, RestorePlan, RestoreStep};
use super::restored::Restored;
use crate::report::{TextOptions, terminal, without_commands};
use crate::sql::ident;
use crate::text::{count, list, plural, seconds};

/// How many names of one kind are shown.
const SHOWN: usize = 6;

impl RestorePlan {
    /// The plan, for reviewing: what is restored into what, in which steps, and what is left out.
    pub fn to_text(&self) -> String {
        let (archive, target) = (&self.archive, &self.target);
        let file = archive.file.display().to_string();
        let mut text = format!("plan {} restores {}\n", self.digest, terminal(&file));
        let version = archive
            .server_version
            .as_deref()
            .map_or(String::new(), |version| format!(" of PostgreSQL {version}"));
        let database = archive.database.as_deref().map_or(String::new(), |name| format!(", database {name}"));
        text.push_str(&format!(
            "         {} format{}{}: {}, rows of {}\n",
            archive.form.as_str(),
            terminal(&version),
            terminal(&database),
            plural(archive.entries, "object"),
            plural(archive.tables, "table")
        ));
        let kind = match (target.scratch, target.supabase) {
            (true, _) => ", a scratch cluster",
            (_, true) => ", a Supabase project",
            _ => "",
        };
        text.push_str(&format!(
            "into     {} · db {} · PostgreSQL {}{kind}\n",
            terminal(&target.project),
            terminal(&target.database),
            terminal(&target.version)
        ));
        let owners = if target.owners { "" } else { ", whose all objects become" };
        text.push_str(&format!(
            "as       {}{owners} · {}\n",
            terminal(&target.role),
            plural(self.jobs.into(), "session")
        ));
        for (at, step) in self.steps.iter().enumerate() {
            text.push_str(&format!("{:>3} {}\n", at + 1, terminal(&step.sentence())));
        }
        if self.is_aside().is_some() {
            text.push_str("    what is there stays as it is: all of it is one transaction\n");
            return without_commands(&text).into_owned();
        }
        text.push_str(&format!(
            "{:>3} collect statistics, and take away the marker of a half-restored database\n",
            self.steps.len() + 1
        ));
        if !self.missing_roles.is_empty() {
            let roles = list(&self.missing_roles);
            text.push_str(&format!(
                "the target has no {}: what they were granted is lost\n         do: create them first, then plan again\n",
                terminal(&format!("role {roles}"))
            ));
        }
        for omitted in &self.left_out {
            text.push_str(&omitted.paragraph());
        }
        without_commands(&text).into_owned()
    }
}

impl RestoreStep {
    /// What it does.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Clear { statements } => {
                format!("take away all that is there: {}", plural(statements.len() as u64, "statement"))
            }
            Self::Roles { roles } => format!("make the roles {}, without a login", list(roles)),
            Self::Entries { entries, tables } => {
                let objects = entries.len() as u64 - tables;
                format!("restore {} and the rows of {}", plural(objects, "object"), plural(*tables, "table"))
            }
            Self::Load { table, dropped, .. } if dropped.is_empty() => format!("load the rows of {table}"),
            Self::Load { table, dropped, .. } => {
                format!("load the rows of {table}, without {}, which the target does not have", list(dropped))
            }
            Self::Aside { schema, tables } => {
                let names: Vec<String> = tables.iter().map(AsideTable::sentence).collect();
                format!("make the schema {}, and load into it {}", ident(schema), names.join(", "))
            }
            Self::Script { single_transaction: true } => "run the script, as one transaction".to_owned(),
            Self::Script { .. } => "run the script, until its first error".to_owned(),
        }
    }
}

impl AsideTable {
    /// `invoices (from public.invoices; note as text)`
    fn sentence(&self) -> String {
        let untyped: Vec<String> = self
            .columns
            .iter()
            .filter(|column| column.type_name == TEXT)
            .map(|column| ident(&column.name))
            .collect();
        let untyped = match untyped.len() {
            0 => String::new(),
            all if all == self.columns.len() => "; all columns as text".to_owned(),
            _ => format!("; {} as text", list(&untyped)),
        };
        format!("{} (from {}{untyped})", ident(&self.into.name), self.table)
    }
}

impl Omitted {
    fn paragraph(&self) -> String {
        let names: Vec<String> =
            self.objects.iter().take(SHOWN).map(|name| terminal(name).into_owned()).collect();
        let more = self.count.saturating_sub(names.len() as u64);
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        let reason = self.why.reason();
        let Some(advice) = self.why.advice() else {
            // Nothing is lost: a number will do.
            return format!("left out {}: {reason}\n", plural(self.count, "object"));
        };
        let mut text =
            format!("LEFT OUT {}{more}\n         {reason}\n         do: {advice}\n", names.join(", "));
        for statement in self.statements.iter().take(SHOWN) {
            text.push_str(&format!("         {}\n", terminal(statement)));
        }
        text
    }
}

impl Restored {
    /// What was restored, and what could not be.
    pub fn to_text(&self) -> String {
        let failed: Vec<_> = self.failures().collect();
        let word = if failed.is_empty() { "RESTORED" } else { "PARTLY  " };
        let mut text = format!(
            "{word} {} into {} · took {}\n",
            terminal(&self.plan.archive.file.display().to_string()),
            terminal(&self.plan.target.project),
            seconds(self.run.elapsed_ms)
        );
        for error in &failed {
            text.push_str(&format!(
                "FAILED   {}\n         {}\n",
                terminal(&error.object),
                terminal(&error.message)
            ));
        }
        if !self.missing_rows.is_empty() {
            text.push_str(
                "         rows are missing: the database stays marked as half restored, and does not verify\n         \
                 do: once the reason is gone, the same command with --resume; or, if they may be lost,\n         \
                 drop schema drcore_restore cascade\n",
            );
        }
        for table in self.loaded.iter().filter(|table| !table.dropped.is_empty()) {
            text.push_str(&format!(
                "LOST     {} of {}: the target does not have it\n",
                terminal(&list(&table.dropped)),
                terminal(&table.table.to_string())
            ));
        }
        for error in &self.errors {
            if let Some(why) = &error.harmless {
                text.push_str(&format!("harmless {}: {}\n", terminal(&error.message), terminal(why)));
            }
        }
        if self.plan.onto == Onto::Resume {
            text.push_str("         went on where an earlier restore was interrupted\n");
        }
        match &self.after {
            None if self.plan.is_aside().is_some() => {
                for table in &self.loaded {
                    text.push_str(&format!(
                        "loaded   {} into {}\n",
                        plural(table.rows, "row"),
                        terminal(&table.table.to_string())
                    ));
                }
            }
            None => text.push_str("next     drcore verify --against BASELINE\n"),
            Some(after) => {
                if let Some(failure) = &after.failure {
                    text.push_str(&format!("not put right: {}\n", terminal(&failure.message)));
                }
                if let Some(repaired) = &after.repaired {
                    text.push_str(&format!("\n{}", repaired.to_text()));
                }
                text.push_str(&format!("\n{}", after.report().to_text(TextOptions::default())));
            }
        }
        if !self.cut_over.steps.is_empty() {
            text.push_str(&format!("\nuntil the application runs on it\n{}", self.cut_over.to_text()));
        }
        without_commands(&text).into_owned()
    }
}
