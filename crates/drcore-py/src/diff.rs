//! The verb and the handle of a comparison.

use std::sync::{Mutex, PoisonError};

use drcore::diff::{DiffOptions, DiffReport, DiffRows, side};
use drcore::report::TextOptions;
use drcore::{Against, Result};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::evidence::Evidence;

/// Starts `drcore.diff`. A side is Evidence, a file, a URL, or none: the environment's database.
#[pyfunction]
pub(crate) fn diff(
    a: (Option<String>, Option<Bound<'_, Evidence>>),
    b: (Option<String>, Option<Bound<'_, Evidence>>),
    options: &str,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let (a, b, options) = (given(a), given(b), DiffOptions::from_json(options));
    Call::start::<Diff, _, _>(wake, |cancel, sink| async move {
        let mut options = options?;
        options.collect.cancel = cancel;
        options.collect.progress = Some(sink);
        drcore::diff(&a?, &b?, &options).await
    })
}

fn given((text, evidence): (Option<String>, Option<Bound<'_, Evidence>>)) -> Result<Against> {
    match evidence {
        Some(evidence) => Ok(Against::Evidence(Box::new(evidence.get().inner().clone()))),
        None => side(text.as_deref()),
    }
}

/// What differs between two sides, A and B.
///
/// `print(diff)` shows the text of the command line, without values; `rows` are all rows that differ.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Diff {
    inner: DiffReport,
    tables: Lazy,
    only_in_a: Lazy,
    only_in_b: Lazy,
    left_out: Lazy,
    structure: Lazy,
    unread: Lazy,
    a: Lazy,
    b: Lazy,
}

#[pymethods]
impl Diff {
    /// Reads a comparison from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| DiffReport::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads a comparison from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// What it comes to: `same`, `different` or `unproven`.
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "diff_verdict", &self.inner.verdict)
    }

    /// The exit code that the command would end with: 0 the same, 1 different, 3 unproven.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// Each table that both sides have: those that differ first.
    #[getter]
    fn tables(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.tables.get(py, "diff_tables", || &self.inner.tables)
    }

    /// Tables that only A has.
    #[getter]
    fn only_in_a(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.only_in_a.get(py, "lone_tables", || &self.inner.only_in_a)
    }

    /// Tables that only B has.
    #[getter]
    fn only_in_b(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.only_in_b.get(py, "lone_tables", || &self.inner.only_in_b)
    }

    /// Tables that were not compared because somebody said so, or because they are no data of the application.
    #[getter]
    fn left_out(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.left_out.get(py, "omitted_tables", || &self.inner.left_out)
    }

    /// What differs in the structure, where that is what was compared.
    #[getter]
    fn structure(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.structure.get(py, "diff_structure", || &self.inner.structure)
    }

    /// What could not be read or compared.
    #[getter]
    fn unread(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.unread.get(py, "diff_unread", || &self.inner.unread)
    }

    /// What a reader should know.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// The one side: what it is, and how it was read.
    #[getter]
    fn a(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.a.get(py, "diff_side", || &self.inner.a)
    }

    /// The other side: what it is, and how it was read.
    #[getter]
    fn b(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.b.get(py, "diff_side", || &self.inner.b)
    }

    /// Every row that differs, one after the other, however many.
    #[getter]
    fn rows(&self) -> PyResult<DiffRowIterator> {
        let rows = self.inner.rows().into_py_result()?;
        Ok(DiffRowIterator(Mutex::new(rows)))
    }

    /// Every row that differs, as a list of flat dicts, such as `pandas.DataFrame` takes.
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut lines = Vec::new();
        for row in self.inner.rows().into_py_result()? {
            lines.push(row.and_then(|row| row.to_json_line()).into_py_result()?);
        }
        plain(py, &format!("[{}]", lines.join(",")))
    }

    /// Every row that differs as a pandas `DataFrame`.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("drcore._convert")?.call_method1("diff_frame", (self.records(py)?,))
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node; values of rows only where
    /// they are asked for.
    #[pyo3(signature = (values=false))]
    fn to_json(&self, py: Python<'_>, values: bool) -> PyResult<String> {
        let json = || if values { self.inner.to_json_with_values() } else { self.inner.to_json() };
        py.detach(json).into_py_result()
    }

    /// The JSON form as dicts and lists.
    #[pyo3(signature = (values=false))]
    fn to_dict<'py>(&self, py: Python<'py>, values: bool) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json(py, values)?)
    }

    fn __str__(&self) -> String {
        self.inner.to_text(TextOptions::default())
    }

    fn __repr__(&self) -> String {
        format!(
            "<drcore.Diff {}: {} tables compared, {} unread>",
            self.inner.verdict.as_str(),
            self.inner.tables.len(),
            self.inner.unread.len(),
        )
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py, true)?,))
    }
}

impl From<DiffReport> for Diff {
    fn from(inner: DiffReport) -> Self {
        let lazy = Lazy::new;
        Self {
            inner,
            tables: lazy(),
            only_in_a: lazy(),
            only_in_b: lazy(),
            left_out: lazy(),
            structure: lazy(),
            unread: lazy(),
            a: lazy(),
            b: lazy(),
        }
    }
}

impl PartialEq for Diff {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

/// Rows that differ, one after the other.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct DiffRowIterator(Mutex<DiffRows>);

#[pymethods]
impl DiffRowIterator {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let row = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next());
        row.transpose().into_py_result()?.map(|row| value(py, "diff_row", &row)).transpose()
    }
}
