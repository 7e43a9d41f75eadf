//! A server that is asked: one connection a batch, so that nothing of one question reaches the next.

use tiberius::error::Error;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

/// Where a server is and how to log in there as sysadmin.
#[derive(Debug, Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub login: String,
    pub password: String,
    /// The authority to trust, in PEM; `None` trusts whatever certificate the server shows.
    pub ca: Option<Vec<u8>>,
    /// How the other server reaches its endpoint.
    pub endpoint_host: String,
    pub endpoint_port: u16,
}

/// The error a batch ended with.
#[derive(Debug, Clone)]
pub struct Refused {
    pub number: u32,
    pub class: u8,
    pub text: String,
}

/// Cells as text, NULL as `None`.
pub type Rows = Vec<Vec<Option<String>>>;

impl Server {
    /// Runs a batch: the rows of its last result set, or its first error.
    ///
    /// # Errors
    /// When the server cannot be talked to.
    pub async fn run(&self, sql: &str) -> Result<Result<Rows, Refused>, Error> {
        let mut config = Config::new();
        config.host(&self.host);
        config.port(self.port);
        config.authentication(AuthMethod::sql_server(&self.login, &self.password));
        config.encryption(EncryptionLevel::Required);
        config.application_name("probe-real");
        match &self.ca {
            Some(pem) => config.trust_cert_ca_bundle(pem.clone()),
            None => config.trust_cert(),
        }
        let tcp = TcpStream::connect(config.get_addr()).await?;
        let mut client = Client::connect(config, tcp.compat_write()).await?;
        let sets = match client.simple_query(sql).await {
            Ok(stream) => stream.into_results().await,
            Err(error) => Err(error),
        };
        match sets {
            Ok(sets) => Ok(Ok(cells(sets.into_iter().last().unwrap_or_default()))),
            Err(Error::Server(token)) => Ok(Err(Refused {
                number: token.code(),
                class: token.class(),
                text: token.message().to_owned(),
            })),
            Err(error) => Err(error),
        }
    }

    /// The number a batch ends with, 0 for none.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn number(&self, sql: &str) -> Result<u32, Error> {
        Ok(self.run(sql).await?.err().map_or(0, |e| e.number))
    }

    /// The first cell a batch gives; empty when it gives none, or ends with an error.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn cell(&self, sql: &str) -> Result<String, Error> {
        let rows = self.run(sql).await?.unwrap_or_default();
        let first = rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next());
        Ok(first.flatten().unwrap_or_default())
    }
}

fn cells(rows: Vec<tiberius::Row>) -> Rows {
    let cell = |data: ColumnData<'static>| match data {
        ColumnData::String(text) => text.map(|t| t.into_owned()),
        ColumnData::I32(n) => n.map(|n| n.to_string()),
        _ => None,
    };
    rows.into_iter()
        .map(|row| row.into_iter().map(cell).collect())
        .collect()
}
