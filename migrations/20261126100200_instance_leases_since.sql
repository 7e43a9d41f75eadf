-- Since when an attempt has held its instances: one that has been at it for long is stuck, and nobody waits behind it for nothing.
alter table instance_leases add column since timestamptz not null default clock_timestamp();
comment on column instance_leases.since is 'When the attempt took it. By this database''s clock; renewals leave it as it is.';
