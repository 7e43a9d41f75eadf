-- A job may be asked to stop. Asked while it waits, it ends at once; while it runs, its worker ends it.
alter table jobs add column cancel_requested_at timestamptz;
comment on column jobs.cancel_requested_at is 'When somebody first asked for it to be cancelled; kept whatever became of it.';
-- An ended job was not necessarily asked, but a job that waits never was: it would have ended.
alter table jobs add constraint jobs_queued_not_cancelled check (state <> 'queued' or cancel_requested_at is null);
