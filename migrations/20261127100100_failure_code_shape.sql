-- Failure codes are the domain's closed list; the column keeps their shape, so that a new code needs no migration.
alter table jobs drop constraint jobs_failure_code_known;
alter table jobs add constraint jobs_failure_code_shape check (failure_code ~ '^[a-z][a-z_]{0,39}$');
