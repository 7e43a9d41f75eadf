# mirrorgate's image: two binaries (the service, the simulated fleet) on a small Debian, run as a user without rights.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY Cargo.toml Cargo.lock build.rs ./
COPY .sqlx .sqlx
COPY migrations migrations
COPY src src
COPY crates crates
# Queries are checked against .sqlx; building needs no database.
RUN SQLX_OFFLINE=true cargo build --locked --release --package mirrorgate --package sqlserver-sim --bins

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/mirrorgate mirrorgate
COPY --from=build /source/target/release/mirrorgate /source/target/release/sqlserver-sim /usr/local/bin/
USER mirrorgate
WORKDIR /var/lib/mirrorgate
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=3s CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8484/healthz"]
ENTRYPOINT ["mirrorgate"]
CMD ["serve"]
