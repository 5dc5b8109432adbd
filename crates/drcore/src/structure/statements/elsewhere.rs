//! What reaches other servers.

use super::{function_name, server_options};
use crate::evidence::catalog::{ForeignDataWrapper, ForeignServer, Publication, UserMapping};
use crate::sql::{ident, literal};

impl ForeignDataWrapper {
    pub(super) fn to_create_sql(&self) -> String {
        let with = |word: &str, function: &Option<String>| {
            function
                .as_ref()
                .map_or_else(String::new, |function| format!(" {word} {}", function_name(function)))
        };
        format!(
            "create foreign data wrapper {}{}{}{}",
            ident(&self.name),
            with("handler", &self.handler),
            with("validator", &self.validator),
            server_options(&self.options)
        )
    }
}

impl ForeignServer {
    pub(super) fn to_create_sql(&self) -> String {
        let with = |word: &str, text: &Option<String>| {
            text.as_ref().map_or_else(String::new, |text| format!(" {word} {}", literal(text).trim_start()))
        };
        format!(
            "create server {}{}{} foreign data wrapper {}{}",
            ident(&self.name),
            with("type", &self.type_name),
            with("version", &self.version),
            ident(&self.wrapper),
            server_options(&self.options)
        )
    }
}

impl Publication {
    pub(super) fn to_create_sql(&self) -> String {
        let mut parts = vec![format!("publish = {}", literal(&self.operations.join(", ")))];
        if self.via_root {
            parts.push("publish_via_partition_root = true".to_owned());
        }
        let what = self.contents();
        let what = if what.is_empty() { what } else { format!(" for {what}") };
        format!("create publication {}{what} with ({})", ident(&self.name), parts.join(", "))
    }

    /// `all tables`, or the tables and schemas.
    pub(super) fn contents(&self) -> String {
        if self.all_tables {
            return "all tables".to_owned();
        }
        let mut parts = Vec::new();
        let tables: Vec<String> = self
            .tables
            .iter()
            .map(|table| {
                let columns = table.columns.as_ref().map_or_else(String::new, |columns| {
                    format!(" ({})", columns.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", "))
                });
                let filter =
                    table.filter.as_ref().map_or_else(String::new, |filter| format!(" where ({filter})"));
                format!("{}{columns}{filter}", table.relation)
            })
            .collect();
        if !tables.is_empty() {
            parts.push(format!("table {}", tables.join(", ")));
        }
        if !self.schemas.is_empty() {
            let schemas: Vec<String> = self.schemas.iter().map(|name| ident(name)).collect();
            parts.push(format!("tables in schema {}", schemas.join(", ")));
        }
        parts.join(", ")
    }
}

impl UserMapping {
    /// None where its options are not known, or of one of them only the name is.
    pub(super) fn to_create_sql(&self) -> Option<String> {
        let options = self.options.as_ref()?;
        if options.iter().any(|option| !option.contains('=')) {
            return None;
        }
        let role =
            self.role.as_deref().map(|role| if role == "public" { role.to_owned() } else { ident(role) })?;
        Some(format!(
            "create user mapping for {role} server {}{}",
            ident(&self.server),
            server_options(options)
        ))
    }
}
