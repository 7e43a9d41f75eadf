//! The client matrix's runner for tiberius. What is asked lives in `clients/`; run by `scripts/clients`.

#[path = "../clients/rust/scenarios.rs"]
mod scenarios;

use chrono::NaiveDateTime;
use scenarios::{Client, Failed, Sets, Target, hex, path_text};
use tiberius::error::Error;
use tiberius::{AuthMethod, ColumnData, Config, EncryptionLevel, FromSql, QueryStream};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    scenarios::main::<Tiberius>(include_str!("../clients/scenarios.json")).await
}

struct Tiberius(tiberius::Client<Compat<TcpStream>>);

impl Client for Tiberius {
    const REASONS: &'static [(&'static str, &'static str)] = &[
        (
            "cancel",
            "tiberius 0.13 reads one message after its attention; when the acknowledgement comes in a second one, as SQL Server \
             may send it, every later answer is the previous query's. A cancelled connection is to be thrown away",
        ),
        ("reset", "tiberius has no way to ask for a connection reset"),
    ];

    async fn connect(target: &Target) -> Result<Self, Failed> {
        let mut config = Config::new();
        config.host(&target.host);
        config.port(target.port);
        config.authentication(AuthMethod::sql_server(&target.user, &target.password));
        config.trust_cert_ca(path_text(&target.ca));
        config.encryption(match target.level.as_str() {
            "clear" | "clear_without_tls" => EncryptionLevel::NotSupported,
            "login_only" => EncryptionLevel::Off,
            "forced" => EncryptionLevel::On,
            "strict" => EncryptionLevel::Strict,
            _ => EncryptionLevel::Required,
        });
        if let Some(size) = target.packet_size {
            config.packet_size(u32::from(size));
        }
        let stream = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .map_err(Failed::other)?;
        let client = tiberius::Client::connect(config, stream.compat_write()).await;
        client.map(Self).map_err(failed)
    }

    async fn query(&mut self, sql: &str) -> Result<Sets, Failed> {
        sets(self.0.simple_query(sql).await.map_err(failed)?).await
    }

    async fn parameters(&mut self, text: &str, number: i32) -> Result<Sets, Failed> {
        let sent = self
            .0
            .query("SELECT @P1 AS t, @P2 AS n", &[&text, &number])
            .await;
        sets(sent.map_err(failed)?).await
    }

    async fn begin(&mut self) -> Result<(), Failed> {
        self.0.begin_transaction().await.map_err(failed)
    }

    async fn rollback(&mut self) -> Result<(), Failed> {
        self.0.rollback_transaction().await.map_err(failed)
    }

    async fn cancel(&mut self, _: &str) -> Result<(), Failed> {
        Err(Failed::other("see REASONS"))
    }

    async fn reset(&mut self) -> Result<(), Failed> {
        Err(Failed::other("see REASONS"))
    }
}

async fn sets(stream: QueryStream<'_>) -> Result<Sets, Failed> {
    let mut sets = Sets::new();
    for rows in stream.into_results().await.map_err(failed)? {
        let rows = rows
            .iter()
            .map(|row| row.cells().map(|(_, value)| shown(value)).collect());
        sets.push(rows.collect());
    }
    Ok(sets)
}

fn failed(error: Error) -> Failed {
    match error {
        Error::Server(told) => Failed::Server {
            number: i64::from(told.code()),
            state: i64::from(told.state()),
            class: i64::from(told.class()),
            line: i64::from(told.line()),
            message: told.message().to_owned(),
        },
        other => Failed::other(other),
    }
}

fn shown(value: &ColumnData<'static>) -> Option<String> {
    match value {
        ColumnData::U8(n) => n.map(|n| n.to_string()),
        ColumnData::I16(n) => n.map(|n| n.to_string()),
        ColumnData::I32(n) => n.map(|n| n.to_string()),
        ColumnData::I64(n) => n.map(|n| n.to_string()),
        ColumnData::Bit(b) => b.map(|b| u8::from(b).to_string()),
        ColumnData::String(text) => text.as_ref().map(ToString::to_string),
        ColumnData::Binary(bytes) => bytes.as_ref().map(|bytes| hex(bytes)),
        ColumnData::Guid(guid) => guid.map(|guid| guid.to_string().to_uppercase()),
        ColumnData::Numeric(number) => number.map(|number| number.to_string()),
        time @ (ColumnData::DateTime(_) | ColumnData::DateTime2(_)) => {
            match NaiveDateTime::from_sql(time) {
                Ok(time) => time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
                Err(problem) => Some(problem.to_string()),
            }
        }
        other => Some(format!("{other:?}")),
    }
}
