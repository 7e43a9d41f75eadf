-- Which certificates each instance's endpoint was seen to use, and when. Written when that changes.
create table endpoint_certificates (
    -- Whose endpoint.
    instance_id uuid not null constraint endpoint_certificates_instance_fk references instances (id),
    -- SHA-1, as SQL Server shows it: known also where the bytes are not shown.
    thumbprint bytea not null
        constraint endpoint_certificates_thumbprint_length check (octet_length(thumbprint) = 20),
    -- SHA-256 of the bytes: the identity. Null: the bytes were not shown.
    sha256 bytea constraint endpoint_certificates_sha256_length check (octet_length(sha256) = 32),
    -- The look that first saw it in use.
    first_seen_at timestamptz not null,
    -- The look that first saw another one in use; null while it is the one in use.
    replaced_at timestamptz,
    constraint endpoint_certificates_pk primary key (instance_id, thumbprint)
);

create unique index endpoint_certificates_one_in_use on endpoint_certificates (instance_id) where replaced_at is null;
create index endpoint_certificates_by_sha256 on endpoint_certificates (sha256);

insert into endpoint_certificates (instance_id, thumbprint, sha256, first_seen_at)
select instance_id,
       decode(observation->'endpoint'->'certificate'->>'thumbprint', 'hex'),
       sha256(decode(observation->'endpoint'->'certificate'->>'der', 'hex')),
       observed_at
from instance_status
where observation->'endpoint'->'certificate'->>'thumbprint' ~ '^[0-9A-Fa-f]{40}$';
