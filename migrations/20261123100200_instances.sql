-- SQL Server instances: where they are, how to log in, what others call them.
create table instances (
    -- Made by the service (UUIDv7).
    id uuid primary key,
    -- As the client first spelt it.
    name text not null
        constraint instances_name_shape check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
    -- Paths ignore case: this is the form that is unique and sorted by.
    name_key text collate "C" not null generated always as (lower(name)) stored,
    -- The client's own keys and values.
    labels jsonb not null default '{}'
        constraint instances_labels_object check (jsonb_typeof(labels) = 'object'),
    -- Counts changes of spec and labels.
    revision bigint not null constraint instances_revision_from_1 check (revision >= 1),
    -- When it was registered.
    created_at timestamptz not null,
    -- When spec or labels last changed.
    updated_at timestamptz not null,
    -- Set when the registration was deleted: the row stays for the history, the name becomes free.
    deleted_at timestamptz,
    -- Host name or IP address.
    host text not null constraint instances_host_some check (host <> ''),
    -- Dialled when given.
    port integer constraint instances_port_range check (port between 1 and 65535),
    -- With a port: checked after log-in. Alone: resolved by SQL Server Browser.
    instance_name text,
    -- The log-in. Deleting a credential that is still named is refused by the service, never cascaded.
    credential_id uuid not null constraint instances_credential_fk references credentials (id),
    -- What others call this instance in the names of the objects made for it.
    peer_name text not null,
    -- Lower case by Unicode, made by the service: the form that is unique.
    peer_name_key text collate "C" not null,
    -- Templates of the names of what is created on this instance: login, user, certificate.
    naming jsonb not null,
    -- How the connection is protected and verified.
    tls jsonb not null,
    -- How peers' certificates reach this instance.
    transport jsonb not null
);

-- Names of deleted registrations are free again.
create unique index instances_name_unique on instances (name_key) where deleted_at is null;
-- Two instances of one peer name would be one login on every acceptor they share.
create unique index instances_peer_name_unique on instances (peer_name_key) where deleted_at is null;
-- Who uses this credential.
create index instances_by_credential on instances (credential_id) where deleted_at is null;
