-- What the registration says of the way to the instance (address, TLS, log-in), authenticated with the seal key: whoever can write to this
-- table only cannot have a password sent elsewhere. Null until the release that knows it writes the row.
alter table instances add column binding bytea;
