-- Claims take what has been due for the longest: a retry stands behind what came due before it, whatever place it had.
drop index jobs_queue;
create index jobs_queue on jobs ((coalesce(next_attempt_at, lease_until)), queue_position) where state in ('queued', 'running');
comment on column jobs.queue_position is
    'In the order of acceptance; decides between jobs that came due at the same moment. Null for jobs that had ended before there were places.';
