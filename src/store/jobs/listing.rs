//! Lists of jobs, narrowed to what is asked for.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::Row;
use crate::domain::job::{Job, JobKind, JobState};
use crate::store::list::{Page, one_more};
use crate::store::{Conn, StoreError};

/// What a list of jobs is narrowed to; everything absent means all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
    /// Jobs on this pair (or whatever else it is the id of).
    pub subject_id: Option<Uuid>,
    /// Jobs that name the instance, as subject or as a member.
    pub instance_id: Option<Uuid>,
    /// By the pair's name when the job was asked for, whatever its case; deleted pairs included.
    pub pair: Option<String>,
    /// Likewise, jobs that name an instance so called.
    pub instance: Option<String>,
    pub created_after: Option<DateTime<Utc>>,
}

/// Jobs newest first, before a job's id.
pub async fn list(
    conn: &mut Conn,
    filter: &JobFilter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page<Job, Uuid>, StoreError> {
    let ids: Vec<Uuid> = ids(filter, after, limit)
        .build_query_scalar()
        .fetch_all(&mut *conn)
        .await?;
    let rows = rows!("where id = any($1) order by id desc", &ids)
        .fetch_all(conn)
        .await?;
    let all = rows
        .into_iter()
        .map(Job::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page::of(all, limit, |job: &Job| job.id))
}

/// The one statement of the store that is put together at run time: only the conditions that are asked for, so that each
/// combination can use its index. Nothing but bound values goes into it.
fn ids(filter: &JobFilter, after: Option<Uuid>, limit: u32) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("select j.id from jobs j where true");
    if let Some(after) = after {
        query.push(" and j.id < ").push_bind(after);
    }
    if let Some(state) = filter.state {
        query.push(" and j.state = ").push_bind(state.as_str());
    }
    if let Some(kind) = filter.kind {
        query.push(" and j.kind = ").push_bind(kind.as_str());
    }
    if let Some(subject) = filter.subject_id {
        query.push(" and j.subject_id = ").push_bind(subject);
    }
    if let Some(pair) = &filter.pair {
        query.push(" and j.subject_kind = 'pair' and lower(j.subject_name) = ");
        query.push_bind(pair.to_ascii_lowercase());
    }
    if let Some(instance) = filter.instance_id {
        query.push(" and j.id in (select n.job_id from job_instances n where n.instance_id = ");
        query.push_bind(instance).push(")");
    }
    if let Some(instance) = &filter.instance {
        query.push(
            " and j.id in (select n.job_id from job_instances n where n.instance_name_key = ",
        );
        query.push_bind(instance.to_ascii_lowercase()).push(")");
    }
    if let Some(created_after) = filter.created_after {
        query.push(" and j.created_at > ").push_bind(created_after);
    }
    query
        .push(" order by j.id desc limit ")
        .push_bind(one_more(limit));
    query
}
