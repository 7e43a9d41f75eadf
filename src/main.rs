//! The `mirrorgate` binary: the command line, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    match mirrorgate::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain, on one line: this is read in journals.
            eprintln!("mirrorgate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
