-- What happened to a job, in the order in which it was committed: what a live feed shows and resumes.
create table job_events (
    -- Whose event.
    job_id uuid not null constraint job_events_job_fk references jobs (id),
    -- The job's version with this event, counted under the lock of the job's row: from 1, without gaps, in commit order.
    seq bigint not null constraint job_events_seq_from_1 check (seq >= 1),
    -- What happened. Open: no list here.
    kind text not null,
    -- What there is to say about it.
    data jsonb not null,
    -- By this database's clock.
    at timestamptz not null,
    constraint job_events_pk primary key (job_id, seq)
);
