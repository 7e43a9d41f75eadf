-- Of a look only what is shown or needed is kept, and only when it has changed.
alter table instance_status add column seen bytea
    constraint instance_status_seen_length check (octet_length(seen) = 32);
comment on column instance_status.seen is
    'SHA-256 over what the last look showed, as far as it is kept. Null: kept by an older version, and written anew by the next look.';
alter table instance_status set (fillfactor = 50);

-- Whose a certificate is, and which registrations lead to one server, is asked by what a look showed.
create index endpoint_certificates_by_thumbprint on endpoint_certificates (thumbprint);
create index instance_status_by_server on instance_status (lower(identity ->> 'server_name'));
create index instance_status_by_master_key on instance_status (lower(identity -> 'master' ->> 'key_guid'));
create index instance_status_by_master_made on instance_status ((identity -> 'master' ->> 'key_created'));

-- A step's T-SQL and a plan compress well, and most of them stay under the size from which PostgreSQL would do it by itself.
alter table steps set (toast_tuple_target = 256);
alter table jobs set (toast_tuple_target = 512);
-- Fast, where this PostgreSQL was built with it; else the default does as well, only more slowly.
do $$
begin
    alter table steps alter column statement set compression lz4;
    alter table jobs alter column plan set compression lz4;
    alter table jobs alter column scripts set compression lz4;
    alter table instance_status alter column observation set compression lz4;
exception when feature_not_supported or undefined_object or syntax_error then
    null;
end
$$;
