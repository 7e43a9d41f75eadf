-- When a job is no longer wanted: it ends as failed by then, unless it has begun to change something. By this database's clock.
alter table jobs add column deadline timestamptz;
comment on column jobs.deadline is
    'No attempt, and no change, begins after it; null for a job that may take its time. The option of the request, as time.';
-- Looked through at every turn of every worker: open jobs with a deadline only.
create index jobs_overdue on jobs (deadline) where deadline is not null and state in ('queued', 'running');
