//! Every form of a report, read as whoever shows it reads it.

use drcore::Report;
use drcore::report::TextOptions;
use pulldown_cmark::{Event, Options, Parser, Tag};
use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::names::steers;

/// Tags that a page of ours has.
const TAGS: &[&str] = &[
    "!doctype", "article", "b", "body", "br", "code", "details", "div", "footer", "h1", "h2", "h3", "head",
    "header", "hr", "html", "i", "li", "main", "meta", "ol", "p", "pre", "script", "section", "small",
    "span", "strong", "style", "summary", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
];

pub fn check(report: &Report) {
    for width in [None, Some(80)] {
        let mut options = TextOptions::default();
        (options.width, options.verbose) = (width, true);
        screen("the text", &report.to_text(options));
    }
    html("the page", &report.to_html().unwrap());
    html("the fragment", &report.to_html_fragment().unwrap());
    embedded(report);
    for text in [report.to_markdown(), report.to_github_summary()] {
        markdown(report, &text);
    }
    junit(report);
    annotations(&report.to_github_annotations());
}

/// Nothing that a terminal or a CI runner would act on.
pub fn screen(what: &str, text: &str) {
    terminal(what, text);
    for line in text.lines() {
        let is_command = line.trim_start().starts_with("::") || line.contains("##[");
        assert!(!is_command, "{what} commands a runner: {line}");
    }
}

/// Nothing that a terminal would act on.
pub fn terminal(what: &str, text: &str) {
    if let Some(line) = text.lines().find(|line| line.contains(steers)) {
        panic!("{what} steers a terminal: {line:?}");
    }
}

/// Only our own tags, and no attribute that runs something.
pub fn html(what: &str, text: &str) {
    assert!(!text.contains(steers), "{what} has characters that steer");
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap_or_else(|| panic!("{what}: a tag does not end"));
        let tag = &rest[..end];
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
            .collect::<String>()
            .to_ascii_lowercase();
        assert!(TAGS.contains(&name.as_str()), "{what}: <{tag}>");
        let lower = tag.to_ascii_lowercase();
        assert!(
            !lower.contains(" on") && !lower.contains("javascript:") && !lower.contains(" src"),
            "{what}: <{tag}>"
        );
        if name == "script" && !tag.starts_with('/') {
            assert_eq!(tag, "script type=\"application/json\" id=\"drcore-report\"", "{what}");
        }
        rest = &rest[end + 1..];
        // What is in it is no markup.
        if (name == "script" || name == "style") && !tag.starts_with('/') {
            let close = format!("</{name}>");
            let inner = rest.find(&close).unwrap_or_else(|| panic!("{what}: <{name}> does not end"));
            rest = &rest[inner..];
        }
    }
}

/// The report inside the page is the report, where it is there.
fn embedded(report: &Report) {
    let page = report.to_html().unwrap();
    let Some((_, rest)) = page.split_once("id=\"drcore-report\">") else { return };
    let (json, _) = rest.split_once("</script>").unwrap();
    assert!(&Report::from_json(json).unwrap() == report, "the page holds another report");
}

/// A heading, lists and one table with a row for every check; no link, image or markup that is not ours.
fn markdown(report: &Report, text: &str) {
    terminal("Markdown", text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let (mut rows, mut cells, mut tables) = (0, 0, 0);
    let mut results = Vec::new();
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Table(columns)) => {
                assert_eq!(columns.len(), 3, "a table of three columns");
                tables += 1;
            }
            Event::Start(Tag::TableRow) => rows += 1,
            Event::Start(Tag::TableCell) => {
                cells += 1;
                results.push(String::new());
            }
            Event::Text(text) | Event::Code(text) => {
                results.last_mut().into_iter().for_each(|cell| cell.push_str(&text));
            }
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::FootnoteDefinition(_),
            ) => panic!("Markdown has markup that is not ours: {event:?}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let ours = ["<details>", "</details>", "<summary>", "</summary>"];
                let mut left = html.to_string();
                for tag in ours {
                    left = left.replace(tag, "");
                }
                assert!(!left.contains('<'), "Markdown has HTML that is not ours: {html:?}");
            }
            Event::TaskListMarker(_) | Event::FootnoteReference(_) => panic!("{event:?}"),
            _ => {}
        }
    }
    assert_eq!((tables, rows), (1, report.checks.len()), "a table with a row for every check");
    assert_eq!(cells, 3 * (report.checks.len() + 1));
    // What is too much for a row is left out without a word: a name that ends its cell is seen in the next.
    for result in results.iter().skip(4).step_by(3) {
        assert!(
            ["FAILED", "passed", "NOT RUN", "not run"].contains(&result.as_str()),
            "{result:?} in {text}"
        );
    }
}

/// XML that a strict parser reads, one case a check.
fn junit(report: &Report) {
    let xml = report.to_junit().unwrap();
    terminal("JUnit", &xml);
    let mut reader = Reader::from_str(&xml);
    reader.config_mut().check_end_names = true;
    let mut cases = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position())) {
            Xml::Start(tag) | Xml::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                let known = [
                    "testsuites",
                    "testsuite",
                    "testcase",
                    "failure",
                    "error",
                    "skipped",
                    "system-out",
                    "properties",
                    "property",
                ];
                assert!(known.contains(&name.as_str()), "<{name}>");
                cases += usize::from(name == "testcase");
                for attribute in tag.attributes() {
                    attribute.unwrap();
                }
            }
            Xml::Text(text) => {
                text.decode().unwrap();
            }
            Xml::Eof => break,
            _ => {}
        }
    }
    assert_eq!(cases, report.checks.len());
}

/// Ten commands at most, and nothing else.
fn annotations(text: &str) {
    terminal("annotations", text);
    assert!(text.lines().count() <= 10);
    for line in text.lines() {
        let (level, rest) = line.split_once(" title=").unwrap();
        assert!(["::error", "::warning", "::notice"].contains(&level), "{line}");
        let (title, _) = rest.split_once("::").unwrap();
        assert!(!title.contains([':', ',']), "{line}");
    }
}
