-- Ends the attempt that holds the lease $2 of job $1, gives its instances back, and calls back who was parked for them.
--
-- $3 the next state, $4 and $5 code and words of a problem, $6 1 where the attempt does not count, $7 seconds until the next one, $8 whether the
-- job has ended, $9 whether the lease may have run out, $10 the attempt's outcome, $11 whether the problem is why the job failed, $12 the
-- attempt's number, $13 how many are called back for each instance, $14 and $15 the event, $16 whether it tells when the next attempt is due,
-- $17 and $18 channel and payload of the news.
with mine as (
    update jobs
    set state = $3, failure_code = case when $11 then $4 end, failure_detail = case when $11 then $5 end,
        last_problem = case when $11 then last_problem else coalesce($5, last_problem) end,
        attempts = attempts - $6, unended_claims = 0,
        next_attempt_at = clock_timestamp() + make_interval(secs => $7),
        finished_at = case when $8 then clock_timestamp() end, version = version + 1, parked_on = null,
        lease_token = null, lease_until = null, lease_worker = null
    where id = $1 and lease_token = $2 and (lease_until > clock_timestamp() or $9)
    returning id, version, next_attempt_at),
given_back as (
    update instance_leases l set job_id = null, token = null, until = '-infinity'
    from mine where l.token = $2),
ended as (
    update job_attempts a
    set ended_at = clock_timestamp(), outcome = $10, failure_code = $4, detail = $5
    from mine where a.job_id = mine.id and a.number = $12 and a.outcome is null
    returning a.number),
back as (
    update jobs set parked_on = null, parked_until = null
    where id in (
        select w.id from mine
        join job_instances n on n.job_id = mine.id
        cross join lateral (
            select j.id from jobs j where j.state = 'queued' and j.parked_on = n.instance_id
            order by j.next_attempt_at, j.queue_position limit $13
            for no key update skip locked) w)),
told as (
    insert into job_events (job_id, seq, kind, data, at)
    select mine.id, mine.version, $14,
           $15::jsonb || case when mine.next_attempt_at is null or not $16 then '{}'
               else jsonb_build_object('next_attempt_at',
                   to_char(mine.next_attempt_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) end,
           clock_timestamp()
    from mine returning job_id)
select (select count(*) from ended) as "ended!", (select pg_notify($17, $18) from told)::text as told from mine
