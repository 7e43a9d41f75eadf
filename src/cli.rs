//! The command line: what can be asked of the binary, and which function answers.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App};
use crate::config::{DatabaseConfig, ServeConfig};
use crate::domain::clock::Clock;
use crate::store::seal::SealKey;
use crate::{http, shutdown, telemetry};

/// Makes SQL Server instances trust each other's mirroring endpoints by certificate.
#[derive(Debug, Parser)]
#[command(name = "mirrorgate", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer HTTP and work on jobs, until SIGTERM.
    Serve(Box<ServeConfig>),
    /// Bring the database to this version's schema, and end.
    Migrate {
        #[command(flatten)]
        database: DatabaseConfig,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Make a new key for sealing credential passwords, in a file that must not exist yet.
    SealKey {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs the command line of this process.
///
/// # Errors
/// What stopped the command, written for the person at the terminal.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // Everything that speaks TLS (PostgreSQL, SQL Server) uses this one provider.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    match cli.command {
        Command::Serve(config) => runtime()?.block_on(serve(*config)),
        Command::Migrate { database } => runtime()?.block_on(migrate(database)),
        Command::Openapi => print_openapi(),
        Command::SealKey { file } => {
            SealKey::create_file(&file)?;
            println!(
                "made {}: keep a copy; without it the stored passwords cannot be opened",
                file.display()
            );
            Ok(())
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime could not be started")
}

async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    telemetry::install(&config.log, config.log_format)?;
    let stop = CancellationToken::new();
    // Heard from the beginning: a process that is told to stop while it starts must not leave a PostgreSQL behind.
    let signals = shutdown::on_signals(stop.clone());
    let serving = async {
        let app = App::build(config, Clock::System, stop.clone()).await?;
        app.run(stop.clone()).await
    };
    tokio::select! {
        ended = serving => ended,
        failed = signals => failed.context("signals cannot be caught"),
    }
}

async fn migrate(database: DatabaseConfig) -> anyhow::Result<()> {
    telemetry::install("info", crate::config::LogFormat::Text)?;
    app::migrate(&database).await
}

fn print_openapi() -> anyhow::Result<()> {
    let document = http::openapi().to_pretty_json()?;
    println!("{document}");
    Ok(())
}
