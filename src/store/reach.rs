//! Why a database cannot be reached, said with where it is and never with its password. A pool would only say that it waited.

use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::StoreError;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// No address of a PostgreSQL at all.
    #[error(
        "--database-url cannot be used: {why}; wanted is postgres://user:password@host/database"
    )]
    Url { why: String },
    /// The host's name leads to no address.
    #[error("PostgreSQL at {at} cannot be reached: the name cannot be resolved ({why})")]
    Name { at: String, why: String },
    /// It may be starting.
    #[error("PostgreSQL at {at} cannot be reached: {why}")]
    Away { at: String, why: String },
    /// It answered, and no: a password, a database, a right.
    #[error("PostgreSQL at {at} lets nobody in this way: {why}")]
    Refused { at: String, why: String },
}

/// Connects once and hangs up again.
///
/// # Errors
/// Why that failed.
pub async fn reach(url: &str) -> Result<(), Unreached> {
    let options = read(url)?;
    let at = whereabouts(&options);
    if options.get_socket().is_none() {
        let address = (options.get_host(), options.get_port());
        match tokio::time::timeout(PATIENCE, tokio::net::lookup_host(address)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                return Err(Unreached::Name {
                    at,
                    why: error.to_string(),
                });
            }
            Err(_) => {
                let why = format!("no answer within {} s", PATIENCE.as_secs());
                return Err(Unreached::Name { at, why });
            }
        }
    }
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(error)) => Err(explain(at, error)),
        Err(_) => Err(Unreached::Away {
            at,
            why: format!("no answer within {} s", PATIENCE.as_secs()),
        }),
    }
}

fn explain(at: String, error: sqlx::Error) -> Unreached {
    let why = match &error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    match StoreError::from(error) {
        StoreError::Unavailable(_) => Unreached::Away { at, why },
        _ => Unreached::Refused { at, why },
    }
}

fn read(text: &str) -> Result<PgConnectOptions, Unreached> {
    let unusable = |why: String| Unreached::Url { why };
    match text.split_once("://") {
        Some(("postgres" | "postgresql", _)) => {}
        Some((scheme, _)) if scheme.len() < 20 => {
            return Err(unusable(format!("its scheme is {scheme}")));
        }
        _ => return Err(unusable("it has no scheme".to_owned())),
    }
    // The parser's errors name the part that is wrong, never what stands there.
    PgConnectOptions::from_str(text).map_err(|error| match error {
        sqlx::Error::Configuration(why) => unusable(why.to_string()),
        other => unusable(other.to_string()),
    })
}

fn whereabouts(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    match options.get_socket() {
        Some(socket) => format!("{} (database {database})", socket.display()),
        None => format!(
            "{}:{} (database {database})",
            options.get_host(),
            options.get_port()
        ),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::*;

    async fn said(url: &str) -> String {
        let error = reach(url).await.unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
        error
    }

    #[sqlx::test(migrations = false)]
    async fn a_database_that_says_no_is_not_waited_for(pool: sqlx::PgPool) {
        let given = pool.connect_options();
        assert!(reach(given.to_url_lossy().as_str()).await.is_ok());
        let url = (*given).clone().database("no_such").to_url_lossy();
        let refused = reach(url.as_str()).await.unwrap_err();
        assert!(matches!(refused, Unreached::Refused { .. }), "{refused:?}");
        let said = refused.to_string();
        assert!(
            said.contains("no_such") && said.contains("does not exist"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_with_the_host_and_without_the_password() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let closed = said(&format!("postgres://u:canary@127.0.0.1:{port}/x")).await;
        assert!(
            closed.contains(&format!("127.0.0.1:{port} (database x)")),
            "{closed}"
        );
        assert!(closed.contains("refused"), "{closed}");
        let name = said("postgres://u:canary@no-such-host.invalid/x").await;
        assert!(name.contains("no-such-host.invalid:5432"), "{name}");
        assert!(name.contains("cannot be resolved"), "{name}");
        let mysql = said("mysql://u:canary@127.0.0.1/x").await;
        assert!(mysql.contains("scheme is mysql"), "{mysql}");
        for bad in ["canary", "postgres://u:canary@127.0.0.1:port/x", ""] {
            assert!(said(bad).await.contains("--database-url"), "{bad}");
        }
    }
}
