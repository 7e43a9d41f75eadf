//! Whole stories: HTTP → worker → simulated servers → history. Each file is one subject.

mod advice;
mod conflicts;
mod cures;
mod estate;
mod faults;
mod hostile;
mod identity;
mod log_in;
mod plan_guard;
mod renewal;
mod secrets;
mod sharing;
mod tls;
mod transport;
mod trio;
mod unverified;
