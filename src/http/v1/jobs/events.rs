//! A job's events as a stream (server-sent events): what has happened, then what happens, until the job has ended.
//!
//! Woken by news; between two looks a stream holds no connection to PostgreSQL, so thousands may wait.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream::{Stream, unfold};
use serde::Serialize;
use uuid::Uuid;

use super::respond::missing;
use crate::http::api::Api;
use crate::http::extract::{JobId, JobPath, Pairs, Parameters, ReadParameters};
use crate::http::negotiate;
use crate::http::problem::{Fault, Problem, ProblemKind};
use crate::http::reply::Answer;
use crate::store::StoreError;
use crate::store::events::{self, JobEvent};
use crate::store::jobs::{self, Progress};
use crate::store::wake::JobWatch;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Events read at once.
const PAGE: u32 = 100;
/// Between two tries to read while the database is away.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a silent stream shows that it lives; proxies commonly give up after 30 or 60 s.
const PING: Duration = Duration::from_secs(15);

/// Where a stream begins.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AfterParameter {
    /// Only events after this id; the header `Last-Event-ID` of a reader that comes back counts before it.
    #[param(value_type = Option<i64>, minimum = 0, default = 0)]
    after: i64,
}

/// How the document shows the header.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
struct LastEventId {
    /// The id of the last event the reader has seen; browsers send it by themselves.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<i64>,
}

/// The `data` of one event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct EventView<'a> {
    /// The event's id: from 1, without gaps.
    seq: i64,
    /// What happened; the list grows. `ended` is always the last.
    #[schema(example = "step_ended")]
    kind: &'a str,
    at: DateTime<Utc>,
    /// What there is to say about it; the members depend on the kind.
    #[schema(value_type = Object)]
    data: &'a serde_json::Value,
}

impl ReadParameters for AfterParameter {
    fn read(pairs: &mut Pairs) -> Self {
        Self {
            after: pairs
                .parse("after", "the id of an event, or 0", sequence)
                .unwrap_or_default(),
        }
    }
}

fn sequence(text: &str) -> Option<i64> {
    text.parse().ok().filter(|n| *n >= 0)
}

/// Follow a job
///
/// Server-sent events: `id`, `event` (the kind) and `data` (JSON). Begins with what has happened, goes on live, and ends after
/// the job's last event (`ended`). A stream without it was broken off, which HTTP clients report as an incomplete answer; a
/// reader that comes back with `Last-Event-ID` misses nothing. When there is nothing left to come the answer is 204, which
/// tells browsers to stay away.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", operation_id = "stream_job_events", tag = "jobs",
    params(JobPath, AfterParameter, LastEventId),
    responses(
        (status = 200, description = "The events; `data` is an EventView.", content((EventView = "text/event-stream",
            example = json!("id: 1\nevent: accepted\ndata: {\"seq\":1,\"kind\":\"accepted\",\"at\":\"2026-11-22T20:11:00Z\",\"data\":{}}\n\n")))),
        (status = 204, description = "The job has ended, and the reader has seen all its events."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn stream_job_events(
    State(api): State<Api>,
    JobId(id): JobId,
    Parameters(asked): Parameters<AfterParameter>,
    headers: HeaderMap,
) -> Answer {
    negotiate::choose(&headers, &[negotiate::EVENTS])?;
    let last_seen = last_seen(&headers)?;
    let feed = Feed::open(api, id, last_seen.unwrap_or(asked.after)).await?;
    if let Some(last) = feed.beyond {
        return Err(beyond(last, last_seen.is_some()));
    }
    if feed.is_over() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(answer(feed))
}

fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let seen = value.to_str().ok().and_then(sequence);
    seen.map(Some).ok_or_else(|| {
        let fault = Fault::new(
            "/Last-Event-ID",
            "invalid_value",
            "wanted is the id of an event of this job",
        );
        Problem::of(ProblemKind::InvalidHeader, fault)
    })
}

fn answer(feed: Feed) -> Response {
    let ping = KeepAlive::new().interval(PING).text("ping");
    Sse::new(feed.stream()).keep_alive(ping).into_response()
}

/// One reader's place in a job's events.
struct Feed {
    api: Api,
    id: Uuid,
    /// The last event that was read.
    seen: i64,
    watch: JobWatch,
    /// Read and not yet handed out.
    ready: VecDeque<JobEvent>,
    /// There may be more to read at once.
    more: bool,
    /// Nothing comes after what is ready.
    last: bool,
    /// The job's last event, when the reader claims to have seen a later one.
    beyond: Option<i64>,
}

/// Why a stream breaks off before the job's last event: the reader has to come back.
#[derive(Debug, thiserror::Error)]
#[error("the stream breaks off: {0}; come back with Last-Event-ID")]
struct BrokenOff(&'static str);

impl Feed {
    async fn open(api: Api, id: Uuid, seen: i64) -> Result<Self, Problem> {
        // Made before the first look, so that no change between the two is missed.
        let watch = api.wakeups.watch(id);
        let mut feed = Self {
            api,
            id,
            seen,
            watch,
            ready: VecDeque::new(),
            more: true,
            last: false,
            beyond: None,
        };
        let found = feed.look().await?.ok_or_else(|| missing(id))?;
        feed.beyond = (seen > found.version).then_some(found.version);
        Ok(feed)
    }

    fn is_over(&self) -> bool {
        self.last && self.ready.is_empty()
    }

    /// Reads on; how far the job is, or none when it is not there (any more).
    async fn look(&mut self) -> Result<Option<Progress>, StoreError> {
        let (id, seen) = (self.id, self.seen);
        let looking = self.api.look(async |conn| {
            // In this order: what is read of an ended job is all there will ever be.
            let progress = jobs::progress(conn, id).await?;
            Ok((progress, events::list(conn, id, seen, PAGE).await?))
        });
        let (progress, found) = looking.await?;
        self.more = found.len() == PAGE as usize;
        let ended = progress.is_some_and(|p| p.state.has_ended());
        self.last = ended && !self.more;
        if let Some(event) = found.last() {
            self.seen = event.seq;
        }
        self.ready.extend(found);
        Ok(progress)
    }

    /// The next event; none after the job's last. While the database is away the stream stays, and goes on afterwards.
    async fn next(&mut self) -> Result<Option<JobEvent>, BrokenOff> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.last {
                return Ok(None);
            }
            if !self.more {
                tokio::select! {
                    () = self.watch.changed() => {}
                    () = self.api.readiness.cleared() => return Err(BrokenOff("the service is stopping")),
                }
            }
            let api = self.api.clone();
            let looked = tokio::select! {
                looked = self.look() => looked,
                () = api.readiness.cleared() => return Err(BrokenOff("the service is stopping")),
            };
            match looked {
                Ok(Some(_)) => {}
                Ok(None) => return Err(BrokenOff("the job's history has been removed")),
                Err(error) if error.is_unavailable() => {
                    // Without waiting for news: the next try is the news.
                    self.more = true;
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN) => {}
                        () = self.api.readiness.cleared() => return Err(BrokenOff("the service is stopping")),
                    }
                }
                Err(error) => {
                    tracing::error!(job.id = %self.id, %error, "a job's events cannot be read");
                    return Err(BrokenOff("the events cannot be read"));
                }
            }
        }
    }

    /// An error breaks the body off, so that no reader takes what it has for the whole story.
    fn stream(self) -> impl Stream<Item = Result<Event, BrokenOff>> + Send {
        unfold(Some(self), async |feed| {
            let mut feed = feed?;
            match feed.next().await {
                Ok(event) => event.map(|event| (Ok(show(&event)), Some(feed))),
                Err(broken) => Some((Err(broken), None)),
            }
        })
    }
}

fn beyond(last: i64, by_header: bool) -> Problem {
    let (kind, pointer) = match by_header {
        true => (ProblemKind::InvalidHeader, "/Last-Event-ID"),
        false => (ProblemKind::InvalidParameter, "/after"),
    };
    let detail = format!("wanted is the id of an event of this job; its last so far is {last}");
    Problem::at(kind, pointer, "invalid_value", detail)
}

fn show(event: &JobEvent) -> Event {
    let view = EventView {
        seq: event.seq,
        kind: &event.kind,
        at: event.at,
        data: &event.data,
    };
    // One line: JSON escapes line breaks.
    let data = serde_json::to_string(&view).unwrap_or_default();
    Event::default()
        .id(event.seq.to_string())
        .event(&event.kind)
        .data(data)
}
