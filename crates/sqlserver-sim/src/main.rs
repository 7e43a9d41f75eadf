//! `sqlserver-sim`: runs a fleet of simulated instances described in a TOML file until it is told to stop, or only reads
//! T-SQL files and says which batches the simulator's parser takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sqlserver_sim::{Fleet, fleet_file, syntax};
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};

/// A fleet of simulated SQL Servers.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// TOML file that describes the instances.
    #[arg(long, required_unless_present = "parse")]
    fleet: Option<PathBuf>,
    /// Run nothing: for each batch (GO separates them) of these files print `FILE:LINE: ok`, or the error it would get.
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with = "fleet")]
    parse: Vec<PathBuf>,
    /// Directory for ca.pem, the endpoints' certificates (.cer, DER) and fleet.json with the real ports.
    #[arg(long, default_value = "sqlserver-sim-out")]
    out: PathBuf,
    /// File to create, empty, once everything listens.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Address the TDS ports listen on.
    #[arg(long, default_value = "127.0.0.1")]
    listen: String,
    /// Address of the HTTP control port, such as 127.0.0.1:8990. Whoever reaches it is sysadmin of every instance.
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// Address SQL Browser answers on, such as 127.0.0.1:1434 (UDP).
    #[arg(long, value_name = "ADDRESS")]
    browser: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(inner) = source {
                text.push_str(&format!(": {inner}"));
                source = inner.source();
            }
            eprintln!("sqlserver-sim: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every batch was taken.
fn parse(files: &[PathBuf]) -> std::io::Result<bool> {
    let mut all = true;
    for path in files {
        let script = std::fs::read_to_string(path)?;
        for (line, text) in syntax::batches(script.trim_start_matches('\u{feff}')) {
            match syntax::check(&text) {
                Ok(_) => println!("{}:{line}: ok", path.display()),
                Err(error) => {
                    all = false;
                    println!("{}:{line}: {error}", path.display());
                }
            }
        }
    }
    Ok(all)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some(fleet) = &arguments.fleet else {
        let code = u8::from(!parse(&arguments.parse)?);
        return Ok(ExitCode::from(code));
    };
    // Asked for first, so that a signal during the start is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let file = fleet_file::read(fleet)?;
    let fleet = fleet_file::start(&file, &arguments.listen).await?;
    for instance in fleet_file::write_papers(&fleet, &arguments.listen, &arguments.out)? {
        let endpoint = instance.endpoint.as_deref().unwrap_or("no endpoint");
        println!(
            "{}\t{}:{}\t{endpoint}",
            instance.name, instance.host, instance.port
        );
    }
    serve_extras(&fleet, &arguments).await?;
    if let Some(path) = &arguments.ready_file {
        std::fs::write(path, b"")?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The control port and SQL Browser, where asked for.
async fn serve_extras(
    fleet: &Fleet,
    arguments: &Arguments,
) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(address) = arguments.control {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|e| format!("the control port cannot listen on {address}: {e}"))?;
        println!("control\thttp://{}", listener.local_addr()?);
        fleet.serve_control(listener);
    }
    if let Some(address) = arguments.browser {
        let socket = UdpSocket::bind(address)
            .await
            .map_err(|e| format!("SQL Browser cannot listen on {address}: {e}"))?;
        println!("browser\tudp://{}", socket.local_addr()?);
        fleet.serve_browser(socket);
    }
    Ok(())
}
