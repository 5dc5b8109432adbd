//! The verb and the handle of an inspection.

use drcore::Against;
use drcore::archive::{ArchiveInput, InspectOptions, Inspection as Inspected};
use drcore::report::TextOptions;
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::evidence::Evidence;

/// Starts `drcore.inspect`.
#[pyfunction]
pub(crate) fn inspect(
    archive: &str,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let (input, options) = (ArchiveInput::parse(archive), InspectOptions::from_json(options));
    let against = against.map(|evidence| Box::new(evidence.get().inner().clone()));
    Call::start::<Inspection, _, _>(wake, |cancel, _| async move {
        let mut options = options?;
        options.cancel = cancel;
        if let Some(evidence) = against {
            options.against = Some(Against::Evidence(evidence));
        }
        drcore::inspect(input?, &options).await
    })
}

/// What a dump holds, and whether it is whole.
///
/// `print(inspection)` shows the text of the command line.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Inspection {
    inner: Inspected,
    archive: Lazy,
    damage: Lazy,
    differences: Lazy,
    tables: Lazy,
    large_objects: Lazy,
    entries: Lazy,
    against: Lazy,
    run: Lazy,
}

#[pymethods]
impl Inspection {
    /// Reads an inspection from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| Inspected::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads an inspection from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// What it comes to: `whole`, `damaged`, `differs` (from the baseline), or `unproven`.
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "inspect_verdict", &self.inner.verdict)
    }

    /// The exit code that the command would end with: 0 whole, 1 damaged or other than the baseline, 3 unproven.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// What it is called: a path, or where it was read from.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the dump says of itself; `None` where it could not be understood so far.
    #[getter]
    fn archive(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.archive.get(py, "archive_header", || &self.inner.archive)
    }

    /// Whether its data was read, to the end or to where it breaks.
    #[getter]
    fn data_read(&self) -> bool {
        self.inner.data_read
    }

    /// All that is damaged.
    #[getter]
    fn damage(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.damage.get(py, "archive_damage", || &self.inner.damage)
    }

    /// What is other than the baseline says, or than in the other dump.
    #[getter]
    fn differences(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.differences.get(py, "archive_differences", || &self.inner.differences)
    }

    /// Why nobody can tell whether it is whole.
    #[getter]
    fn unproven(&self) -> Vec<String> {
        self.inner.unproven.clone()
    }

    /// What a reader should know.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// Rows of all tables that are whole.
    #[getter]
    fn rows(&self) -> u64 {
        self.inner.rows
    }

    /// Each table whose data is in it. One that breaks has no `rows`.
    #[getter]
    fn tables(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.tables.get(py, "archive_tables", || &self.inner.tables)
    }

    /// The large objects in it.
    #[getter]
    fn large_objects(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.large_objects.get(py, "large_objects", || self.inner.large_objects)
    }

    /// Tables that it makes, and holds no data of.
    #[getter]
    fn without_data(&self) -> Vec<String> {
        self.inner.without_data.clone()
    }

    /// The schemas that it makes.
    #[getter]
    fn schemas(&self) -> Vec<String> {
        self.inner.schemas.clone()
    }

    /// The extensions that it makes.
    #[getter]
    fn extensions(&self) -> Vec<String> {
        self.inner.extensions.clone()
    }

    /// The roles that own something in it: who restores it needs them.
    #[getter]
    fn owners(&self) -> Vec<String> {
        self.inner.owners.clone()
    }

    /// The table of contents, where it was asked for.
    #[getter]
    fn entries(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.entries.get(py, "archive_entries", || &self.inner.entries)
    }

    /// What it was compared with.
    #[getter]
    fn against(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.against.get(py, "inspect_against", || &self.inner.against)
    }

    /// What is volatile about it.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "inspect_run", || &self.inner.run)
    }

    /// As text, as on a terminal so many columns wide; `None` does not wrap.
    #[pyo3(signature = (*, width=Some(80), color=false, verbose=false))]
    fn to_text(&self, width: Option<usize>, color: bool, verbose: bool) -> String {
        let mut options = TextOptions::default();
        (options.width, options.color, options.verbose) = (width, color, verbose);
        self.inner.to_text(options)
    }

    /// As Markdown.
    fn to_markdown(&self) -> String {
        self.inner.to_markdown()
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.to_json()).into_py_result()
    }

    /// The JSON form as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json(py)?)
    }

    fn __str__(&self) -> String {
        self.inner.to_text(TextOptions::default())
    }

    fn __repr__(&self) -> String {
        format!(
            "<drcore.Inspection {}: {} tables, {} rows>",
            self.inner.verdict.as_str(),
            self.inner.tables.len(),
            self.inner.rows,
        )
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl From<Inspected> for Inspection {
    fn from(inner: Inspected) -> Self {
        Self {
            inner,
            archive: Lazy::new(),
            damage: Lazy::new(),
            differences: Lazy::new(),
            tables: Lazy::new(),
            large_objects: Lazy::new(),
            entries: Lazy::new(),
            against: Lazy::new(),
            run: Lazy::new(),
        }
    }
}

impl PartialEq for Inspection {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
