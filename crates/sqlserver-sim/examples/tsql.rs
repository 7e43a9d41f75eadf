//! A small TDS client, for trying things against the simulator or a real server: runs one batch, prints what comes back.
//!
//! `tsql HOST:PORT CA.pem LOGIN "T-SQL"`; the password is read from `TSQL_PASSWORD`. Exit status 1 when the server answers an error.

use std::process::ExitCode;

use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, ca, login, batch] = arguments.as_slice() else {
        return Err(
            "usage: tsql HOST:PORT CA.pem LOGIN \"T-SQL\"   (password in TSQL_PASSWORD)".into(),
        );
    };
    let (host, port) = address.rsplit_once(':').ok_or("the address needs a port")?;
    let mut config = Config::new();
    config.host(host);
    config.port(port.parse()?);
    config.application_name("tsql");
    config.authentication(AuthMethod::sql_server(
        login,
        std::env::var("TSQL_PASSWORD")?,
    ));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(ca);
    let tcp = TcpStream::connect(address).await?;
    let mut client = Client::connect(config, tcp.compat_write())
        .await
        .map_err(readable)?;
    let results = client
        .simple_query(batch.as_str())
        .await
        .map_err(readable)?;
    for rows in results.into_results().await.map_err(readable)? {
        for row in rows {
            let cells: Vec<String> = row
                .cells()
                .map(|(column, value)| format!("{}={}", column.name(), shown(value)))
                .collect();
            println!("{}", cells.join("  "));
        }
    }
    Ok(())
}

fn readable(error: tiberius::error::Error) -> String {
    match error {
        tiberius::error::Error::Server(e) => format!(
            "Msg {}, Level {}, State {}: {}",
            e.code(),
            e.class(),
            e.state(),
            e.message()
        ),
        other => other.to_string(),
    }
}

fn shown(value: &ColumnData<'_>) -> String {
    match value {
        ColumnData::String(Some(text)) => text.to_string(),
        ColumnData::U8(Some(n)) => n.to_string(),
        ColumnData::I16(Some(n)) => n.to_string(),
        ColumnData::I32(Some(n)) => n.to_string(),
        ColumnData::I64(Some(n)) => n.to_string(),
        ColumnData::Bit(Some(b)) => u8::from(*b).to_string(),
        other => format!("{other:?}"),
    }
}
