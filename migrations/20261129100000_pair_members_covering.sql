-- Who is a peer on whom is asked with every PUT of a pair: answered by the index alone, an instance's pairs side by side in it.
create index pair_members_of_instance on pair_members (instance_id, pair_id) include (role);
drop index pair_members_by_instance;
