//! Views that read past the policies, and what closes them.

use std::collections::BTreeSet;

use super::{DefinerView, as_before, common, graded, noun, owned};
use crate::checks::rls_coverage::Case;
use crate::checks::rls_coverage::sight::{Past, invokes};
use crate::evidence::catalog::{Relation, RelationKind};
use crate::finding::Severity;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{ident, literal};
use crate::text::list;

/// Since when something is as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::checks::rls_coverage) enum Since {
    /// It was so in the baseline.
    Baseline,
    /// It was not so in the baseline.
    Restore,
    /// No baseline tells.
    Unknown,
}

impl DefinerView {
    pub(in crate::checks::rls_coverage) fn new(
        case: &Case<'_>,
        view: &Relation,
        past: &Past<'_>,
        since: Since,
    ) -> Self {
        let names: Vec<String> = past.tables.iter().map(ToString::to_string).collect();
        let (severity, was) = match since {
            Since::Restore => (Severity::Critical, ", and did not"),
            Since::Baseline | Since::Unknown => {
                (graded(since == Since::Baseline), as_before(since == Since::Baseline))
            }
        };
        let roles = owned(past.roles.iter().copied());
        let message =
            format!("the view shows {} past the policies of {}{was}", list(&roles), names.join(", "));
        let under: Vec<&Relation> =
            past.lenders.iter().copied().filter(|lender| lender.name != view.name).collect();
        let what = match under.as_slice() {
            [] => "with".to_owned(),
            under => {
                let names: Vec<String> =
                    under.iter().map(|by| format!("the {} {}", noun(by), by.name)).collect();
                format!("{}, with", names.join(" and "))
            }
        };
        let readers = owned(past.readers.iter().copied());
        let mut common = common("definer_view", view.name.to_string(), severity, message)
            .hint(format!(
                "It reads {what} the rights of {}, for whom the policies do not hold.",
                list(&readers)
            ))
            .query(format!("select pg_get_viewdef({}::regclass)", literal(&view.name.to_string())));
        common.remedy = close_view(case, view, past);
        Self {
            common,
            roles,
            tables: past.tables.iter().copied().cloned().collect(),
            through: under.into_iter().map(|by| by.name.clone()).collect(),
            as_in_baseline: since == Since::Baseline,
        }
    }
}

/// What makes views read with the eyes of who asks; before PostgreSQL 15, what shuts this one to the API.
fn close_view(case: &Case<'_>, view: &Relation, past: &Past<'_>) -> Option<Remedy> {
    if case.context.now.major().is_some_and(|major| major < 15) {
        let reads = |grantee: &str| past.roles.iter().any(|role| case.now.counts_for(role, grantee));
        let granted = view.acl.0.iter().filter(|item| item.has('r') && reads(&item.grantee));
        let grantees: BTreeSet<String> = granted.map(|item| ident(&item.grantee)).collect();
        let from = grantees.into_iter().collect::<Vec<_>>().join(", ");
        let revoke = format!("revoke select on {} from {from}", view.name);
        return (!from.is_empty()).then(|| {
            Remedy::sql(RemedyClass::AvailabilityRisk, [revoke])
                .with_note("before PostgreSQL 15 no view reads with the eyes of who asks (security_invoker)")
        });
    }
    // No policy holds for what a materialised view keeps: then it is for the view to ask who may read that.
    let alter: BTreeSet<&Relation> = past
        .lenders
        .iter()
        .map(|lender| if lender.kind == RelationKind::View { *lender } else { view })
        .filter(|view| !invokes(view))
        .collect();
    let as_it_was = alter.iter().all(|view| case.old(view).is_some_and(invokes));
    let class = if as_it_was { RemedyClass::Safe } else { RemedyClass::AvailabilityRisk };
    let set = |view: &&Relation| format!("alter view {} set (security_invoker = true)", view.name);
    (!alter.is_empty()).then(|| Remedy::sql(class, alter.iter().map(set).collect::<Vec<_>>()))
}
