//! What differs in the structure, as text: A above B.

use super::objects::{DiffAttribute, DiffObject, DiffStructure, ObjectChange};
use crate::report::text::page::{Page, Tone};
use crate::text::count;

/// What goes with an object, by name; of more there is their number.
const NAMED: usize = 6;

/// Longer texts, and those of several lines, are told by the first line in which they differ.
const SHORT: usize = 200;

impl DiffStructure {
    /// `3 objects changed · 2 only in A · 1,204 compared`.
    pub(super) fn headline(&self) -> String {
        let mut parts = Vec::new();
        for (change, what) in [
            (ObjectChange::Changed, "changed"),
            (ObjectChange::OnlyInA, "only in A"),
            (ObjectChange::OnlyInB, "only in B"),
        ] {
            let number = self.count(change) as u64;
            if number > 0 {
                parts.push(match (parts.is_empty(), number) {
                    (true, 1) => format!("1 object {what}"),
                    (true, many) => format!("{} objects {what}", count(many)),
                    (false, number) => format!("{} {what}", count(number)),
                });
            }
        }
        let compared = self.compared.values().sum();
        parts.push(if parts.is_empty() {
            format!("the structure, {} objects", count(compared))
        } else {
            format!("{} compared", count(compared))
        });
        parts.join(" · ")
    }

    pub(super) fn show(&self, page: &mut Page, verbose: bool) {
        for object in &self.objects {
            page.blank();
            object.show(page, verbose);
        }
    }
}

impl DiffObject {
    fn show(&self, page: &mut Page, verbose: bool) {
        let label = match self.change {
            ObjectChange::Changed => "CHANGED",
            ObjectChange::OnlyInA => "ONLY A",
            ObjectChange::OnlyInB => "ONLY B",
        };
        page.labelled(label, Tone::Bad, &self.in_words());
        for attribute in &self.attributes {
            attribute.show(page, verbose);
        }
        if let Some(definition) = &self.definition {
            if verbose || !definition.contains('\n') {
                page.sql("", definition);
            } else {
                page.more(&format!("{} lines (-v shows them)", definition.lines().count()));
            }
        }
        if !self.with.is_empty() {
            let shown = if verbose { self.with.len() } else { NAMED };
            let mut names = self.with.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
            if self.with.len() > shown {
                names.push_str(&format!(" and {} more (-v)", self.with.len() - shown));
            }
            page.field("with", 5, &names);
        }
    }
}

impl DiffAttribute {
    fn show(&self, page: &mut Page, verbose: bool) {
        let text = |side: &Option<String>| side.as_deref().unwrap_or("nothing").trim().to_owned();
        let (a, b) = (text(&self.a), text(&self.b));
        let is_long = [&a, &b].into_iter().any(|text| text.len() > SHORT || text.contains('\n'));
        if !is_long || verbose {
            page.more(&self.attribute);
            page.sql("  A ", &a);
            page.sql("  B ", &b);
            return;
        }
        let (of_a, of_b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
        let at = of_a.iter().zip(&of_b).take_while(|(a, b)| a == b).count();
        let line = |lines: &[&str]| {
            let line = lines.get(at).map_or("nothing", |line| line.trim());
            let cut: String = line.chars().take(SHORT).collect();
            if cut.len() < line.len() { format!("{cut}…") } else { cut }
        };
        page.more(&format!("{}, first in line {} (-v shows all)", self.attribute, at + 1));
        page.sql("  A ", &line(&of_a));
        page.sql("  B ", &line(&of_b));
    }
}
