-- Keeps what the attempt that holds the lease $2 of job $1 saw, by a look begun at $3; gives the instances of which something else was seen
-- than the time before.
--
-- By instance: $4 which, $5 the registration's revision, $6 the server's identity, $7 what becomes of the pinned one, $8 what is remembered,
-- $9 the digest over it, $10 whether a refusal of the log-in is forgotten.
with held as (
    select id from jobs where id = $1 and lease_token = $2 and lease_until > clock_timestamp() for no key update),
looks as (
    select l.*, l.memory is not null and coalesce((
               select i.revision = l.revision from instances i where i.id = l.id), false) as keeps
    from unnest($4::uuid[], $5::bigint[], $6::jsonb[], $7::text[], $8::text[], $9::bytea[],
                $10::boolean[]) as l (id, revision, identity, pin, memory, mark, was_refused)),
former as (
    select s.instance_id, s.identity, s.observed_at, s.seen,
           s.observation->'endpoint'->'certificate'->>'thumbprint' as used
    from instance_status s
    where s.instance_id = any($4) and exists (select from held)
    order by s.instance_id
    for no key update),
weighed as (
    select l.*, f.observed_at as before, f.used,
           l.keeps and l.pin = 'anew' and f.identity is not null and f.identity <> l.identity as is_other,
           l.keeps and (f.observed_at is null or f.observed_at <= $3) as is_newer,
           f.seen is not distinct from l.mark as is_alike
    from looks l join former f on f.instance_id = l.id),
kept as (
    update instance_status s
    set version = s.version + 1,
        refused_credential_id = case when not w.was_refused then s.refused_credential_id end,
        refused_credential_revision = case when not w.was_refused then s.refused_credential_revision end,
        refused_number = case when not w.was_refused then s.refused_number end,
        refused_at = case when not w.was_refused then s.refused_at end,
        identity = case
            when w.keeps and w.pin in ('first', 'anew') and s.identity is null or w.is_other then w.identity
            when w.keeps and w.pin = 'complete' and s.identity is not null and s.identity->'master' is null then w.identity
            else s.identity end,
        observation = case when w.is_other or w.is_newer and not w.is_alike then w.memory::jsonb else s.observation end,
        seen = case when w.is_other or w.is_newer then w.mark else s.seen end,
        observed_at = case when w.is_other or w.is_newer then $3 else s.observed_at end
    from weighed w where s.instance_id = w.id
    returning s.instance_id)
select exists (select from held) as "held!", w.id as "id?", w.before as "before?", w.used as "used?",
       w.is_other as "is_other?"
from (select count(*) from kept) k
left join weighed w on w.is_other or w.is_newer and not w.is_alike
