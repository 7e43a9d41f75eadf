-- Which certificates count is written down, not worked out from the order of uploads: forgetting the pin, or moving it to the
-- other purpose, must never make an earlier upload count again.
alter table certificates add column pinned boolean not null default false;
comment on column certificates.pinned is 'It counts for its purpose now: the last upload of it, until it is forgotten or moved.';

update certificates c set pinned = true
where (c.instance_id, c.uploaded_seq) in (
    select instance_id, max(uploaded_seq) from certificates
    where deleted_at is null and source = 'uploaded' group by instance_id, purpose);

alter table certificates
    add constraint certificates_pin_counts check (not pinned or (source = 'uploaded' and deleted_at is null));

-- One pin of a purpose; what the index on the order of uploads was for.
create unique index certificates_one_pin on certificates (instance_id, purpose) where pinned;
drop index certificates_pins;
