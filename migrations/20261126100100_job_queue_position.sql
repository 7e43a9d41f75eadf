-- The queue's order is this database's: ids carry the clock of the replica that took the request, and a clock may be off.
-- Only open jobs are numbered afterwards: rewriting the whole history would keep running workers from their leases.
create sequence jobs_queue_position;
alter table jobs add column queue_position bigint;
comment on column jobs.queue_position is
    'Place in the queue, in the order of acceptance: the oldest waiting job goes first. Null for jobs that had ended before there were places.';
alter table jobs alter column queue_position set default nextval('jobs_queue_position');
alter sequence jobs_queue_position owned by jobs.queue_position;
update jobs j set queue_position = n.place
from (select id, nextval('jobs_queue_position') as place
      from (select id from jobs where state in ('queued', 'running') order by id) open) n
where n.id = j.id;
alter table jobs add constraint jobs_place_while_open check (state not in ('queued', 'running') or queue_position is not null);
-- Open jobs only: finished ones, however many, never slow the claim.
drop index jobs_queue;
create index jobs_queue on jobs (queue_position) where state in ('queued', 'running');
