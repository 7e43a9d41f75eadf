//! Asks two throw-away servers what nobody has verified, and prints it as the simulator's switches. Run by `scripts/probe-real`.
//!
//! `probe_real A_HOST:PORT B_HOST:PORT A_LOGIN B_LOGIN`, passwords in `PROBE_A_PASSWORD` and `PROBE_B_PASSWORD`, the authority of both
//! servers' TLS certificates in the file `PROBE_CA` (left out: any certificate is taken), the endpoints' addresses in `PROBE_A_ENDPOINT`
//! and `PROBE_B_ENDPOINT` (`HOST:PORT`; left out: the servers' hosts, ports 5998 and 5999).

mod handshakes;
mod probe;
mod rights;
mod server;
mod statements;

use std::process::ExitCode;

use probe::{Probe, report};
use server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (a, b) = match servers() {
        Ok(both) => both,
        Err(problem) => {
            eprintln!("probe-real: {problem}");
            return ExitCode::from(2);
        }
    };
    let mut probe = Probe::new(a, b);
    let outcome = probe.run().await;
    print!("{}", report(&probe));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stopped) => {
            eprintln!("probe-real: {stopped}");
            ExitCode::FAILURE
        }
    }
}

fn servers() -> Result<(Server, Server), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [a, b, a_login, b_login] = arguments.as_slice() else {
        return Err("wanted: A_HOST:PORT B_HOST:PORT A_LOGIN B_LOGIN".to_owned());
    };
    Ok((
        server("A", a, a_login, 5998)?,
        server("B", b, b_login, 5999)?,
    ))
}

fn server(letter: &str, address: &str, login: &str, endpoint_port: u16) -> Result<Server, String> {
    let variable = |name: &str| std::env::var(format!("PROBE_{letter}_{name}"));
    let (host, port) = split(address)?;
    let password =
        variable("PASSWORD").map_err(|_| format!("PROBE_{letter}_PASSWORD is not set"))?;
    let (endpoint_host, endpoint_port) = match variable("ENDPOINT") {
        Ok(address) => split(&address)?,
        Err(_) => (host.clone(), endpoint_port),
    };
    let ca = match std::env::var("PROBE_CA") {
        Ok(path) => Some(std::fs::read(&path).map_err(|e| format!("PROBE_CA {path}: {e}"))?),
        Err(_) => None,
    };
    Ok(Server {
        host,
        port,
        login: login.to_owned(),
        password,
        ca,
        endpoint_host,
        endpoint_port,
    })
}

fn split(address: &str) -> Result<(String, u16), String> {
    let wrong = || format!("{address} is no HOST:PORT");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?))
}
