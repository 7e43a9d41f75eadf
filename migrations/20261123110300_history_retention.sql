-- Pruning finds what ended long ago without looking at the rest, and what still refers to a job without reading all trusts.
create index jobs_ended on jobs (finished_at) where finished_at is not null;
create index trusts_by_job on trusts (job_id);
