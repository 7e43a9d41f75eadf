-- The keys that this database's secrets are sealed with. A process that has none of them neither starts nor works on jobs: it could open
-- nothing, and what it sealed nobody else could open.
create table seal_keys (
    -- Names the key without telling anything of it.
    id text primary key,
    known_since timestamptz not null default now()
);
insert into seal_keys (id) select distinct seal_key_id from credentials where seal_key_id is not null;
