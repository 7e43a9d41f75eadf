-- Whether the peer's next certificate is in place on the acceptor: "may I switch now?".
alter table trusts
    add column next_sha256 bytea constraint trusts_next_sha256_length check (octet_length(next_sha256) = 32),
    add column next_in_place text constraint trusts_next_in_place_known check (next_in_place in ('yes', 'no', 'unknown')),
    add constraint trusts_next_whole check ((next_sha256 is null) = (next_in_place is null));
comment on column trusts.next_sha256 is 'The peer''s certificate uploaded as next, at that look; null: there was none.';
comment on column trusts.next_in_place is 'Whether the acceptor would let the peer in by it: held by a user whose login may connect.';
