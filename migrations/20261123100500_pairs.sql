-- Mirroring pairs: one way of asking for trusts.
create table pairs (
    -- Made by the service (UUIDv7).
    id uuid primary key,
    -- As the client first spelt it.
    name text not null
        constraint pairs_name_shape check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
    -- Paths ignore case: this is the form that is unique and sorted by.
    name_key text collate "C" not null generated always as (lower(name)) stored,
    -- The client's own keys and values.
    labels jsonb not null default '{}'
        constraint pairs_labels_object check (jsonb_typeof(labels) = 'object'),
    -- Counts changes of spec and labels.
    revision bigint not null constraint pairs_revision_from_1 check (revision >= 1),
    -- Counts changes of what `status` shows beside its members; a view adds their counts.
    status_version bigint not null default 1,
    -- When it was registered.
    created_at timestamptz not null,
    -- When spec or labels last changed.
    updated_at timestamptz not null,
    -- Set when the registration was deleted: the row stays for the history, the name becomes free.
    deleted_at timestamptz,
    -- How the partners are meant to mirror; preflight weighs its findings by it.
    operating_mode text constraint pairs_operating_mode_known check (
        operating_mode in ('high_performance', 'high_safety', 'high_safety_with_failover')
    )
);

-- Names of deleted registrations are free again.
create unique index pairs_name_unique on pairs (name_key) where deleted_at is null;
