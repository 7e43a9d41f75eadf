-- By what a handshake looks a certificate up among those it holds: two of one issuer and serial are in each other's way (28045).
alter table certificates add column issuer_serial bytea
    constraint certificates_issuer_serial_size check (octet_length(issuer_serial) = 32);
comment on column certificates.issuer_serial is
    'SHA-256 over issuer and serial number as encoded. Null: kept by an older version, and filled in when first asked for.';

create index certificates_by_issuer_serial on certificates (issuer_serial);
create index certificates_without_issuer_serial on certificates (sha256) where issuer_serial is null;
