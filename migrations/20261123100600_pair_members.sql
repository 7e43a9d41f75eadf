-- The members of a pair: two partners and an optional witness, in the order the client gave.
create table pair_members (
    -- Whose member.
    pair_id uuid not null constraint pair_members_pair_fk references pairs (id),
    -- 0 and 1 are the partners, 2 the witness.
    position smallint not null constraint pair_members_position_range check (position between 0 and 2),
    -- What the member does in the pair.
    role text not null constraint pair_members_role_known check (role in ('partner', 'witness')),
    -- Deleting an instance that a live pair names is refused by the service, never cascaded.
    instance_id uuid not null constraint pair_members_instance_fk references instances (id),
    constraint pair_members_pk primary key (pair_id, position),
    -- A pair needs different instances.
    constraint pair_members_once unique (pair_id, instance_id),
    constraint pair_members_role_by_position check ((position = 2) = (role = 'witness'))
);

-- Which pairs name this instance.
create index pair_members_by_instance on pair_members (instance_id);
