-- What a job works on, in two columns that hold for every kind of subject; and lists that grow with every release kept by their shape
-- only, so that a further kind of job, reason of failure, subject or state costs no migration.
--
-- A replica of release 0.1.0 may run beside this one until all are upgraded: it writes and reads `pair_id` and `instance_id`, which stay
-- for that long, and are filled from the new columns as the new ones are from them.
alter table jobs add column subject_kind text;
alter table jobs add column subject_id uuid;
comment on column jobs.subject_kind is 'What kind of thing it works on: pair, instance; group and selector to come.';
comment on column jobs.subject_id is 'Which one. History outlives it: what is deleted is marked, not removed.';
comment on column jobs.pair_id is 'As release 0.1.0 knows the subject; to be dropped once nobody runs it.';
comment on column jobs.instance_id is 'As release 0.1.0 knows the subject; to be dropped once nobody runs it.';

-- It was generated from the one kind that changes anything.
alter table jobs alter column changing drop expression;

alter table jobs add column origin text not null default 'person'
    constraint jobs_origin_shape check (origin ~ '^[a-z][a-z_]{0,39}$');
comment on column jobs.origin is 'Who asked: a person (any caller), the watch, or a parent job.';

alter table jobs add column format smallint not null default 1
    constraint jobs_format_positive check (format > 0);
comment on column jobs.format is
    'Which options a worker must understand: raised for jobs that use an option older releases would pass over. Claimed only by who knows it.';

update jobs set subject_kind = case when pair_id is not null then 'pair' else 'instance' end,
                subject_id = coalesce(pair_id, instance_id);
alter table jobs alter column subject_kind set not null;
alter table jobs alter column subject_id set not null;
alter table jobs add constraint jobs_subject_kind_shape check (subject_kind ~ '^[a-z][a-z_]{0,39}$');
alter table jobs drop constraint jobs_one_subject;
alter table jobs add constraint jobs_subject_as_before check (
    pair_id is not distinct from case when subject_kind = 'pair' then subject_id end
    and instance_id is not distinct from case when subject_kind = 'instance' then subject_id end
);

create function jobs_subject_of_release_0_1() returns trigger language plpgsql as $$
begin
    if new.subject_id is null then
        new.subject_kind := case when new.pair_id is not null then 'pair' else 'instance' end;
        new.subject_id := coalesce(new.pair_id, new.instance_id);
        new.changing := new.kind = 'configure-inbound' and not new.dry_run;
    elsif new.subject_kind = 'pair' then
        new.pair_id := new.subject_id;
    elsif new.subject_kind = 'instance' then
        new.instance_id := new.subject_id;
    end if;
    return new;
end
$$;
comment on function jobs_subject_of_release_0_1 is 'To be dropped with jobs.pair_id and jobs.instance_id.';
create trigger jobs_subject_of_release_0_1 before insert on jobs
    for each row execute function jobs_subject_of_release_0_1();

alter table jobs drop constraint jobs_kind_known;
alter table jobs add constraint jobs_kind_shape check (kind ~ '^[a-z][a-z-]{0,39}$');
alter table jobs drop constraint jobs_state_known;
alter table jobs add constraint jobs_state_shape check (state ~ '^[a-z][a-z_]{0,39}$');

-- Open is what has not ended, whatever it waits for: a worker (queued), or something no lease is needed for (states to come).
alter table jobs drop constraint jobs_place_while_open;
alter table jobs add constraint jobs_place_while_open check (finished_at is not null or queue_position is not null);
drop index jobs_one_open_changing_per_pair;
create unique index jobs_one_open_changing on jobs (subject_id) where changing and finished_at is null;
drop index jobs_overdue;
create index jobs_overdue on jobs (deadline) where deadline is not null and finished_at is null;
-- The history of a subject, newest first.
drop index jobs_by_pair;
drop index jobs_by_instance;
create index jobs_by_subject on jobs (subject_id, id desc);
