-- Which instances a job names, for the history of an instance and for the question what still needs it.
create table job_instances (
    -- The job.
    job_id uuid not null constraint job_instances_job_fk references jobs (id),
    -- An instance it names, as subject or as a member.
    instance_id uuid not null constraint job_instances_instance_fk references instances (id),
    -- The instance's name when the job was asked for, lower case.
    instance_name_key text collate "C" not null,
    constraint job_instances_pk primary key (job_id, instance_id)
);

-- The history of an instance, newest first.
create index job_instances_by_instance on job_instances (instance_id, job_id desc);
create index job_instances_by_name on job_instances (instance_name_key, job_id desc);
