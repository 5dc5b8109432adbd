//! What a dump holds, kept in Rust.

use drcore::archive::{ArchiveInput, Inspection};
use drcore::report::TextOptions;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;

/// Reads a dump without a server.
#[napi]
pub fn inspect<'env>(
    env: &'env Env,
    call: &Call,
    archive: String,
) -> napi::Result<PromiseRaw<'env, Answer<InspectionHandle>>> {
    let call = call.clone();
    promise(env, async move {
        drcore::inspect(ArchiveInput::parse(&archive)?, &call.inspect_options()?).await.map(Into::into)
    })
}

/// What a dump holds, and whether it is whole.
#[napi]
pub struct InspectionHandle(Inspection);

impl From<Inspection> for InspectionHandle {
    fn from(inspection: Inspection) -> Self {
        Self(inspection)
    }
}

#[napi]
impl InspectionHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// As text; without a width it is not wrapped.
    #[napi]
    pub fn text(&self, width: Option<u32>, color: bool, verbose: bool) -> String {
        let mut options = TextOptions::default();
        options.width = width.map(|width| width as usize);
        options.color = color;
        options.verbose = verbose;
        self.0.to_text(options)
    }

    /// As Markdown.
    #[napi]
    pub fn markdown(&self) -> String {
        self.0.to_markdown()
    }
}

/// Reads the JSON form.
#[napi]
pub fn read_inspection(text: String) -> Answer<InspectionHandle> {
    answer(Inspection::from_json(&text).map(Into::into))
}
