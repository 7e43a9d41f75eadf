-- A connection proves only the state it logged in under.
alter table trusts add column otherwise_at timestamptz;
comment on column trusts.otherwise_at is
    'The last look that saw this trust not in place, or by another certificate. Null: none did. A connection from before proves nothing.';
