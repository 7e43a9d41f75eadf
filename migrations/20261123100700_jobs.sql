-- Jobs: what was asked, by which revision and pins, and how it went. The queue and the history in one.
create table jobs (
    -- UUIDv7: sorts by the time it was asked. The queue serves the oldest first.
    id uuid primary key,
    -- What was asked for.
    kind text not null constraint jobs_kind_known check (
        kind in ('configure-inbound', 'verify-inbound', 'inspect')
    ),
    -- What it works on: a pair or an instance. History outlives both (they are marked, not removed).
    pair_id uuid constraint jobs_pair_fk references pairs (id),
    instance_id uuid constraint jobs_instance_fk references instances (id),
    -- The subject's name when the job was asked for.
    subject_name text not null,
    -- Plan only.
    dry_run boolean not null,
    -- Whether its attempts may change something, and so hold their instances.
    changing boolean not null generated always as (kind = 'configure-inbound' and not dry_run) stored,
    -- The instances its attempts hold exclusively, in order; none for jobs that only look.
    holds uuid[] not null default '{}',
    -- Everything asked for beside the kind, `dry_run` included.
    options jsonb not null,
    -- The revision, members and pins it was accepted with, kept whatever is uploaded meanwhile.
    accepted jsonb not null,
    -- Where it stands; moved only along the domain's table of moves.
    state text not null constraint jobs_state_known check (
        state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')
    ),
    -- Why it failed, from the closed list of codes, and in words.
    failure_code text constraint jobs_failure_code_known check (failure_code in (
        'preflight_failed', 'conflict', 'not_in_place', 'plan_stale', 'unreachable', 'login_refused',
        'tls_not_trusted', 'action_refused', 'attempts_exhausted', 'poisoned',
        'registration_unusable', 'internal'
    )),
    failure_detail text,
    -- Attempts that count: begun and not handed back.
    attempts integer not null default 0,
    -- All claims ever: the number of the last attempt row.
    claims integer not null default 0,
    -- Claims in a row that never came to an end: a job that kills its process never reports.
    unended_claims integer not null default 0,
    -- When the next attempt is due, by this database's clock.
    next_attempt_at timestamptz,
    -- What the last attempt that failed for now ran into.
    last_problem text,
    -- The plan the last attempt acted on (or would have), and its T-SQL per instance.
    plan jsonb,
    scripts jsonb not null default '[]',
    -- Counts changes of everything a view shows.
    version bigint not null default 1,
    -- When it was asked for.
    created_at timestamptz not null,
    -- When its first attempt began.
    started_at timestamptz,
    -- When it ended, for good either way.
    finished_at timestamptz,
    -- `Request-Id` of the request that asked.
    request_id text,
    -- Who may write; null when nobody works on it. Times are this database's clock.
    lease_token uuid,
    lease_until timestamptz,
    -- Which process holds it, for people.
    lease_worker text,
    constraint jobs_hold_when_changing check (changing = (cardinality(holds) > 0)),
    -- The rows below keep the state and what belongs to it from drifting apart.
    constraint jobs_one_subject check (num_nonnulls(pair_id, instance_id) = 1),
    constraint jobs_lease_while_running check (
        (state = 'running') = (lease_token is not null) and num_nulls(lease_token, lease_until, lease_worker) in (0, 3)
    ),
    constraint jobs_due_while_queued check ((state = 'queued') = (next_attempt_at is not null)),
    constraint jobs_failure_when_failed check (
        (state = 'failed') = (failure_code is not null) and (failure_code is null) = (failure_detail is null)
    ),
    constraint jobs_finished_when_ended check (
        (state in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null)
    )
);

-- The queue. Open jobs only: finished ones, however many, never slow the claim.
create index jobs_queue on jobs (id) where state in ('queued', 'running');
-- One open changing job per pair: two would plan against each other.
create unique index jobs_one_open_changing_per_pair on jobs (pair_id)
    where changing and state in ('queued', 'running');
-- The history of a pair and of an instance, newest first.
create index jobs_by_pair on jobs (pair_id, id desc) where pair_id is not null;
create index jobs_by_instance on jobs (instance_id, id desc) where instance_id is not null;
