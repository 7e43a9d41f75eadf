-- Answers that are given again: what a request with an Idempotency-Key has done, kept for as long as it may be repeated.
create table idempotency_keys (
    -- Who asked: a key means nothing to another caller.
    caller text not null,
    -- What was asked of: method and path, lower case, because names ignore case.
    method text not null,
    path text not null,
    -- The caller's own word for the request.
    key text not null constraint idempotency_keys_key_sane check (key ~ '^[!-~]{8,255}$'),
    -- SHA-256 over everything else that was asked, `wait` left out: the same key with another request is refused.
    request bytea not null constraint idempotency_keys_request_whole check (octet_length(request) = 32),
    -- What was answered; only success is remembered.
    status smallint not null constraint idempotency_keys_status_success check (status between 200 and 299),
    -- The id of the object that was answered with. A repetition shows the object as it is by then.
    object text not null,
    -- The service's clock. Seven days later the key is free again, and a later request removes the row.
    created_at timestamptz not null,
    constraint idempotency_keys_pk primary key (caller, method, path, key)
);

-- The oldest, to be removed.
create index idempotency_keys_by_age on idempotency_keys (created_at);
