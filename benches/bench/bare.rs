//! The peer of the HTTP parts: a bare axum + sqlx handler that asks PostgreSQL `select 1`, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use sqlx::postgres::PgPoolOptions;

const ASKED: &str = "MIRRORGATE_BENCH_BARE";

/// Whether this process was started as the bare one.
pub fn asked_to_be_one() -> bool {
    std::env::var_os(ASKED).is_some()
}

/// Serves until it is killed; says its port in one line. As many connections as mirrorgate has by default.
pub async fn be() {
    let url = std::env::var("DATABASE_URL").unwrap();
    let options = PgPoolOptions::new().max_connections(10);
    let pool = options.connect(&url).await.unwrap();
    let answer = move || {
        let pool = pool.clone();
        async move {
            let asking = sqlx::query_scalar::<_, i32>("select 1").fetch_one(&pool);
            asking.await.unwrap().to_string()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    std::io::stdout().flush().unwrap();
    let router = Router::new().route("/", get(answer));
    axum::serve(listener, router).await.unwrap();
}

/// The process, from the outside.
pub struct Bare {
    child: Child,
    pub url: String,
    /// From its start until it listened, with a connection to the database.
    pub ready_after: Duration,
}

impl Bare {
    pub fn start(database: &str) -> Self {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ASKED, "1")
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut port).unwrap();
        Self {
            child,
            url: format!("http://127.0.0.1:{}/", port.trim()),
            ready_after: began.elapsed(),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
