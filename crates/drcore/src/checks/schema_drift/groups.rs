//! What is told together, so that one lost migration is not two hundred lines.

use std::collections::BTreeMap;

use super::causes::{Lines, lost_lines};
use super::findings::{FunctionLinesLost, ObjectAdded, ObjectChanged, ObjectLost, ObjectsAdded, ObjectsLost};
use crate::finding::Finding;
use crate::structure::{Drift, ObjectKind, Sides};

/// More objects of one kind, in one schema, are told together: one migration is lost in many tables.
const FEW: usize = 5;

/// What is told together: of one kind, and in one schema.
type Place = (ObjectKind, Option<String>);

/// The findings that tell these drifts.
pub(super) fn findings(drifts: Vec<Drift<'_>>, sides: Sides<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut stripped = Vec::new();
    let mut lost: BTreeMap<Place, Vec<Drift<'_>>> = BTreeMap::new();
    let mut added: BTreeMap<Place, Vec<Drift<'_>>> = BTreeMap::new();
    for drift in drifts {
        let place = (drift.id.kind, drift.id.schema.clone());
        if drift.is_lost() {
            lost.entry(place).or_default().push(drift);
        } else if drift.is_added() {
            added.entry(place).or_default().push(drift);
        } else if drift.differences.len() == 1 && lost_lines(&drift) == Lines::Comments {
            stripped.push(drift);
        } else {
            findings.push(ObjectChanged::new(&drift, sides).into());
        }
    }
    if !stripped.is_empty() {
        findings.push(FunctionLinesLost::new(&stripped, sides).into());
    }
    for drifts in lost.into_values() {
        if drifts.len() > FEW {
            findings.push(ObjectsLost::new(&drifts, sides).into());
        } else {
            findings.extend(drifts.iter().map(|drift| ObjectLost::new(drift, sides).into()));
        }
    }
    for drifts in added.into_values() {
        if drifts.len() > FEW {
            findings.push(ObjectsAdded::new(&drifts, sides).into());
        } else {
            findings.extend(drifts.iter().map(|drift| ObjectAdded::new(drift, sides).into()));
        }
    }
    findings
}
