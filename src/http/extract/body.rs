//! Bodies as bytes: size limits and media types.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderMap, header};

use crate::http::problem::{Problem, ProblemKind};

/// The largest body of any operation.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The media type of a body, lower case and without parameters.
///
/// # Errors
/// `unsupported_media_type` for a content coding: bodies are small and taken as they are.
pub fn content_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity")
    {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            "bodies are not taken compressed; leave Content-Encoding out",
        ));
    }
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|media| media.trim().to_ascii_lowercase());
    Ok(media)
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// `body_too_large`; a body that breaks off counts as malformed.
pub async fn read(mut request: Request, limit: usize) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        Problem::new(
            ProblemKind::BodyTooLarge,
            format!("this operation takes at most {limit} bytes"),
        )
    };
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large());
    }
    DefaultBodyLimit::max(limit).apply(&mut request);
    let whole = Bytes::from_request(request, &()).await;
    whole.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
        _ => Problem::new(
            ProblemKind::InvalidBody,
            "the body broke off before its end",
        ),
    })
}
