//! Configuration: every setting, its flag, its environment variable, its default; checked at the start, whole.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, FromArgMatches, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::domain::certificate::WeaknessPolicy;
use crate::ingress::{Limits, Share};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Where the job history lives.
#[derive(Debug, Clone, Args)]
pub struct DatabaseConfig {
    /// PostgreSQL to keep registrations and history in, as postgres://user:password@host/database. Without it,
    /// mirrorgate runs a private PostgreSQL of its own in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// File that holds that URL, so that its password is in no list of processes. Must not be readable by others.
    #[arg(long, env = "MIRRORGATE_DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,

    /// Most connections to PostgreSQL; a third of them is kept for the workers. One more listens.
    #[arg(long, env = "MIRRORGATE_DATABASE_CONNECTIONS", default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u32).range(4..=1000))]
    pub database_connections: u32,

    /// Directory for the private PostgreSQL and the seal key, when they are not given. Default: mirrorgate-data in
    /// the current directory; started as root, /var/lib/mirrorgate, because the private PostgreSQL then runs as
    /// another user.
    #[arg(long, env = "MIRRORGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl DatabaseConfig {
    /// The data directory, given or by default.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        use std::os::unix::fs::MetadataExt;
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let usual = if is_root {
            "/var/lib/mirrorgate"
        } else {
            "mirrorgate-data"
        };
        self.data_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from(usual))
    }
}

/// Settings of `mirrorgate serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeConfig {
    #[command(flatten)]
    pub database: DatabaseConfig,

    /// Address to listen on. Anything but loopback needs --token-file.
    #[arg(long, env = "MIRRORGATE_LISTEN", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8484), value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// File with one bearer token that every caller of /v1 must send. Must not be readable by others.
    #[arg(long, env = "MIRRORGATE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// File with the key that seals credential passwords: 32 bytes, raw, hexadecimal or base64. Must not be readable
    /// by others. Default: seal.key in the data directory, made at the first start, when PostgreSQL is private too;
    /// with --database-url it must be given.
    #[arg(long, env = "MIRRORGATE_SEAL_KEY_FILE", value_name = "FILE")]
    pub seal_key_file: Option<PathBuf>,

    /// A key that stored passwords are sealed with and that nobody has any more, by its id. To be given once: the key of this
    /// process takes its place, each credential needs its password again, and each instance to be PUT again. Stop every process that
    /// has the old key first.
    #[arg(long, env = "MIRRORGATE_SEAL_KEY_LOST", value_name = "ID")]
    pub seal_key_lost: Option<String>,

    #[command(flatten)]
    pub ingress: IngressConfig,

    #[command(flatten)]
    pub worker: WorkerConfig,

    /// What to log: error, warn, info, debug, trace, or target=level pairs.
    #[arg(
        long,
        env = "MIRRORGATE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    pub log: String,

    /// How log lines look.
    #[arg(long, env = "MIRRORGATE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// How many callers there may be at a time.
#[derive(Debug, Clone, Args)]
pub struct IngressConfig {
    /// Connections from callers; more are turned away with 503. Default: half of the files the process may have open, 4096 at
    /// most.
    #[arg(long, env = "MIRRORGATE_MAX_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_connections: Option<u16>,

    /// The same from one address (of IPv6, one /64). Default: a quarter of --max-connections.
    #[arg(long, env = "MIRRORGATE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_connections_per_address: Option<u16>,
}

impl IngressConfig {
    /// What was given, or what suits the process's share of files.
    #[must_use]
    pub fn limits(&self, share: Share) -> Limits {
        let connections = self.max_connections.map_or(share.callers, usize::from);
        let per_address = self.max_connections_per_address.map(usize::from);
        Limits {
            connections,
            per_address: per_address.unwrap_or((connections / 4).max(1)),
        }
    }
}

/// Settings of the workers.
#[derive(Debug, Clone, Args)]
pub struct WorkerConfig {
    /// Jobs worked on at the same time; 0 makes a replica that only answers HTTP. Default: four for each core, 8 at least and 64
    /// at most.
    #[arg(long, env = "MIRRORGATE_CONCURRENCY", value_name = "N",
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub concurrency: Option<u16>,

    /// How long a claimed job belongs to its worker without a sign of life; renewed at a third of it.
    #[arg(long, env = "MIRRORGATE_LEASE", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub lease: Duration,

    /// Attempts before a job whose failures could pass is given up.
    #[arg(long, env = "MIRRORGATE_MAX_ATTEMPTS", default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub max_attempts: u16,

    /// First pause before another attempt; doubled each time up to --retry-cap, half of it left to chance.
    #[arg(long, env = "MIRRORGATE_RETRY_BASE", default_value = "1s", value_parser = duration, value_name = "DURATION")]
    pub retry_base: Duration,

    /// The longest pause before another attempt.
    #[arg(long, env = "MIRRORGATE_RETRY_CAP", default_value = "1m", value_parser = duration, value_name = "DURATION")]
    pub retry_cap: Duration,

    /// Attempts in a row that came to no end, because their process died, before a job is given up as poisoned.
    #[arg(long, env = "MIRRORGATE_POISON_AFTER", default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u16).range(2..=100))]
    pub poison_after: u16,

    /// How long after its first attempt began a job may still begin another one; whichever of this and --max-attempts
    /// is reached first ends it.
    #[arg(long, env = "MIRRORGATE_RETRY_TOTAL", default_value = "30m", value_parser = duration, value_name = "DURATION")]
    pub retry_total: Duration,

    /// Days that ended jobs are kept in the history, with their attempts, steps and events. Default: for ever.
    #[arg(long, env = "MIRRORGATE_HISTORY_RETENTION", value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub history_retention: Option<u32>,

    /// How long TCP connect, TLS handshake and log-in to a SQL Server may take, each.
    #[arg(long, env = "MIRRORGATE_CONNECT_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub connect_timeout: Duration,

    /// What mirrorgate calls itself to SQL Server: monitors and traces show it, and logon triggers may go by it.
    #[arg(long, env = "MIRRORGATE_APPLICATION_NAME", default_value = "mirrorgate", value_parser = application_name,
          value_name = "NAME")]
    pub application_name: String,

    /// How long a SQL Server may take to say what is there; never longer than --batch-timeout.
    #[arg(long, env = "MIRRORGATE_OBSERVE_TIMEOUT", default_value = "15s", value_parser = duration, value_name = "DURATION")]
    pub observe_timeout: Duration,

    /// How long one batch on a SQL Server may take.
    #[arg(long, env = "MIRRORGATE_BATCH_TIMEOUT", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    pub batch_timeout: Duration,

    /// Connections kept to each instance.
    #[arg(long, env = "MIRRORGATE_POOL_SIZE", default_value_t = 2, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub pool_size: u16,

    /// How long a stopping process takes at most: running jobs may end until a quarter of it, 2 s at most, is left,
    /// and the rest is for handing them back.
    #[arg(long, env = "MIRRORGATE_GRACE", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub grace: Duration,

    /// An own endpoint certificate with fewer days left is a warning. A renewal needs its time, and change freezes
    /// take some of it.
    #[arg(long, env = "MIRRORGATE_EXPIRES_SOON_DAYS", default_value_t = 90, value_name = "DAYS",
          value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub expires_soon_days: u32,

    /// Which certificates are a warning as weak. broken: MD5 and older, keys under 1024 bits. server-version: that,
    /// and SHA-1 from SQL Server 2017 and keys under 2048 bits from 2016, which make better ones themselves. strict:
    /// that on every version.
    #[arg(long, env = "MIRRORGATE_WEAK_CERTIFICATES", default_value = "server-version", value_parser = weakness_policy,
          value_name = "POLICY")]
    pub weak_certificates: WeaknessPolicy,
}

impl WorkerConfig {
    /// Jobs worked on at the same time. Left open, it is what the machine can do: a job is some milliseconds of a core, and for
    /// about three times as long it waits for PostgreSQL and for SQL Servers.
    #[must_use]
    pub fn concurrency(&self) -> u16 {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let suits = u16::try_from(cores * 4).unwrap_or(u16::MAX).clamp(8, 64);
        self.concurrency.unwrap_or(suits)
    }
}

impl Default for WorkerConfig {
    /// What flags and environment leave open.
    fn default() -> Self {
        let flags = Self::augment_args(clap::Command::new("defaults").no_binary_name(true));
        let given = flags.get_matches_from(std::iter::empty::<&str>());
        Self::from_arg_matches(&given).unwrap_or_else(|error| error.exit())
    }
}

/// What LOGIN7 has room for.
fn application_name(text: &str) -> Result<String, String> {
    let length = text.encode_utf16().count();
    if (1..=128).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{length} characters; wanted are 1 to 128, and none of them a control character"
        ))
    }
}

fn weakness_policy(text: &str) -> Result<WeaknessPolicy, String> {
    WeaknessPolicy::parse(text).ok_or_else(|| {
        let known = WeaknessPolicy::ALL
            .iter()
            .map(|p| p.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        format!("{text:?} is no policy; wanted is one of {known}")
    })
}

/// Reads `250ms`, `30s` or `5m`.
fn duration(text: &str) -> Result<Duration, String> {
    match crate::domain::duration::parse(text, &["ms", "s", "m"]) {
        Some(zero) if zero.is_zero() => Err(format!(
            "{text:?} is no time at all; wanted is a duration above zero"
        )),
        Some(found) if found <= Duration::from_secs(86_400) => Ok(found),
        Some(_) => Err(format!("{text:?} is more than a day")),
        None => Err(format!(
            "{text:?} is not a duration; wanted is a whole number with ms, s or m, such as 30s"
        )),
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "listening on {listen} would admit anyone who can reach it; give --token-file, or listen on loopback"
    )]
    TokenMissing { listen: SocketAddr },
    #[error("the {what} file {} cannot be read", path.display())]
    SecretUnreadable {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the {what} file {} can be read by others (mode {mode:o}); make it 0600", path.display())]
    SecretExposed {
        what: &'static str,
        path: PathBuf,
        mode: u32,
    },
    #[error("the token file {} holds {found} characters; wanted is one line of 20 to 512 visible ASCII characters", path.display())]
    TokenMalformed { path: PathBuf, found: usize },
    #[error(
        "with --database-url, --seal-key-file must be given too: all replicas need the same key. `mirrorgate seal-key FILE` makes one"
    )]
    SealKeyMissing,
    #[error("DATABASE_URL (or --database-url) and --database-url-file are both given; give one")]
    TwoDatabases,
}

impl ServeConfig {
    /// The file the seal key is read from.
    ///
    /// # Errors
    /// [`ConfigError::SealKeyMissing`] when PostgreSQL is shared and no file is named.
    pub fn seal_key_path(&self) -> Result<PathBuf, ConfigError> {
        match (&self.seal_key_file, self.database.is_shared()) {
            (Some(path), _) => Ok(path.clone()),
            (None, false) => Ok(self.database.data_dir().join("seal.key")),
            (None, true) => Err(ConfigError::SealKeyMissing),
        }
    }

    /// The token callers must send, if any.
    ///
    /// # Errors
    /// When the address asks for one and there is none, or its file is not fit.
    pub fn token(&self) -> Result<Option<SecretString>, ConfigError> {
        match &self.token_file {
            Some(path) => read_token(path).map(Some),
            None if self.listen.ip().is_loopback() => Ok(None),
            None => Err(ConfigError::TokenMissing {
                listen: self.listen,
            }),
        }
    }
}

fn read_token(path: &Path) -> Result<SecretString, ConfigError> {
    let token = secret_line("token", path)?;
    let token_length = token.expose_secret().len();
    let well_formed = (20..=512).contains(&token_length)
        && token.expose_secret().bytes().all(|b| b.is_ascii_graphic());
    if well_formed {
        Ok(token)
    } else {
        Err(ConfigError::TokenMalformed {
            path: path.to_owned(),
            found: token.expose_secret().chars().count(),
        })
    }
}

/// What stands in a file that nobody else may read, without the end of its line. `what` names it in messages.
fn secret_line(what: &'static str, path: &Path) -> Result<SecretString, ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let unreadable = |source| ConfigError::SecretUnreadable {
        what,
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    // Asked of the open file, not of the path: it cannot be exchanged in between.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ConfigError::SecretExposed {
            what,
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

impl DatabaseConfig {
    /// Where PostgreSQL is, if not a private one.
    ///
    /// # Errors
    /// When it stands in a file that is not fit.
    pub fn url(&self) -> Result<Option<SecretString>, ConfigError> {
        match (&self.database_url, &self.database_url_file) {
            (Some(_), Some(_)) => Err(ConfigError::TwoDatabases),
            (None, Some(path)) => secret_line("database URL", path).map(Some),
            (Some(url), None) => Ok(Some(SecretString::from(url.as_str()))),
            (None, None) => Ok(None),
        }
    }

    /// Whether the database is one that others may use, too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.database_url.is_some() || self.database_url_file.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn token_file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_token_others_can_read_is_refused() {
        let secret = "0123456789abcdef0123456789\n";
        let exposed = token_file(secret, 0o640);
        assert!(matches!(
            read_token(exposed.path()),
            Err(ConfigError::SecretExposed { mode: 0o640, .. })
        ));
        let kept = token_file(secret, 0o600);
        assert_eq!(
            read_token(kept.path()).unwrap().expose_secret(),
            secret.trim_end()
        );
        assert!(matches!(
            read_token(token_file("short", 0o600).path()),
            Err(ConfigError::TokenMalformed { found: 5, .. })
        ));
    }

    #[test]
    fn an_application_name_has_room_in_a_log_in() {
        assert_eq!(application_name("DBA tools"), Ok("DBA tools".to_owned()));
        for bad in ["", "a\nb", &"x".repeat(129)] {
            assert!(application_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn durations_have_a_unit_and_an_end() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for bad in ["30", "s", "-1s", "1h", "0s", "99999m", "1.5s", ""] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_database_url_comes_from_one_place() {
        let url = "postgres://mirrorgate:secret@db/mirrorgate";
        let file = token_file(&format!("{url}\n"), 0o600);
        let given = |url: Option<&str>, file: Option<&tempfile::NamedTempFile>| DatabaseConfig {
            database_url: url.map(str::to_owned),
            database_url_file: file.map(|file| file.path().to_owned()),
            database_connections: 10,
            data_dir: None,
        };
        for config in [given(Some(url), None), given(None, Some(&file))] {
            assert!(config.is_shared());
            assert_eq!(config.url().unwrap().unwrap().expose_secret(), url);
        }
        assert!(!given(None, None).is_shared());
        let both = given(Some(url), Some(&file)).url();
        assert!(matches!(both, Err(ConfigError::TwoDatabases)));
        let open = token_file(url, 0o644);
        let refused = given(None, Some(&open)).url().unwrap_err().to_string();
        assert!(refused.contains("the database URL file"), "{refused}");
    }
}
