-- Stored log-ins for SQL Server instances. The password is only ever here sealed.
create table credentials (
    -- Made by the service (UUIDv7); part of what the seal is bound to.
    id uuid primary key,
    -- As the client first spelt it.
    name text not null
        constraint credentials_name_shape check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'),
    -- Paths ignore case: this is the form that is unique and sorted by.
    name_key text collate "C" not null generated always as (lower(name)) stored,
    -- The client's own keys and values.
    labels jsonb not null default '{}'
        constraint credentials_labels_object check (jsonb_typeof(labels) = 'object'),
    -- Counts changes of spec and labels, and so the versions of the password: a refused log-in names it.
    revision bigint not null constraint credentials_revision_from_1 check (revision >= 1),
    -- Counts changes of what a view shows beside the spec.
    status_version bigint not null default 1,
    -- When it was registered.
    created_at timestamptz not null,
    -- When spec or labels last changed.
    updated_at timestamptz not null,
    -- Set when the registration was deleted: the row stays for the history, the name becomes free.
    deleted_at timestamptz,
    -- What kind of log-in; other kinds will come.
    kind text not null constraint credentials_kind_known check (kind in ('sql_login')),
    -- The SQL login's name.
    login text not null,
    -- Hosts it may be sent to: names, addresses, or `*.suffix`.
    hosts text[] not null constraint credentials_hosts_some check (cardinality(hosts) > 0),
    -- Which seal key the password was sealed with.
    seal_key_id text,
    -- AES-256-GCM: the nonce …
    seal_nonce bytea constraint credentials_nonce_12_bytes check (octet_length(seal_nonce) = 12),
    -- … and the ciphertext with its tag.
    seal_ciphertext bytea,
    -- A live credential has a password; a deleted one has forgotten it.
    constraint credentials_sealed_while_live check (
        (deleted_at is null) = (seal_ciphertext is not null)
        and num_nulls(seal_key_id, seal_nonce, seal_ciphertext) in (0, 3)
    )
);

-- Names of deleted registrations are free again.
create unique index credentials_name_unique on credentials (name_key) where deleted_at is null;
