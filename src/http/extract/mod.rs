//! Extractors: the only way in for bodies, paths, queries and waits. Handlers use these and never axum's own, so that
//! every refusal is a problem document with a pointer, and no refusal repeats a value that may be a secret.

mod body;
mod json;
mod path;
mod query;
mod shape;
mod tree;
mod upload;
mod wait;

pub use body::MAX_BODY_BYTES;
pub use json::{Json, JsonText, NoBody};
pub use path::{CertificatePath, JobId, JobPath, NamePath, Named, NamedCertificate};
pub use query::{NoParameters, Pairs, Parameters, ReadParameters, given};
pub use tree::escape;
pub use upload::{Upload, UploadDocument};
pub use wait::Wait;
