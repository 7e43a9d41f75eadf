-- The claim reads the front of the queue only, whatever stands in it: what waits for an instance that others have, or that does not
-- answer, is parked when it fills the front, and comes back when that instance is given back.
alter table jobs add column parked_on uuid;
alter table jobs add column parked_until timestamptz;
comment on column jobs.parked_on is
    'The instance it waits for, where it was taken out of the front of the queue; null while it stands there. Says nothing once it runs.';
comment on column jobs.parked_until is 'When it comes back whatever has happened, by this database''s clock.';

-- What was never tried, people's jobs before the watch's; what was tried; each in the order in which it came due.
drop index jobs_queue;
create index jobs_fresh on jobs ((origin = 'watch'), next_attempt_at, queue_position)
    where state = 'queued' and attempts = 0 and parked_on is null;
create index jobs_retries on jobs (next_attempt_at, queue_position)
    where state = 'queued' and attempts > 0 and parked_on is null;
create index jobs_parked on jobs (parked_on, next_attempt_at, queue_position)
    where state = 'queued' and parked_on is not null;
create index jobs_parked_until on jobs (parked_until) where state = 'queued' and parked_on is not null;
-- Attempts whose lease ran out.
create index jobs_running on jobs (lease_until) where state = 'running';
-- A job's row is written a dozen times; most of that touches no index, as long as the page has room.
alter table jobs set (fillfactor = 70);

-- A row per instance that stays: a claim locks the rows of the instances it takes, and passes over those that somebody is at.
alter table instance_leases alter column job_id drop not null;
alter table instance_leases alter column token drop not null;
alter table instance_leases alter column until set default '-infinity';
alter table instance_leases add constraint instance_leases_whole check ((job_id is null) = (token is null));
comment on table instance_leases is
    'Which attempt may change an instance now: until `until`. Free otherwise; a row that is missing is made by the first claim.';
comment on column instance_leases.job_id is 'Whose attempt; null once it was given back.';
insert into instance_leases (instance_id) select id from instances where deleted_at is null on conflict do nothing;
alter table instance_leases set (fillfactor = 50);

alter table job_attempts add column last_start uuid;
comment on column job_attempts.last_start is
    'The first step of the batch of steps that was last written down as started: written again, it changes nothing.';
alter table job_attempts set (fillfactor = 70);

-- How old the oldest of them is, for who watches the queue.
create index jobs_parked_due on jobs (next_attempt_at) where state = 'queued' and parked_on is not null;
