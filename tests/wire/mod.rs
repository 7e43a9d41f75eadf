//! The wire and the hands by themselves: no HTTP, the registrations written straight into PostgreSQL.

mod attempts;
mod costs;
mod deadlines;
mod links;
mod pools;
mod racing;
mod running;
mod versions;
mod world;
