//! Types, and what is done with their values: casts, operators, collations, text search.

use crate::evidence::catalog::{
    AccessMethod, Cast, Collation, Conversion, Operator, OperatorClass, OperatorFamily, TextSearchObject,
    UserType,
};
use crate::sql::{QualifiedName, ident, literal};

impl AccessMethod {
    pub(super) fn to_create_sql(&self) -> String {
        format!("create access method {} type {} handler {}", ident(&self.name), self.kind, self.handler)
    }
}

impl Cast {
    pub(super) fn to_create_sql(&self) -> String {
        let how = match (&self.function, self.method.as_str()) {
            (Some(function), _) => format!("with function {function}"),
            (None, "inout") => "with inout".to_owned(),
            (None, _) => "without function".to_owned(),
        };
        let when = match self.context.as_str() {
            "explicit" => String::new(),
            context => format!(" as {context}"),
        };
        format!("create cast ({} as {}) {how}{when}", self.source, self.target)
    }
}

impl Collation {
    pub(super) fn to_create_sql(&self) -> String {
        let mut parts = Vec::new();
        if self.provider != "libc" {
            parts.push(format!("provider = {}", self.provider));
        }
        let locale = self.locale.as_deref().unwrap_or_default();
        match &self.ctype {
            Some(ctype) if self.provider == "libc" => {
                parts.push(format!("lc_collate = {}, lc_ctype = {}", literal(locale), literal(ctype)));
            }
            _ => parts.push(format!("locale = {}", literal(locale))),
        }
        if !self.deterministic {
            parts.push("deterministic = false".to_owned());
        }
        parts.extend(self.rules.as_ref().map(|rules| format!("rules = {}", literal(rules))));
        format!("create collation {} ({})", QualifiedName::new(&self.schema, &self.name), parts.join(", "))
    }
}

impl Conversion {
    pub(super) fn to_create_sql(&self) -> String {
        format!(
            "create {}conversion {} for {} to {} from {}",
            if self.default { "default " } else { "" },
            QualifiedName::new(&self.schema, &self.name),
            literal(&self.from),
            literal(&self.to),
            self.function
        )
    }
}

impl Operator {
    pub(super) fn to_create_sql(&self) -> String {
        format!("create operator {}.{} ({})", ident(&self.schema), self.name, self.definition)
    }
}

impl OperatorClass {
    pub(super) fn to_create_sql(&self) -> String {
        format!("create operator class {} {}", QualifiedName::new(&self.schema, &self.name), self.definition)
    }
}

impl OperatorFamily {
    pub(super) fn to_create_sql(&self) -> Vec<String> {
        let name = format!("{} using {}", QualifiedName::new(&self.schema, &self.name), ident(&self.method));
        let mut statements = vec![format!("create operator family {name}")];
        if !self.members.is_empty() {
            statements.push(format!("alter operator family {name} add {}", self.members.join(", ")));
        }
        statements
    }
}

impl TextSearchObject {
    pub(super) fn to_create_sql(&self) -> Vec<String> {
        let name = QualifiedName::new(&self.schema, &self.name);
        let mut statements = vec![format!("create text search {} {name} ({})", self.kind, self.definition)];
        for (word, dictionaries) in self.mappings.iter().filter_map(|mapping| mapping.split_once(": ")) {
            statements.push(format!(
                "alter text search configuration {name} add mapping for {} with {dictionaries}",
                ident(word)
            ));
        }
        statements
    }
}

impl UserType {
    pub(super) fn to_create_sql(&self) -> Option<Vec<String>> {
        let name = &self.name;
        let definition = self.definition.as_deref().unwrap_or_default();
        let mut statements = vec![match self.kind.as_str() {
            "enum" => {
                let labels: Vec<String> = self.labels.iter().map(|label| literal(label)).collect();
                format!("create type {name} as enum ({})", labels.join(", "))
            }
            "composite" => format!("create type {name} as ({})", self.attributes.join(", ")),
            "domain" => {
                let default =
                    self.default.as_ref().map_or_else(String::new, |text| format!(" default {text}"));
                let null = if self.not_null { " not null" } else { "" };
                format!("create domain {name} as {definition}{default}{null}")
            }
            "range" => format!("create type {name} as range ({definition})"),
            "shell" => format!("create type {name}"),
            // Its functions need it, and it needs its functions.
            _ => return None,
        }];
        for constraint in &self.constraints {
            statements.push(format!(
                "alter domain {name} add constraint {} {}",
                ident(&constraint.name),
                constraint.definition
            ));
        }
        Some(statements)
    }
}
