//! The client matrix's runner for `mssql-tds`, Microsoft's own TDS client in Rust. Run by `scripts/clients`.

#[path = "../../rust/scenarios.rs"]
mod scenarios;

use std::time::Duration;

use mssql_tds::connection::client_context::ClientContext;
use mssql_tds::connection::tds_client::{ExecuteOptions, ResultSet, StatementResult, TdsClient};
use mssql_tds::connection_provider::tds_connection_provider::TdsConnectionProvider;
use mssql_tds::core::{CancelHandle, EncryptionOptions, EncryptionSetting};
use mssql_tds::datatypes::column_values::{ColumnValues, SqlTime};
use mssql_tds::datatypes::sql_string::SqlString;
use mssql_tds::datatypes::sqltypes::SqlType;
use mssql_tds::error::Error;
use mssql_tds::message::parameters::rpc_parameters::{RpcParameter, StatusFlags};
use mssql_tds::message::transaction_management::TransactionIsolationLevel;
use scenarios::{Client, Failed, Sets, Target, hex, path_text};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    scenarios::main::<MssqlTds>(include_str!("../../scenarios.json")).await
}

struct MssqlTds(TdsClient);

impl Client for MssqlTds {
    const REASONS: &'static [(&'static str, &'static str)] = &[(
        "login:clear",
        "says ENCRYPT_OFF at least, so that the log-in is always encrypted if the server can",
    )];

    async fn connect(target: &Target) -> Result<Self, Failed> {
        // The client has no option for a CA: OpenSSL's default store is told by the environment, before the process starts.
        let store = std::env::var("SSL_CERT_FILE").unwrap_or_default();
        if store != path_text(&target.ca) {
            return Err(Failed::other(format!(
                "SSL_CERT_FILE is {store:?} and has to be {:?}",
                target.ca
            )));
        }
        let mut encryption = EncryptionOptions::new();
        encryption.mode = match target.level.as_str() {
            "clear_without_tls" | "login_only" | "forced" => EncryptionSetting::PreferOff,
            "strict" => EncryptionSetting::Strict,
            _ => EncryptionSetting::Required,
        };
        let mut context = ClientContext::default();
        context.user_name = target.user.clone();
        context.password = target.password.clone();
        context.database = "master".to_owned();
        context.encryption_options = encryption;
        context.connect_retry_count = 0;
        if let Some(size) = target.packet_size {
            context.packet_size = size;
        }
        let address = format!("tcp:{},{}", target.host, target.port);
        let client = TdsConnectionProvider {}
            .create_client(context, &address, None)
            .await;
        client.map(Self).map_err(failed)
    }

    async fn query(&mut self, sql: &str) -> Result<Sets, Failed> {
        let first = self.0.execute(sql.to_owned(), ()).await;
        self.collect(first).await
    }

    async fn parameters(&mut self, text: &str, number: i32) -> Result<Sets, Failed> {
        let text = SqlType::NVarchar(Some(SqlString::from_utf8_string(text.to_owned())), 200);
        let given = vec![
            RpcParameter::new(Some("@t".to_owned()), StatusFlags::NONE, text),
            RpcParameter::new(
                Some("@n".to_owned()),
                StatusFlags::NONE,
                SqlType::Int(Some(number)),
            ),
        ];
        let first = self
            .0
            .execute_sp_executesql("SELECT @t AS t, @n AS n".to_owned(), given, ())
            .await;
        self.collect(first).await
    }

    async fn begin(&mut self) -> Result<(), Failed> {
        self.0
            .begin_transaction(TransactionIsolationLevel::NoChange, None)
            .await
            .map_err(failed)
    }

    async fn rollback(&mut self) -> Result<(), Failed> {
        self.0
            .rollback_transaction(None, None)
            .await
            .map_err(failed)
    }

    async fn cancel(&mut self, sql: &str) -> Result<(), Failed> {
        let handle = CancelHandle::new();
        let options = ExecuteOptions {
            cancel: Some(&handle),
            ..ExecuteOptions::default()
        };
        let run = self.0.execute(sql.to_owned(), options);
        let soon = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            handle.cancel();
        };
        match tokio::join!(run, soon).0 {
            Err(Error::OperationCancelledError(_)) => Ok(()),
            other => Err(Failed::other(format!(
                "the cancelled statement ended with {other:?}"
            ))),
        }
    }

    async fn reset(&mut self) -> Result<(), Failed> {
        self.0.prepare_reset_connection(false);
        Ok(())
    }
}

impl MssqlTds {
    async fn collect(&mut self, first: Result<StatementResult, Error>) -> Result<Sets, Failed> {
        let outcome = self.read(first).await;
        self.0.close_query().await.map_err(failed)?;
        outcome
    }

    async fn read(&mut self, first: Result<StatementResult, Error>) -> Result<Sets, Failed> {
        let mut sets = Sets::new();
        let mut at = first.map_err(failed)?;
        loop {
            match at {
                StatementResult::End => return Ok(sets),
                StatementResult::NoRows { .. } => {}
                StatementResult::Rows => {
                    let mut rows = Vec::new();
                    while let Some(row) = self.0.next_row().await.map_err(failed)? {
                        rows.push(row.iter().map(shown).collect());
                    }
                    sets.push(rows);
                }
            }
            at = self.0.advance().await.map_err(failed)?;
        }
    }
}

fn failed(error: Error) -> Failed {
    match &error {
        Error::SqlServerError { diagnostics } => match diagnostics.errors.first() {
            Some(told) => Failed::Server {
                number: i64::from(told.number),
                state: i64::from(told.state),
                class: i64::from(told.class),
                line: i64::from(told.line_number.unwrap_or(0)),
                message: told.message.clone(),
            },
            None => Failed::other(error),
        },
        _ => Failed::other(error),
    }
}

fn shown(value: &ColumnValues) -> Option<String> {
    Some(match value {
        ColumnValues::Null => return None,
        ColumnValues::TinyInt(n) => n.to_string(),
        ColumnValues::SmallInt(n) => n.to_string(),
        ColumnValues::Int(n) => n.to_string(),
        ColumnValues::BigInt(n) => n.to_string(),
        ColumnValues::Bit(b) => u8::from(*b).to_string(),
        ColumnValues::Decimal(n) | ColumnValues::Numeric(n) => n.to_string(),
        ColumnValues::String(text) => text.to_utf8_string(),
        ColumnValues::Bytes(bytes) => hex(bytes),
        ColumnValues::Uuid(guid) => guid.to_string().to_uppercase(),
        ColumnValues::DateTime(at) => {
            let nanoseconds = (u64::from(at.time) * 10_000_000).div_ceil(3);
            moment(i64::from(at.days) + DAYS_TO_1900, nanoseconds)
        }
        ColumnValues::DateTime2(at) => {
            // Named nanoseconds, but given in the steps of 100 that travel on the wire.
            let SqlTime {
                time_nanoseconds, ..
            } = at.time;
            moment(i64::from(at.days), time_nanoseconds * 100)
        }
        other => format!("{other:?}"),
    })
}

const DAYS_TO_1900: i64 = 693_595;

/// Days since 0001-01-01 in the Gregorian calendar, as text to the millisecond.
fn moment(days: i64, nanoseconds: u64) -> String {
    let (mut year, mut left) = (1, days);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    let seconds = nanoseconds / 1_000_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millisecond = nanoseconds / 1_000_000 % 1000;
    format!(
        "{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}.{millisecond:03}",
        left + 1
    )
}
