-- What is expected of an instance's mirroring endpoint, so that another one is noticed.
alter table instances add column endpoint jsonb not null default '{}';
comment on column instances.endpoint is 'What its endpoint should be like, as far as declared: {"port": 5022}. Nothing is changed by it.';
