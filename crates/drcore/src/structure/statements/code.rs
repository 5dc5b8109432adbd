//! What runs: functions and what calls them.

use super::grants::grants;
use super::{bare, function_name, switch};
use crate::evidence::Catalog;
use crate::evidence::catalog::{
    Aggregate, Enabled, EventTrigger, Function, Language, Rule, Transform, Trigger,
};
use crate::sql::{ident, literal};

impl Aggregate {
    /// Its privileges are with the functions.
    pub(super) fn to_create_sql(&self, then: &Catalog, now: &Catalog) -> Vec<String> {
        let mut statements = vec![self.definition.clone()];
        let functions = then.functions.read().map_or(&[][..], Vec::as_slice);
        let is_own = |function: &&Function| {
            (&function.schema, &function.name, &function.arguments)
                == (&self.schema, &self.name, &self.arguments)
        };
        if let Some(function) = functions.iter().find(is_own) {
            let target = format!("function {}", function.signature());
            statements.extend(grants(&target, &function.acl, &function.owner, now));
        }
        statements
    }
}

impl EventTrigger {
    pub(super) fn to_create_sql(&self) -> Vec<String> {
        let tags: Vec<String> = self.tags.iter().map(|tag| literal(tag)).collect();
        let when =
            if tags.is_empty() { String::new() } else { format!(" when tag in ({})", tags.join(", ")) };
        let name = ident(&self.name);
        let mut statements = vec![format!(
            "create event trigger {name} on {}{when} execute function {}()",
            ident(&self.event),
            self.function
        )];
        if self.enabled != Enabled::Origin {
            statements.push(self.to_switch_sql(self.enabled));
        }
        statements
    }

    /// The statement that makes it fire as it did.
    pub(crate) fn to_switch_sql(&self, enabled: Enabled) -> String {
        format!("alter event trigger {} {}", ident(&self.name), switch(enabled, "").trim_end())
    }
}

impl Function {
    pub(super) fn to_create_sql(&self, now: &Catalog) -> Option<Vec<String>> {
        let word = if self.kind == "procedure" { "procedure" } else { "function" };
        let mut statements = vec![self.to_replace_sql()?];
        statements.extend(grants(&format!("{word} {}", self.signature()), &self.acl, &self.owner, now));
        Some(statements)
    }

    /// The statement that gives it its text, whether it is there or not.
    pub(super) fn to_replace_sql(&self) -> Option<String> {
        Some(bare(self.definition.as_ref()?))
    }
}

impl Language {
    pub(super) fn to_create_sql(&self) -> String {
        let with = |word: &str, function: &Option<String>| {
            function
                .as_ref()
                .map_or_else(String::new, |function| format!(" {word} {}", function_name(function)))
        };
        format!(
            "create {}language {}{}{}{}",
            if self.trusted { "trusted " } else { "" },
            ident(&self.name),
            with("handler", &self.handler),
            with("inline", &self.inline),
            with("validator", &self.validator)
        )
    }
}

impl Rule {
    pub(super) fn to_create_sql(&self) -> Vec<String> {
        let mut statements = vec![bare(&self.definition)];
        if self.enabled != Enabled::Origin {
            statements.push(self.to_switch_sql(self.enabled));
        }
        statements
    }

    /// The statement that makes it hold as it did.
    pub(crate) fn to_switch_sql(&self, enabled: Enabled) -> String {
        format!("alter table {} {}", self.relation, switch(enabled, &format!("rule {}", ident(&self.name))))
    }
}

impl Transform {
    pub(super) fn to_create_sql(&self) -> String {
        let with = |word: &str, function: &Option<String>| {
            function.as_ref().map(|function| format!("{word} sql with function {function}"))
        };
        let each: Vec<String> =
            [with("from", &self.from_sql), with("to", &self.to_sql)].into_iter().flatten().collect();
        format!(
            "create transform for {} language {} ({})",
            self.type_name,
            ident(&self.language),
            each.join(", ")
        )
    }
}

impl Trigger {
    pub(super) fn to_create_sql(&self) -> Vec<String> {
        let mut statements = vec![self.definition.clone()];
        if self.enabled != Enabled::Origin {
            statements.push(self.to_switch_sql(self.enabled));
        }
        statements
    }

    /// The statement that makes it fire like this.
    pub(crate) fn to_switch_sql(&self, enabled: Enabled) -> String {
        format!(
            "alter table {} {}",
            self.relation,
            switch(enabled, &format!("trigger {}", ident(&self.name)))
        )
    }
}
