//! Whole stories: HTTP → worker → simulated servers → history. Each file is one subject.

mod advice;
mod conflicts;
mod cures;
mod deadlines;
mod estate;
mod faults;
mod hostile;
mod identity;
mod inspections;
mod log_in;
mod log_in_causes;
mod partial;
mod plan_guard;
mod refusals;
mod registrations;
mod renewal;
mod script;
mod secrets;
mod sharing;
mod texts;
mod tls;
mod tls_causes;
mod transport;
mod trio;
mod unverified;
mod verdicts;
