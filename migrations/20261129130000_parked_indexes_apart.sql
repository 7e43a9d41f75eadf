-- While few are parked, by the statistics at hand, all indexes of those that are look alike to the planner, and it took one that leads through all of them. Each has a
-- condition of its own now, which only the question it is for implies.
drop index jobs_parked_until;
drop index jobs_parked_due;
create index jobs_parked_until on jobs (parked_until) where state = 'queued' and parked_until is not null;
create index jobs_parked_due on jobs (next_attempt_at)
    where state = 'queued' and parked_on is not null and next_attempt_at is not null;
