-- A job's T-SQL: one body per instance and the frames around it. What was kept before is a body without a frame for running it by
-- hand: nobody knows any more which server it was made for.
alter table jobs alter column scripts set default '{}';
update jobs set scripts = case
    when scripts = '[]' then '{}'
    else jsonb_build_object('parts', (
        select jsonb_agg(jsonb_build_object(
            'instance', part -> 'instance', 'body', part -> 'batch', 'statements', part -> 'statements') order by place)
        from jsonb_array_elements(scripts) with ordinality as parts(part, place)))
    end
where jsonb_typeof(scripts) = 'array';
comment on column jobs.scripts is
    'The T-SQL of that plan: per instance one body and two frames, the worker''s and that for running it by hand.';
