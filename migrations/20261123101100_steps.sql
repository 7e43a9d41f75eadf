-- Steps: one read or action of one attempt. Written as started before the batch is sent.
create table steps (
    -- Made by the service (UUIDv7).
    id uuid primary key,
    -- The attempt it belongs to.
    job_id uuid not null,
    attempt integer not null,
    -- Position in the attempt, from 1.
    ordinal integer not null constraint steps_ordinal_from_1 check (ordinal >= 1),
    -- Where it ran, with the instance's name at that time.
    instance_id uuid not null constraint steps_instance_fk references instances (id),
    instance_name text not null,
    -- The peer, where it is about a trust.
    peer text,
    -- `observe`, `verify`, or an action's kind. Open: no list here.
    kind text not null,
    -- In words.
    summary text not null,
    -- The very T-SQL. Passwords are made on the server, so none is in here.
    statement text not null,
    -- mirrorgate's clock, before the batch was sent.
    started_at timestamptz not null,
    -- Null until the answer is known.
    ended_at timestamptz,
    -- `unknown`: no answer came; the next observation decides.
    outcome text constraint steps_outcome_known check (
        outcome in ('done', 'failed', 'rolled_back', 'not_reached', 'unknown')
    ),
    -- Number, severity, state, line and message of the SQL error, where there was one.
    error jsonb,
    -- What else there is to say, such as why nothing could be sent.
    detail text,
    constraint steps_attempt_fk foreign key (job_id, attempt) references job_attempts (job_id, number),
    constraint steps_in_order unique (job_id, attempt, ordinal),
    constraint steps_ended_whole check ((ended_at is null) = (outcome is null))
);
