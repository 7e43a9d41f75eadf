-- The registered instances that may have to do with what a look showed, each with its certificates: one row per certificate and standing, one
-- without for an instance that has none.
--
-- $1 the members; certificates by $2 SHA-256 and $3 thumbprint; servers by $4 name, $5 key of their master and $6 when that was made.
select i.id as "id!", i.name as "name!", c.sha256, c.thumbprint, c.standing,
       i.identity, i.start, i.observed_at
from (select unnest($1::uuid[]) as id
      union select instance_id from certificates where sha256 = any($2)
      union select instance_id from endpoint_certificates where sha256 = any($2)
      union select instance_id from endpoint_certificates where thumbprint = any($3)
      union select instance_id from instance_status
            where lower(identity->>'server_name') in (select lower(n) from unnest($4::text[]) n)
      union select instance_id from instance_status
            where lower(identity->'master'->>'key_guid') in (select lower(k) from unnest($5::text[]) k)
      union select instance_id from instance_status
            where identity->'master'->>'key_created' = any($6)) about
-- Offsets keep each of them from being joined with all there are.
cross join lateral (
    select k.id, k.name, k.name_key, s.identity, s.observation->'server'->'start' as start, s.observed_at
    from instances k left join instance_status s on s.instance_id = k.id
    where k.id = about.id and k.deleted_at is null
    offset 0) i
left join lateral (
    select own.sha256, null::bytea as thumbprint,
           case when not own.pinned then 'earlier' else own.purpose end as standing
    from certificates own
    where own.instance_id = i.id and own.deleted_at is null
      and (own.pinned or own.purpose is distinct from 'next')
    union all
    select used.sha256, used.thumbprint, case when used.replaced_at is null then 'used' else 'earlier' end
    from endpoint_certificates used where used.instance_id = i.id
    offset 0) c on true
order by i.name_key
