//! The lexer and parser, fed with any text: an error at worst.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sqlserver_sim::fuzzing::parse(text));
