//! `drcore explain`

use drcore::check::Check;
use drcore::{Error, ErrorKind, Finding};
use drcore::{checks, pages};
use serde_json::Value;

use super::markdown;
use crate::fault::Fault;
use crate::screen::Screen;

/// Explain a check, a kind of finding, a key of the plan and more; without one, list them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore explain
  drcore explain row_counts
  drcore explain fewer_rows
  drcore explain plan.row_counts
  drcore explain log")]
pub(crate) struct Arguments {
    /// An id of a check, a kind of finding, a finding's whole id, plan.KEY or a page
    #[arg(value_name = "CHECK|KIND|plan.KEY|PAGE")]
    topic: Option<String>,
}

/// Runs it. Gives the exit code.
pub(crate) fn run(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let page = explain(arguments.topic.as_deref())?;
    // In a pipe Markdown is what it is; on a terminal it is laid out.
    let text = match screen.width {
        Some(width) => markdown::render(&page, width, screen.color),
        None => page,
    };
    screen.print(&text)?;
    Ok(0)
}

/// A page in Markdown, or the list of them.
pub(crate) fn explain(topic: Option<&str>) -> Result<String, Fault> {
    topic.map_or_else(|| Ok(index()), page)
}

/// Every check with its kinds, and the sections of the plan.
fn index() -> String {
    let mut page = String::from("# Checks\n");
    for check in checks::ALL {
        page.push_str(&format!("\n`{}`: {}\n", check.id, check.summary));
        for kind in check.kinds {
            page.push_str(&format!("- `{}`: {}\n", kind.kind, kind.meaning));
        }
    }
    page.push_str("\n# Plan\n\n");
    for (key, about) in sections() {
        page.push_str(&format!("- `plan.{key}`: {about}\n"));
    }
    page.push_str("\n# More\n\n");
    for more in pages::ALL {
        page.push_str(&format!("- `{}`: {}\n", more.topic, more.summary));
    }
    page.push_str("\n# Errors\n\n");
    for kind in ErrorKind::ALL {
        page.push_str(&format!("- `{ERROR}{kind}`: {}\n", kind.meaning()));
    }
    page
}

fn page(topic: &str) -> Result<String, Fault> {
    if let Some(key) = topic.strip_prefix("plan.") {
        return plan_page(key);
    }
    if let Some(kind) = topic.strip_prefix(ERROR) {
        return error_page(kind);
    }
    if let Some(found) = pages::ALL.iter().find(|page| page.topic == topic) {
        return Ok(found.text.to_owned());
    }
    // A finding's id begins with the check and the kind.
    let mut parts = topic.split(':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let found = second.and_then(|kind| kind_page(kind, Some(first)));
    let found = found.or_else(|| checks::by_id(first).map(|check| check.docs.to_owned()));
    if let Some(page) = found.or_else(|| kind_page(first, None)) {
        return Ok(page);
    }
    let keys: Vec<String> = sections().into_iter().map(|(key, _)| format!("plan.{key}")).collect();
    let known: Vec<&str> = checks::ALL
        .iter()
        .map(|check| check.id)
        .chain(Finding::KINDS.iter().copied())
        .chain(keys.iter().map(String::as_str))
        .chain(pages::ALL.iter().map(|page| page.topic))
        .collect();
    let error = drcore::no_such("check, kind, key of the plan or page", topic, &known);
    let error = if error.hint_text().is_some_and(|hint| hint.starts_with("Allowed")) {
        error.hint("See drcore explain for all of them.")
    } else {
        error
    };
    Err(Fault::usage(error))
}

/// What topics about errors begin with.
const ERROR: &str = "error.";

/// The page of a kind of error.
fn error_page(name: &str) -> Result<String, Fault> {
    let Some(kind) = ErrorKind::ALL.iter().find(|kind| kind.as_str() == name) else {
        let known: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        return Err(Fault::usage(drcore::no_such("kind of error", name, &known)));
    };
    let class: String = name.split('_').map(sentence).collect();
    let code = Fault::from(Error::new(*kind, "")).code;
    Ok(format!(
        "# {ERROR}{kind}\n\n{}.\n\n## What to do next\n{}\n\n## How it shows\n\
         - Rust: `ErrorKind::{class}`\n- Python: `drcore.{class}Error`\n- Node: `error.code === '{kind}'`\n\
         - the command: exit code {code}; `\"code\": \"{kind}\"` with `--format json`\n\n## More\n`drcore explain errors`\n",
        sentence(kind.meaning()),
        kind.advice(),
    ))
}

/// The page of a kind, of every check that can report it or of this one.
fn kind_page(kind: &str, of: Option<&str>) -> Option<String> {
    let mut page = format!("# {kind}\n");
    let checks = checks::ALL.iter().filter(|check| of.is_none_or(|id| id == check.id));
    let pairs = checks.filter_map(|check| Some((check, check.kinds.iter().find(|doc| doc.kind == kind)?)));
    for (Check { id, summary, docs, .. }, doc) in pairs {
        page.push_str(&format!(
            "\nA finding of the check `{id}`: {summary}.\n\n## What it means\n{}.\n\n## Its id\n\
             `{id}:{kind}:OBJECT`, printed under the finding. To accept one, with a reason:\n\n\
             ```toml\n[[accept]]\nfinding = \"{id}:{kind}:OBJECT\"\nreason  = \"why this is right\"\n```\n\n\
             Kinds that are counted, or that say who may do what, need a bound too; the report says which.\n\n\
             ## When the check fails\n{}\n\n## The check\n`drcore explain {id}`\n",
            sentence(doc.meaning),
            section(docs, "## When it fails"),
        ));
    }
    page.contains("## Its id").then_some(page)
}

/// What stands under a heading of a page.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) = page.split_once(heading).unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default().trim()
}

fn plan_page(key: &str) -> Result<String, Fault> {
    let schema = plan_schema();
    let section = key.split('.').next().unwrap_or_default();
    let Some(property) = schema["properties"].get(section) else {
        let keys: Vec<String> = sections().into_iter().map(|(key, _)| key).collect();
        let known: Vec<&str> = keys.iter().map(String::as_str).collect();
        return Err(Fault::usage(drcore::no_such("key of the plan", section, &known)));
    };
    let mut page = format!("# plan.{section}\n\n{}\n", about(property));
    let target = resolve(&schema, property);
    if let Some(fields) = target["properties"].as_object().filter(|fields| !fields.is_empty()) {
        page.push_str("\n## Keys\n");
        for (name, field) in fields {
            page.push_str(&format!("- `{name}`: {}\n", about(field)));
        }
    }
    if let Some(check) = checks::by_id(section) {
        if let Some((_, example)) = check.docs.split_once("## Example") {
            page.push_str(&format!("\n## Example{}", example.trim_end()));
        }
        page.push_str(&format!("\n\n## The check\n`drcore explain {section}`\n"));
    }
    Ok(page)
}

/// The sections of the plan and what each is about.
fn sections() -> Vec<(String, String)> {
    let schema = plan_schema();
    let properties = schema["properties"].as_object();
    properties.into_iter().flatten().map(|(key, property)| (key.clone(), about(property))).collect()
}

fn plan_schema() -> Value {
    drcore::schema::by_name("plan").map_or(Value::Null, schemars_value)
}

fn schemars_value(schema: impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or(Value::Null)
}

/// What a property refers to: an object, the items of a list, or the one thing besides null.
fn resolve<'s>(schema: &'s Value, property: &'s Value) -> &'s Value {
    let mut at = property;
    for _ in 0..8 {
        if let Some(name) = at["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            at = &schema["$defs"][name];
        } else if at["items"].is_object() {
            at = &at["items"];
        } else if let Some(one) =
            at["anyOf"].as_array().and_then(|ways| ways.iter().find(|way| way["type"] != "null"))
        {
            at = one;
        } else {
            break;
        }
    }
    at
}

fn about(property: &Value) -> String {
    property["description"].as_str().unwrap_or("no description").replace('\n', " ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_kind_and_section_has_a_page() {
        for check in checks::ALL {
            assert!(page(check.id).unwrap().starts_with(&format!("# {}", check.id)));
            for kind in check.kinds {
                assert!(page(kind.kind).unwrap().contains(check.id));
                let id = format!("{}:{}:public.\"a:b\"", check.id, kind.kind);
                assert!(page(&id).unwrap().starts_with(&format!("# {}", kind.kind)), "{id}");
            }
        }
        for (key, about) in sections() {
            assert_ne!(about, "no description", "{key}");
            assert!(page(&format!("plan.{key}")).unwrap().contains(&about));
        }
        for more in pages::ALL {
            assert!(page(more.topic).unwrap().starts_with(&format!("# {}", more.topic)));
            assert!(index().contains(more.summary));
        }
        for kind in ErrorKind::ALL {
            let page = page(&format!("error.{kind}")).unwrap();
            assert!(page.contains(kind.advice()) && page.contains("exit code"), "{page}");
            assert!(index().contains(&format!("`error.{kind}`")));
        }
        assert_eq!(page("error.tsl").unwrap_err().error.hint_text(), Some("Did you mean tls?"));
        assert!(page("plan.row_counts").unwrap().contains("within"));
        assert!(page("plan.limits").unwrap().contains("`deadline`"));
    }

    #[test]
    fn what_was_meant_is_suggested() {
        let fault = page("row_count").unwrap_err();
        assert_eq!((fault.code, fault.error.hint_text()), (2, Some("Did you mean row_counts?")));
        let fault = page("plan.row_cuonts").unwrap_err();
        assert_eq!(fault.error.hint_text(), Some("Did you mean row_counts?"));
        assert!(page("xyzzy").unwrap_err().error.hint_text().unwrap().contains("drcore explain"));
    }
}
