-- Attempts: one row per claim of a job, whatever became of it.
create table job_attempts (
    -- Whose attempt.
    job_id uuid not null constraint job_attempts_job_fk references jobs (id),
    -- From 1, in the order of the claims.
    number integer not null constraint job_attempts_number_from_1 check (number >= 1),
    -- Which process made it, for people.
    worker text not null,
    -- By this database's clock.
    started_at timestamptz not null,
    -- Null while it runs.
    ended_at timestamptz,
    -- `lost`: its lease ran out and another worker took the job. `handed_back`: the process was stopped; not counted.
    outcome text constraint job_attempts_outcome_known check (
        outcome in ('succeeded', 'failed', 'retry', 'handed_back', 'lost', 'cancelled')
    ),
    -- Why it did not succeed.
    failure_code text,
    detail text,
    -- Steps begun so far: the last ordinal given out.
    steps integer not null default 0,
    constraint job_attempts_pk primary key (job_id, number),
    constraint job_attempts_ended_whole check ((ended_at is null) = (outcome is null))
);
