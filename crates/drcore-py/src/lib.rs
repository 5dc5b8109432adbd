//! The compiled half of the Python package: handles and calls. It converts and
//! calls; what it calls is in the core, and what people call is in `python/drcore`.

mod backup;
mod call;
mod convert;
mod copy;
mod diff;
mod drill;
mod error;
mod evidence;
mod gap;
mod inspect;
mod platform;
mod repair;
mod report;
mod restore;
mod scratch;
mod storage;
mod verify;

/// The compiled half of drcore. Use `import drcore`.
#[pyo3::pymodule]
mod _native {
    use std::path::PathBuf;

    use pyo3::prelude::*;

    use crate::error::IntoPyResult;

    #[pymodule_export]
    use super::{
        backup::{backup_list, backup_prune, backup_prune_plan, backup_salvage, backup_take, backup_verify},
        call::Call,
        copy::{Copied, CopyPlan, copy, execute_copy},
        diff::{Diff, DiffRowIterator, diff},
        drill::{Rehearsal, drill, drills_history, drills_record},
        error::error_kinds,
        evidence::Evidence,
        gap::{Gap, gap},
        inspect::{Inspection, inspect},
        platform::{platform_backups, platform_pitr, platform_pitr_plan},
        repair::{RepairPlan, Repaired, apply, repair},
        report::Report,
        restore::{RestorePlan, Restored, execute, restore},
        scratch::{Scratch, create_database, scratch},
        storage::{StorageAudit, StorageRowIterator, storage_audit},
        verify::{baseline, collect, init, judge, verify},
    };

    /// Runs the `drcore` command with these arguments, the program's name first; gives its exit code.
    #[pyfunction]
    fn cli(py: Python<'_>, argv: Vec<String>) -> u8 {
        py.detach(|| drcore_cli::run(argv))
    }

    /// The page, in Markdown, about a check, a kind of finding or a key of the plan; or the list of them.
    #[pyfunction]
    #[pyo3(signature = (topic=None))]
    fn explain(topic: Option<&str>) -> PyResult<String> {
        drcore_cli::explain(topic).into_py_result()
    }

    /// The review of an incident, in Markdown, from the JSON of records and from files.
    #[pyfunction]
    fn review(py: Python<'_>, records: Vec<String>, files: Vec<PathBuf>) -> PyResult<String> {
        py.detach(move || drcore::review(&records, &files)).into_py_result()
    }

    #[pymodule_init]
    fn add_version(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
