-- The verdict on the next handshake, beside `configured`: would the acceptor let the peer in.
alter table trusts
    add column admits text not null default 'unknown'
        constraint trusts_admits_known check (admits in ('yes', 'no', 'unknown')),
    add column admits_reasons jsonb not null default '[]',
    add column lapses_at timestamptz;
comment on column trusts.admits is 'Whether the acceptor would let the peer in at its next handshake, as far as both sides tell.';
comment on column trusts.admits_reasons is 'Why not yes: a list of {code, detail}; empty for yes.';
comment on column trusts.lapses_at is 'When a yes ends by itself: the first end of a certificate it stands on.';
