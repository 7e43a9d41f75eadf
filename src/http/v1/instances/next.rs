//! "May I switch now?": whether every registered acceptor was seen, lately, to have an instance's next certificate.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::certificate::Certificate;
use crate::domain::instance::InstanceSpec;
use crate::domain::name::RegistrationName;
use crate::domain::trust::InPlace;
use crate::http::api::Api;
use crate::http::extract::{NamePath, Named, Pairs, Parameters, ReadParameters};
use crate::http::negotiate::Format;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::http::text::{Table, maybe_moment, moment};
use crate::http::v1::registration::find;
use crate::http::v1::trusts::{TrustStatuses, TrustView};
use crate::store::instances::Instance;
use crate::store::{Conn, certificates, peers, trusts};

/// How old the looks may be.
#[derive(Debug, Clone, Copy, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MaxAge {
    /// How old the last look at each acceptor may be: seconds, minutes or hours, at most `24h`.
    #[param(value_type = Option<String>, example = "15m", default = "15m", pattern = "^[0-9]+[smh]$")]
    pub max_age: Duration,
}

impl ReadParameters for MaxAge {
    fn read(pairs: &mut Pairs) -> Self {
        let wanted = "a number of seconds, minutes or hours such as 90s, 15m or 2h, at most 24h";
        let given = pairs.parse("max_age", wanted, age);
        Self {
            max_age: given.unwrap_or(Duration::minutes(15)),
        }
    }
}

fn age(text: &str) -> Option<Duration> {
    let age = crate::domain::duration::parse(text, &["s", "m", "h"])?;
    let age = Duration::from_std(age).ok()?;
    (age <= Duration::hours(24)).then_some(age)
}

/// What the looks say about switching.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NextAnswer {
    instance: String,
    sha256: String,
    /// SHA-1, as SQL Server shows it.
    thumbprint: String,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    /// Whoever is to let the instance in, by any registration.
    acceptors: Vec<AcceptorView>,
}

/// One acceptor, as it was last seen.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AcceptorView {
    #[schema(example = "HOST_B")]
    on: String,
    /// `unknown` when nobody has looked since a pin or a registration changed.
    in_place: InPlace,
    /// When a job last looked.
    #[schema(required)]
    checked_at: Option<DateTime<Utc>>,
    /// Why the switch would not be safe for this acceptor, as far as is known.
    #[schema(required)]
    in_the_way: Option<String>,
}

/// May the endpoint be switched to the next certificate?
///
/// Yes (200) only if every registered acceptor was seen, no longer ago than `max_age`, to have it in place, and it is valid
/// now. Otherwise `next_not_in_place` (409) with the list; 404 also where none is uploaded as `next`. Who lets the instance in without being registered is not known here.
#[utoipa::path(
    get, path = "/v1/instances/{name}/next", operation_id = "get_next", tag = "instances",
    params(NamePath, MaxAge),
    responses(
        (status = 200, description = "Every registered acceptor has it.", content((NextAnswer = "application/json", example = json!(example())), (String = "text/plain"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
    )
)]
pub async fn get_next(
    State(api): State<Api>,
    Named(name): Named,
    Parameters(MaxAge { max_age }): Parameters<MaxAge>,
    format: Format,
) -> Answer {
    let mut conn = api.store.acquire().await?;
    let instance = find::<InstanceSpec>(&mut conn, &name).await?;
    let pins = certificates::pins(&mut conn, instance.id).await?;
    let next = pins.next.ok_or_else(|| none(&instance.name))?.certificate;
    let now = trusts::now(&mut conn).await?;
    let seen = trusts_of(&mut conn, &instance).await?;
    let acceptors: Vec<AcceptorView> = seen
        .iter()
        .map(|trust| AcceptorView::of(trust, now, max_age))
        .collect();
    let reasons = reasons(&next, &acceptors, now);
    if !reasons.is_empty() {
        let list = serde_json::to_value(&acceptors).unwrap_or_default();
        return Err(
            Problem::new(ProblemKind::NextNotInPlace, reasons.join("; "))
                .member("acceptors", list)
                .member("sha256", next.sha256.to_string()),
        );
    }
    let answer = NextAnswer {
        instance: instance.name.to_string(),
        sha256: next.sha256.to_string(),
        thumbprint: next.thumbprint.to_string(),
        not_before: next.not_before,
        not_after: next.not_after,
        acceptors,
    };
    match format {
        Format::Json => reply::json(StatusCode::OK, &answer),
        Format::Text => Ok(reply::text(StatusCode::OK, plain(&answer))),
    }
}

fn none(name: &RegistrationName) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("no certificate is uploaded as the next one of instance {name}"),
    )
}

/// The trusts from this instance on everyone who shares a registration with it.
async fn trusts_of(conn: &mut Conn, instance: &Instance) -> Result<Vec<TrustView>, Problem> {
    let peers = peers::among(conn, &[instance.id]).await?;
    let acceptors: Vec<Uuid> = peers.into_values().flatten().collect();
    let asked = acceptors.iter().map(|acceptor| (*acceptor, instance.id));
    let statuses = TrustStatuses::load(conn, [instance.id].into(), asked.collect()).await?;
    let views = statuses.by_name(&acceptors).into_iter();
    Ok(views
        .filter_map(|acceptor| statuses.view(acceptor, instance.id))
        .collect())
}

impl AcceptorView {
    fn of(trust: &TrustView, now: DateTime<Utc>, max_age: Duration) -> Self {
        let next = trust.next.as_ref();
        let in_place = next.map_or(InPlace::Unknown, |next| next.in_place);
        let in_the_way = match (in_place, trust.checked_at) {
            (_, None) => Some("nobody has looked yet".to_owned()),
            (InPlace::Unknown, Some(_)) => Some(
                "not known: nobody has looked since a pin or a registration changed, or the log-in does not see enough".to_owned(),
            ),
            (InPlace::No, Some(at)) => Some(format!("not in place, seen {}", moment(at))),
            (InPlace::Yes, Some(at)) if now - at > max_age => {
                Some(format!("in place, but last seen {}", moment(at)))
            }
            (InPlace::Yes, Some(_)) => None,
        };
        Self {
            on: trust.on.clone(),
            in_place,
            checked_at: trust.checked_at,
            in_the_way,
        }
    }
}

/// What stands against the switch; empty: nothing.
fn reasons(next: &Certificate, acceptors: &[AcceptorView], now: DateTime<Utc>) -> Vec<String> {
    let mut reasons = Vec::new();
    if now < next.not_before {
        reasons.push(format!("it begins {}", moment(next.not_before)));
    } else if now > next.not_after {
        reasons.push(format!("it ended {}", moment(next.not_after)));
    }
    if acceptors.is_empty() {
        reasons.push("no registration names anybody who is to let this instance in".to_owned());
    }
    reasons.extend(
        acceptors
            .iter()
            .filter_map(|a| Some(format!("{}: {}", a.on, a.in_the_way.as_ref()?))),
    );
    reasons
}

fn plain(answer: &NextAnswer) -> String {
    let mut table = Table::new(&["ON", "NEXT", "CHECKED"]);
    for acceptor in &answer.acceptors {
        table.row([
            acceptor.on.clone(),
            "in place".to_owned(),
            maybe_moment(acceptor.checked_at),
        ]);
    }
    format!(
        "every registered acceptor of {} has SHA-1 {}\n\n{}",
        answer.instance,
        answer.thumbprint,
        table.render()
    )
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "instance": "HOST_A",
        "sha256": "3f0a9e1f6c1d0f5f4f0e5a9f8f5f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b",
        "thumbprint": "9F21A7C44E0B5D1188A0C7B2E3F4051627384950",
        "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-11-01T00:00:00Z",
        "acceptors": [{"on": "HOST_B", "in_place": "yes", "checked_at": "2026-11-22T20:12:00Z", "in_the_way": null}]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit_and_an_end() {
        assert_eq!(age("15m"), Some(Duration::minutes(15)));
        assert_eq!(age("24h"), Some(Duration::days(1)));
        for bad in ["25h", "500ms", "15"] {
            assert_eq!(age(bad), None, "{bad:?}");
        }
    }
}
