//! Whether the content of tables is asked for.

use super::{CollectOptions, Request, Then, Wants};
use crate::evidence::Evidence;
use crate::evidence::catalog::CatalogFactName;
use crate::plan::Plan;

/// Whether the content of tables is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentChoice {
    /// Of every table, whatever it costs; with a baseline, of what that holds the content of.
    Always,
    /// Of what the baseline holds the content of; of nothing without a baseline.
    #[default]
    AsBaseline,
    /// As that; of every table where there is no baseline and the link is fast.
    ByLink,
}

/// Whether the content of some table may be asked for.
pub(super) fn asked(plan: &Plan, then: Then<'_>, options: &CollectOptions) -> bool {
    let skipped = plan.skipped("content_drift").is_some()
        || !(options.only.is_empty() || options.only.iter().any(|id| id == "content_drift"));
    match options.content {
        _ if options.facts.is_some() => false,
        // Whoever says what is wanted says whether content is.
        content if options.wanted.is_some() => content == ContentChoice::Always,
        ContentChoice::Always | ContentChoice::ByLink if then.is_nothing() => !skipped,
        _ if skipped => false,
        _ => match then.known() {
            Some(then) => then.scans.tables.values().any(|scan| scan.content.read().is_some()),
            // Nobody knows yet.
            None => !then.is_settled(),
        },
    }
}

/// Asks for the content of every table that is looked at.
pub(super) fn want(plan: &Plan, evidence: &Evidence, wants: &mut Wants) {
    wants.catalog(&[CatalogFactName::Column, CatalogFactName::Key, CatalogFactName::Relation]);
    let catalog = &evidence.catalog;
    if catalog.columns.is_not_asked() || catalog.keys.is_not_asked() {
        return;
    }
    for table in plan.compared_tables(catalog).into_iter().flatten() {
        wants.add(Request::Content(table.name.clone()));
        let (tenant, hour) = plan.spread_columns(catalog, &table.name);
        if tenant.is_some() || hour.is_some() {
            wants.add(Request::Spread { table: table.name.clone(), tenant, hour });
        }
    }
}
