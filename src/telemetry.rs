//! Logging: one subscriber for the process, text for people or JSON for machines. No secret may reach a field.

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// What tiberius and sqlx log of their own would repeat what mirrorgate says better; at `trace` they may speak.
const QUIET: [&str; 4] = ["tiberius=warn", "sqlx=warn", "hyper=warn", "tower=warn"];

/// Installs the subscriber.
///
/// # Errors
/// When the filter cannot be read, or a subscriber is already installed.
pub fn install(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let mut directives = QUIET.join(",");
    directives.push(',');
    directives.push_str(filter);
    let filter = EnvFilter::try_new(if filter.contains("trace") { filter } else { &directives })
        .with_context(|| {
            format!("the log filter {filter:?} cannot be read; wanted is a level such as info, or target=level pairs")
        })?;
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_target(false)
                    .with_ansi(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    }
    .context("a log subscriber is already installed")
}
