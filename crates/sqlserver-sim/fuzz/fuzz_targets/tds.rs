//! The TDS state machine, before and after the log-in, fed with any bytes: no panic, no endless loop, bounded memory.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sqlserver_sim::fuzzing::converse(bytes));
