//! How the process is asked to stop: the first SIGTERM or SIGINT drains, the second ends it at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The exit status of a process that was told twice.
const EXIT_AT_ONCE: i32 = 130;

/// Cancels `token` at the first signal and ends the process at the second.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub async fn on_signals(token: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told = false;
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        if told {
            warn!(
                "{name} again: ending at once; running jobs are taken up again when their lease expires"
            );
            std::process::exit(EXIT_AT_ONCE);
        }
        info!("{name}: stopping; no new job is claimed, running batches may end");
        told = true;
        token.cancel();
    }
}
