-- Every copy of a certificate that an instance was seen to hold in master: whose it is there, and from when to when. Written when
-- that changes.
create table certificate_copies (
    -- The instance that holds it.
    holder_id uuid not null constraint certificate_copies_holder_fk references instances (id),
    -- SHA-1, as SQL Server shows it: known also where the bytes are not shown.
    thumbprint bytea not null
        constraint certificate_copies_thumbprint_length check (octet_length(thumbprint) = 20),
    -- SHA-256 of the bytes: the identity. Null: the bytes were not shown.
    sha256 bytea constraint certificate_copies_sha256_length check (octet_length(sha256) = 32),
    -- What it is called there.
    name text not null,
    -- The user that owns it there, and the login that user leads to; null where not seen.
    owner text,
    login text,
    -- Its private key is there too.
    has_private_key boolean not null,
    -- Its end, as the server shows it.
    not_after timestamptz not null,
    -- The look that first saw it so.
    first_seen_at timestamptz not null,
    -- The last look that saw it so; null while the newest look does.
    last_seen_at timestamptz,
    constraint certificate_copies_pk primary key (holder_id, thumbprint, first_seen_at),
    constraint certificate_copies_in_order check (last_seen_at >= first_seen_at)
);

-- A server holds the same bytes once.
create unique index certificate_copies_one_there on certificate_copies (holder_id, thumbprint) where last_seen_at is null;
create index certificate_copies_by_sha256 on certificate_copies (sha256);
create index certificate_copies_by_end on certificate_copies (not_after) where last_seen_at is null;

insert into certificate_copies
    (holder_id, thumbprint, sha256, name, owner, login, has_private_key, not_after, first_seen_at)
select s.instance_id, decode(held->>'thumbprint', 'hex'), decode(held->>'sha256', 'hex'), held->>'name',
       held->'owner'->>'name', held->'owner'->'login'->>'name', (held->>'has_private_key')::boolean,
       (held->>'not_after')::timestamptz, s.observed_at
from instance_status s cross join lateral jsonb_array_elements(s.observation->'certificates') as held
where held->>'thumbprint' ~ '^[0-9A-Fa-f]{40}$'
on conflict do nothing;
