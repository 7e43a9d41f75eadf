-- What is known of an instance beside its registration. Apart from `instances`, because workers write it.
create table instance_status (
    -- Whose: one row per instance, made with it.
    instance_id uuid primary key constraint instance_status_instance_fk references instances (id),
    -- Counts changes of everything `status` shows: the rows here, pins, trusts. Also part of the pairs' own count.
    version bigint not null default 1,
    -- The server the address led to when it was first observed: server, machine and instance name.
    -- A change blocks every job until it is accepted.
    identity jsonb,
    -- What the instance last said about itself, whole.
    observation jsonb,
    -- When it said so.
    observed_at timestamptz,
    -- The credential version that the instance refused: it rests until changed (lock-out).
    refused_credential_id uuid
        constraint instance_status_refused_credential_fk references credentials (id),
    -- Which version of it.
    refused_credential_revision bigint,
    -- The error number SQL Server refused it with.
    refused_number integer,
    -- When it did.
    refused_at timestamptz,
    -- Either all of it is known, or none.
    constraint instance_status_observation_whole check ((observation is null) = (observed_at is null)),
    constraint instance_status_refusal_whole check (
        num_nulls(refused_credential_id, refused_credential_revision, refused_number, refused_at) in (0, 4)
    )
);
