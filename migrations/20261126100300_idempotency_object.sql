-- Pruning asks which jobs a repeated request may still be answered with.
create index idempotency_keys_by_object on idempotency_keys (object);
