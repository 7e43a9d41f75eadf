-- Which attempt may change an instance now. A row is taken over when its time has passed.
create table instance_leases (
    -- One holder per instance: this key is what decides between two workers.
    instance_id uuid primary key constraint instance_leases_instance_fk references instances (id),
    -- Whose attempt.
    job_id uuid not null constraint instance_leases_job_fk references jobs (id),
    -- The token of that job's lease.
    token uuid not null,
    -- By this database's clock.
    until timestamptz not null
);

-- Given back by token when the attempt ends.
create index instance_leases_by_token on instance_leases (token);
