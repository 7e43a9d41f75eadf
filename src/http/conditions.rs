//! How the document shows the condition headers; `etag` reads them.

/// On reads.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfReads {
    /// Tags of representations the caller has; if one is current, the answer is 304.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// On changes.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfChanges {
    /// Change only what still has this id and revision; a status that moved meanwhile does not matter.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// `*` creates only.
    #[param(rename = "If-None-Match", example = "*")]
    if_none_match: Option<String>,
}

/// On deletions.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfDeletes {
    /// Delete only what still has this id and revision.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}
