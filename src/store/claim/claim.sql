-- Takes the jobs at the front of the queue that can be taken, or parks what waits there when nothing can.
--
-- $1 seconds of the lease, $2 saturated instances, $3 seconds after which a holder is stuck, $4 seconds for which one that waits for it lets
-- others pass, $5 whether one may be a suspect, $6 claims without an end that poison, $7 kinds, $8 kinds of subjects and $9 format known,
-- $10 whether retries may be taken, $11 how much of the front is looked at, $12 tokens: one per job wanted, $13 whether what is overdue was
-- tended, $14 the next state, $15 the worker, $16 the event, $17 seconds for which it is parked at most, $18 the channel, $19 resting
-- instances, $20 the kinds that ask them all the same, $21 whether what waits may be parked.
with fresh as (
    select j.id, j.origin = 'watch' as late, j.next_attempt_at as due, j.queue_position, j.holds, j.kind = any($20) as eager,
           j.unended_claims = $6 - 1 as suspect
    from jobs j
    where j.state = 'queued' and j.attempts = 0 and j.parked_on is null
      and j.next_attempt_at <= statement_timestamp()
      and j.kind = any($7) and j.subject_kind = any($8) and j.format <= $9
      and (j.deadline is null or j.deadline > statement_timestamp())
    order by j.origin = 'watch', j.next_attempt_at, j.queue_position
    limit $11),
tried as (
    select j.id, j.origin = 'watch' as late, j.next_attempt_at as due, j.queue_position, j.holds, j.kind = any($20) as eager,
           j.unended_claims = $6 - 1 as suspect
    from jobs j
    where $10 and j.state = 'queued' and j.attempts > 0 and j.parked_on is null
      and j.next_attempt_at <= statement_timestamp()
      and j.kind = any($7) and j.subject_kind = any($8) and j.format <= $9
      and (j.deadline is null or j.deadline > statement_timestamp())
    order by j.next_attempt_at, j.queue_position
    limit $11),
due as (
    select d.*, row_number() over (order by d.late, d.due, d.queue_position) as place,
           d.suspect and (not $5 or row_number() over (
               partition by d.suspect order by d.late, d.due, d.queue_position) > 1) as kept_back
    from (select * from fresh union all select * from tried) d),
named as (
    select d.id, d.place, d.due, n.instance_id, n.instance_id = any(d.holds) as holds,
           n.instance_id = any($2) or (n.instance_id = any($19) and not d.eager) as saturated,
           n.instance_id = any(d.holds) and coalesce(l.until > statement_timestamp(), false) as held,
           coalesce(l.since <= statement_timestamp() - make_interval(secs => $3), false) as long,
           l.instance_id is null as unknown
    from due d
    join job_instances n on n.job_id = d.id and not d.kept_back
    left join instance_leases l on l.instance_id = n.instance_id),
made as (
    insert into instance_leases (instance_id)
    select distinct n.instance_id from named n where n.unknown and n.holds order by 1
    on conflict do nothing
    returning instance_id),
flagged as (
    select n.*, bool_or(n.held or n.saturated or n.unknown and n.holds) over (partition by n.id) as waits,
           bool_or(n.saturated or n.held and n.long) over (partition by n.id)
           and n.due > statement_timestamp() - make_interval(secs => $4) as lets_pass
    from named n),
placed as (
    select f.*, min(f.place) filter (where f.holds and not f.lets_pass) over (partition by f.instance_id) as reserved
    from flagged f),
weighed as (
    select p.id, p.place, p.instance_id, p.waits,
           coalesce(bool_or(p.holds and p.reserved < p.place) over (partition by p.id), false) as overtakes
    from placed p),
free as (
    select w.id, w.place, min(w.place) over (partition by w.instance_id) as first_here
    from weighed w where not w.waits and not w.overtakes),
waiting as (
    select f.id, (array_agg(f.instance_id order by f.saturated desc, f.instance_id))[1] as waits_for
    from flagged f where f.held or f.saturated group by f.id),
tending as (
    select not $13 and (
        exists (select from jobs where state = 'running' and lease_until <= statement_timestamp())
        -- The first, by the index of just this question: see the migration that set those of the parked apart.
        or coalesce((select min(parked_until) from jobs where state = 'queued')
                    <= statement_timestamp(), false)
        or exists (select from jobs where deadline <= statement_timestamp() and finished_at is null
                   and coalesce(lease_until <= statement_timestamp(), true))) as overdue),
chosen as (
    select f.id, f.place from free f
    where not (select overdue from tending)
    group by f.id, f.place having bool_and(f.place = f.first_here)
    order by f.place limit cardinality($12::uuid[])),
seen as (
    select j.id, j.holds, c.place from jobs j join chosen c on c.id = j.id
    where j.state = 'queued' and j.parked_on is null and j.next_attempt_at <= statement_timestamp()
    for no key update of j skip locked),
locked as (
    select l.instance_id from instance_leases l
    where l.instance_id in (select unnest(s.holds) from seen s) and l.until <= statement_timestamp()
    order by l.instance_id
    for no key update skip locked),
won as materialized (
    select s.id, s.holds, ($12::uuid[])[row_number() over (order by s.place)] as token,
           clock_timestamp() + make_interval(secs => $1) as until
    from seen s
    where not exists (
        select from unnest(s.holds) as h (id) where h.id not in (select instance_id from locked))),
taken as (
    update instance_leases l
    set job_id = w.id, token = w.token, since = clock_timestamp(), until = w.until
    from won w where l.instance_id = any(w.holds)),
claimed as (
    update jobs j
    set state = $14, attempts = j.attempts + 1, claims = j.claims + 1, unended_claims = j.unended_claims + 1,
        lease_token = w.token, lease_until = w.until, lease_worker = $15, next_attempt_at = null,
        started_at = coalesce(j.started_at, clock_timestamp()), version = j.version + 1
    from won w where j.id = w.id
    returning j.*),
begun as (
    insert into job_attempts (job_id, number, worker, started_at)
    select c.id, c.claims, $15, clock_timestamp() from claimed c),
told as (
    insert into job_events (job_id, seq, kind, data, at)
    select c.id, c.version, $16, jsonb_build_object('attempt', c.claims, 'worker', $15::text), clock_timestamp()
    from claimed c returning job_id),
looked as (
    select $11 > 0 and ((select count(*) from fresh) = $11 or (select count(*) from tried) = $11) as is_full),
-- What somebody else is just parking is left to him: two of them would wait for each other in a circle.
stopped as (
    select j.id, w.waits_for from jobs j join waiting w on w.id = j.id
    where j.state = 'queued' and j.parked_on is null
      and not exists (select from chosen) and not (select overdue from tending)
      and $21 and (select is_full from looked)
    for no key update of j skip locked),
parked as (
    update jobs j set parked_on = s.waits_for, parked_until = statement_timestamp() + make_interval(secs => $17)
    from stopped s where j.id = s.id
    returning j.id),
outcome as (
    select (select overdue from tending) as overdue,
           exists (select from made) or exists (select from parked)
           or (select count(*) from won) < (select count(*) from chosen) as again,
           (select count(pg_notify($18, t.job_id::text)) from told t) as told)
select o.overdue as "overdue!", o.again as "again!", o.told as "told!", (select is_full from looked) as "was_full!", c.id as "id?", c.lease_token as "token?",
       c.claims as "attempt?", c.holds as "holds?", c.unended_claims as "unended?"
from outcome o left join claimed c on true
