-- What was last seen of each trust. One row per (acceptor, peer), whichever pairs share it.
create table trusts (
    -- The instance that lets the peer in.
    acceptor_id uuid not null constraint trusts_acceptor_fk references instances (id),
    -- The instance that is let in.
    peer_id uuid not null constraint trusts_peer_fk references instances (id),
    -- Whether the chain is there.
    configured text not null constraint trusts_configured_known check (
        configured in ('yes', 'no', 'conflict', 'unknown')
    ),
    -- Whether the peer was seen logged in by that certificate. Configured is not proven.
    proof text not null constraint trusts_proof_known check (
        proof in ('proven', 'never_dialled', 'not_permitted_to_see', 'unknown')
    ),
    -- Since when that connection has been open, where the server says so.
    proven_since timestamptz,
    -- The certificate that lets the peer in, by SHA-256 and by SHA-1 as SQL Server shows it.
    sha256 bytea constraint trusts_sha256_length check (octet_length(sha256) = 32),
    thumbprint bytea constraint trusts_thumbprint_length check (octet_length(thumbprint) = 20),
    -- When an attempt last looked.
    checked_at timestamptz not null,
    -- The job that looked.
    job_id uuid not null constraint trusts_job_fk references jobs (id),
    -- What it was seen with: a digest over registrations and pins. When these have moved on, the row says nothing any more.
    basis text not null,
    constraint trusts_pk primary key (acceptor_id, peer_id),
    constraint trusts_not_with_itself check (acceptor_id <> peer_id),
    constraint trusts_since_when_proven check (proof = 'proven' or proven_since is null)
);

-- Trusts from a peer, when its pin changes.
create index trusts_by_peer on trusts (peer_id);
