//! Taking a certificate in: what it is for, what it is refused for, and what is said about one that is taken.

use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;

use super::view::UploadedView;
use super::{example, no_such, warnings};
use crate::domain::certificate::{Certificate, Purpose, RefusedCertificate, UploadTerms};
use crate::domain::hash::Sha256;
use crate::domain::instance::InstanceSpec;
use crate::domain::name::RegistrationName;
use crate::http::api::Api;
use crate::http::extract::{
    NamePath, Named, Pairs, Parameters, ReadParameters, Upload, UploadDocument,
};
use crate::http::idempotency::{Effect, KeyHeader, Keyed, Once, replayed};
use crate::http::negotiate::JsonOnly;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::http::v1::registration::find;
use crate::store::certificate_uses::{self, Clash};
use crate::store::{Conn, certificates};

/// What an upload is for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadParameters {
    /// `current`: the endpoint uses it now; the last such upload is the instance's pin. `next`: handed out beforehand, for a renewal to come.
    #[param(value_type = Option<Purpose>, default = "current")]
    purpose: Purpose,
    /// Take a certificate that has expired.
    #[param(value_type = Option<bool>, default = false)]
    allow_expired: bool,
    /// Take as `current` a certificate that begins more than five minutes from now.
    #[param(value_type = Option<bool>, default = false)]
    allow_not_yet_valid: bool,
}

impl ReadParameters for UploadParameters {
    fn read(pairs: &mut Pairs) -> Self {
        let purpose = pairs.parse("purpose", "current or next", |text| {
            [Purpose::Current, Purpose::Next]
                .into_iter()
                .find(|p| p.as_str() == text)
        });
        let mut allowed = |name| {
            pairs
                .parse(name, "true or false", |text| text.parse().ok())
                .unwrap_or(false)
        };
        Self {
            purpose: purpose.unwrap_or(Purpose::Current),
            allow_expired: allowed("allow_expired"),
            allow_not_yet_valid: allowed("allow_not_yet_valid"),
        }
    }
}

/// Upload a certificate
///
/// The public half only, and its dress is told by its content, whatever the media type: DER (a line end behind it or not), PEM
/// with any line ends, `0x…` as SQL Server shows it, base64 of DER or of PEM, in UTF-8 or UTF-16. A private key or a PKCS#12 is
/// refused and never stored; what else is refused is called by its name: a request, a PKCS#7 container, a page of HTML, a
/// certificate that is cut, damaged (its own signature does not hold), expired or not yet valid. Uploading the same again changes
/// nothing; with another purpose it moves there. `warnings` tell what to know about what was taken.
#[utoipa::path(
    post, path = "/v1/instances/{name}/certificates", operation_id = "upload_certificate", tag = "certificates",
    params(NamePath, UploadParameters, KeyHeader),
    request_body(description = "One certificate in any dress; at most 64 KiB, its DER at most 16 KiB. The form's one field is named `certificate`; its content is the file, or its base64.", content(
        (String = "application/pkix-cert"),
        (String = "application/octet-stream"),
        (String = "application/x-pem-file"),
        (String = "text/plain"),
        (UploadDocument = "multipart/form-data"),
        (UploadDocument = "application/json", example = json!({"certificate": "MIIC…"})),
    )),
    responses(
        (status = 200, description = "It was there already.", body = UploadedView, example = json!(uploaded_example())),
        (status = 201, description = "Stored.", body = UploadedView, example = json!(uploaded_example())),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn upload_certificate(
    State(api): State<Api>,
    Named(name): Named,
    Parameters(asked): Parameters<UploadParameters>,
    _: JsonOnly,
    keyed: Keyed,
    Upload(bytes): Upload,
) -> Answer {
    let work = async |conn: &mut Conn| keep(&api, conn, &name, (&bytes[..], &asked)).await;
    match keyed.once(&api, &bytes, work).await? {
        Once::Done(status, (instance, view)) => uploaded(status, &instance, &view),
        Once::Replay(status, object) => {
            let mut conn = api.store.acquire().await?;
            replay(&api, &mut conn, &name, status, &object).await
        }
    }
}

/// Takes the certificate in: the instance's name as it is spelt, and what is shown of the certificate.
async fn keep(
    api: &Api,
    conn: &mut Conn,
    name: &RegistrationName,
    (bytes, asked): (&[u8], &UploadParameters),
) -> Result<Effect<(RegistrationName, UploadedView)>, Problem> {
    let now = api.clock.now();
    let terms = UploadTerms {
        purpose: asked.purpose,
        allow_expired: asked.allow_expired,
        allow_not_yet_valid: asked.allow_not_yet_valid,
        now,
    };
    let certificate = Certificate::from_upload(bytes, &terms).map_err(refused)?;
    let instance = find::<InstanceSpec>(conn, name).await?;
    let clashes = certificate_uses::clashes(conn, &certificate).await?;
    let kept = certificates::upload(conn, instance.id, &certificate, asked.purpose, now).await?;
    let certificates::Upload::Kept {
        certificate,
        is_new,
    } = kept
    else {
        return Err(already_current());
    };
    if asked.purpose == Purpose::Next {
        refuse_clash(instance.id, &clashes)?;
    }
    let warnings = warnings::of(api, conn, &certificate, &clashes).await?;
    Ok(Effect {
        status: match is_new {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        },
        object: format!("{}/{}", instance.id, certificate.certificate.sha256),
        made: (instance.name, UploadedView::of(&certificate, warnings)),
    })
}

/// The next one goes to acceptors that hold the current one already; the two of one issuer and serial could not live there.
fn refuse_clash(instance: Uuid, clashes: &[Clash]) -> Result<(), Problem> {
    let Some(own) = clashes
        .iter()
        .find(|clash| clash.instance_id == instance && clash.held_as.is_none())
    else {
        return Ok(());
    };
    let detail = format!(
        "the certificate has the issuer and serial of an earlier one of this instance ({}) and other bytes; acceptors that hold that one would refuse the handshake (28045). Make one with a serial of its own, or forget that one if no server holds it",
        warnings::describe(own)
    );
    Err(Problem::at(
        ProblemKind::CertificateRefused,
        "",
        "issuer_serial_clash",
        detail,
    ))
}

fn already_current() -> Problem {
    let detail =
        "this certificate is the instance's pin (purpose current); the next one has to be another"
            .to_owned();
    Problem::at(
        ProblemKind::CertificateRefused,
        "",
        "already_current",
        detail,
    )
}

fn uploaded(status: StatusCode, instance: &RegistrationName, view: &UploadedView) -> Answer {
    let path = format!("/v1/instances/{instance}/certificates/{}", view.sha256());
    Ok(reply::located(reply::json(status, view)?, &path))
}

/// The certificate of an upload that was made before, as it is now; deleted since, or of an instance that was, it is gone.
async fn replay(
    api: &Api,
    conn: &mut Conn,
    name: &RegistrationName,
    status: StatusCode,
    object: &str,
) -> Answer {
    let instance = find::<InstanceSpec>(conn, name).await?;
    let sha256 = object
        .strip_prefix(&format!("{}/", instance.id))
        .and_then(|text| Sha256::parse(text).ok())
        .ok_or_else(|| no_such(name))?;
    let stored = certificates::get(conn, instance.id, &sha256)
        .await?
        .ok_or_else(|| no_such(name))?;
    let clashes = certificate_uses::clashes(conn, &stored.certificate).await?;
    let warnings = warnings::of(api, conn, &stored, &clashes).await?;
    let view = UploadedView::of(&stored, warnings);
    uploaded(status, &instance.name, &view).map(replayed)
}

fn refused(why: RefusedCertificate) -> Problem {
    Problem::at(
        ProblemKind::CertificateRefused,
        "",
        why.code(),
        why.to_string(),
    )
}

fn uploaded_example() -> serde_json::Value {
    let mut example = example();
    example["warnings"] = serde_json::json!([{
        "code": "certificate_expires_soon", "detail": "it ends 2027-03-01 00:00:00Z, in 12 days", "instances": []
    }]);
    example
}
