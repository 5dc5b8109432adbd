//! Against the baseline: policies.

use super::Case;
use crate::check::Judgement;
use crate::checks::policies;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let (Some(now), Some(then)) = (case.policies, case.old_policies) else { return };
    for table in case.now.relations {
        if case.old(table).is_some() && case.looks_at(table) && !case.is_buckets(table) {
            let (now, then) = (policies::of(now, &table.name), policies::of(then, &table.name));
            policies::compare(super::ID, case.context, now, then, judgement);
        }
    }
}
