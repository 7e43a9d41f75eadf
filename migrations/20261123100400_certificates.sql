-- The order of uploads: the last upload of a purpose counts, and times of several replicas do not order.
create sequence certificate_uploads;

-- Public certificates of mirroring endpoints. No private key ever comes here.
create table certificates (
    -- Whose endpoint it belongs to.
    instance_id uuid not null constraint certificates_instance_fk references instances (id),
    -- SHA-256 of the bytes: the identity of a certificate.
    sha256 bytea not null,
    -- The bytes; everything else about it is read from them.
    der bytea not null
        constraint certificates_der_size check (octet_length(der) between 1 and 16384),
    -- `obtained` was read from the instance's endpoint and is never a pin.
    source text not null
        constraint certificates_source_known check (source in ('uploaded', 'obtained')),
    -- What the last upload of these bytes was for.
    purpose text constraint certificates_purpose_known check (purpose in ('current', 'next')),
    -- When these bytes became known for this instance.
    created_at timestamptz not null,
    -- The last upload of these bytes: when, and its place among all uploads.
    uploaded_at timestamptz,
    -- Numbers come from the sequence above.
    uploaded_seq bigint,
    -- Set when it was deleted: no longer a pin, but jobs accepted with it still find it.
    deleted_at timestamptz,
    constraint certificates_pk primary key (instance_id, sha256),
    -- Bytes under a hash that is not theirs would be somebody else's certificate.
    constraint certificates_hash_true check (sha256 = sha256(der)),
    -- An upload has a purpose, a time and a place; an obtained one has none of them.
    constraint certificates_upload_whole check (
        (source = 'uploaded') = (purpose is not null)
        and (source = 'uploaded') = (uploaded_at is not null)
        and (source = 'uploaded') = (uploaded_seq is not null)
    )
);

-- Jobs look certificates up by hash alone.
create index certificates_by_hash on certificates (sha256);
-- The pin of a purpose is the first row here.
create index certificates_pins on certificates (instance_id, purpose, uploaded_seq desc)
    where deleted_at is null and source = 'uploaded';
