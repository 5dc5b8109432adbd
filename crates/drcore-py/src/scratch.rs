//! The verb and the handle of a throw-away cluster.

use std::sync::{Arc, Mutex, PoisonError};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Error, ErrorKind, Result};
use pyo3::prelude::*;

use crate::call::Call;
use crate::error::IntoPyResult;

/// Starts `drcore.scratch`.
#[pyfunction]
pub(crate) fn scratch(options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let options = ScratchOptions::from_json(options);
    Call::start::<Scratch, _, _>(wake, |_, _| async move { ScratchCluster::start(options?).await })
}

/// A throw-away PostgreSQL server on this machine, gone when it is closed, or with this process.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct Scratch(Mutex<Option<Arc<ScratchCluster>>>);

#[pymethods]
impl Scratch {
    /// The connection string of its database `postgres`, as superuser.
    #[getter]
    fn url(&self) -> PyResult<String> {
        self.url_of("postgres")
    }

    /// The connection string of one of its databases, as superuser.
    fn url_of(&self, database: &str) -> PyResult<String> {
        Ok(self.cluster().into_py_result()?.url(database))
    }

    /// Ends the server and removes its data. A second time does nothing.
    fn close(&self, py: Python<'_>) {
        let cluster = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last who holds it ends it.
        py.detach(|| drop(cluster));
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        match self.cluster() {
            Ok(cluster) => format!("<drcore.Scratch {}>", cluster.url("postgres")),
            Err(_) => "<drcore.Scratch, closed>".to_owned(),
        }
    }
}

impl Scratch {
    fn cluster(&self) -> Result<Arc<ScratchCluster>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or_else(|| Error::new(ErrorKind::Usage, "the scratch cluster is closed"))
    }
}

/// Starts `Scratch.create_database`.
#[pyfunction]
pub(crate) fn create_database(
    scratch: &Bound<'_, Scratch>,
    name: String,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let cluster = scratch.get().cluster();
    let work = |_, _| async move {
        let cluster = cluster?;
        cluster.create_database(&name).await?;
        Ok(cluster.url(&name))
    };
    Call::start_giving(wake, work, |py, url: String| Ok(url.into_pyobject(py)?.into_any().unbind()))
}

impl From<ScratchCluster> for Scratch {
    fn from(cluster: ScratchCluster) -> Self {
        Self(Mutex::new(Some(Arc::new(cluster))))
    }
}
