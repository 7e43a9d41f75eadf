//! Waking up: one connection per process listens for news about jobs, however many wait here.
//!
//! A notification is only a hint. After every lost connection everybody is woken, because nobody knows what was missed;
//! workers poll underneath all the same.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Store;
use super::events::CHANNEL;

/// In so many parts the news are told: whoever waits for a job is not woken by all the others.
const PARTS: usize = 256;
/// Job news of one part kept for a waiter that is slow to look; one that falls further behind is simply woken.
const BACKLOG: usize = 32;
/// A listener that hears nothing for so long asks whether the line is still there: a dead line makes no noise.
const QUIET: Duration = Duration::from_secs(4);
/// How long the answer to that, or a new connection, may take.
const ANSWER: Duration = Duration::from_secs(4);
/// How often whoever waits for a job looks by himself while nothing can be heard.
const DEAF: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// Where to wait for news about jobs. Cheap to clone.
#[derive(Clone)]
pub struct Wakeups {
    work: watch::Sender<()>,
    /// By job.
    changed: Arc<[broadcast::Sender<Wakeup>]>,
    /// Whether the line stands. While it does not, waiters look by themselves now and then.
    hearing: watch::Sender<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakeup {
    /// This job has changed; `cancel`: it is asked to stop.
    Job { id: Uuid, cancel: bool },
    /// The line was down: anything may have.
    Anything,
}

/// Waits for jobs to claim.
pub struct NewJobs(watch::Receiver<()>);

/// Waits for changes of one job.
pub struct JobWatch {
    id: Uuid,
    news: broadcast::Receiver<Wakeup>,
    hearing: watch::Receiver<bool>,
}

/// Gives the place to wait at, and the listening itself, to be run as a task until `stop`.
pub fn listen(
    store: &Store,
    stop: CancellationToken,
) -> (Wakeups, impl Future<Output = ()> + Send + 'static) {
    let wakeups = Wakeups {
        work: watch::Sender::new(()),
        changed: (0..PARTS)
            .map(|_| broadcast::Sender::new(BACKLOG))
            .collect(),
        hearing: watch::Sender::new(false),
    };
    let options = (*store.pool.connect_options()).clone();
    let telling = wakeups.clone();
    let listening = async move {
        let _stopped = stop
            .run_until_cancelled(telling.keep_listening(&options))
            .await;
    };
    (wakeups, listening)
}

/// A pool of its own, of one: the listener never takes a connection from those who serve requests. A fresh one for every
/// line: a dead connection occupies its pool for as long as it cannot be closed in order.
fn line(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(ANSWER)
        .connect_lazy_with(options.clone().application_name("mirrorgate listener"))
}

impl Wakeups {
    /// For a worker. Subscribe before looking at the queue, or what comes in between is missed until the next poll.
    #[must_use]
    pub fn subscribe_new_jobs(&self) -> NewJobs {
        NewJobs(self.work.subscribe())
    }

    /// For whoever waits for a job. Make it before reading the job, for the same reason.
    #[must_use]
    pub fn watch(&self, job: Uuid) -> JobWatch {
        JobWatch {
            id: job,
            news: self.part(job).subscribe(),
            hearing: self.hearing.subscribe(),
        }
    }

    /// Ids are random in their last bytes, whenever they were made.
    fn part(&self, job: Uuid) -> &broadcast::Sender<Wakeup> {
        let last = usize::from(job.as_bytes()[15]);
        &self.changed[last % self.changed.len()]
    }

    async fn keep_listening(&self, options: &PgConnectOptions) {
        let mut told = false;
        loop {
            let heard = self.listen_once(&line(options)).await;
            self.hearing.send_replace(false);
            match heard {
                Ok(()) => told = false,
                Err(_) if told => {}
                Err(error) => {
                    tracing::warn!(%error, "no news from the database; waiting requests and workers look by themselves meanwhile");
                    told = true;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Listens until the line is lost.
    async fn listen_once(&self, line: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(line).await?;
        listener.eager_reconnect(false);
        let listening = listener.listen(CHANNEL);
        match tokio::time::timeout(ANSWER, listening).await {
            Ok(listening) => listening?,
            Err(_silence) => return Err(sqlx::Error::PoolTimedOut),
        }
        // Only now: what is committed from here on is heard, what was before is found by looking.
        self.hearing.send_replace(true);
        self.wake_everybody();
        loop {
            match tokio::time::timeout(QUIET, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => self.tell(notification.payload()),
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Err(_quiet) => {
                    let asked = sqlx::query("select 1").execute(&mut listener);
                    match tokio::time::timeout(ANSWER, asked).await {
                        Ok(Ok(_here)) => {}
                        Ok(Err(error)) => return Err(error),
                        Err(_silence) => return Err(sqlx::Error::PoolTimedOut),
                    }
                }
            }
        }
    }

    fn tell(&self, payload: &str) {
        let (id, what) = payload.split_once(' ').unwrap_or((payload, ""));
        let Ok(id) = Uuid::parse_str(id) else {
            // Whoever else writes to the channel: better woken for nothing than not woken.
            return self.wake_everybody();
        };
        let cancel = what == "cancel";
        // Nobody waiting is not an error.
        let _waiting = self.part(id).send(Wakeup::Job { id, cancel });
        if what == "work" {
            self.work.send_replace(());
        }
    }

    fn wake_everybody(&self) {
        for part in self.changed.iter() {
            let _waiting = part.send(Wakeup::Anything);
        }
        self.work.send_replace(());
    }
}

impl NewJobs {
    /// Returns when there may be something to claim since the last call. Never returns once the process no longer listens.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl JobWatch {
    /// Returns when the job may have changed since the watch was made or last returned. How long to wait at most is the
    /// caller's; read the job once more when that time is up.
    pub async fn changed(&mut self) {
        self.heard(|_cancel| true).await;
    }

    /// Returns when the job may have been asked to stop. For its worker; otherwise like `changed`.
    pub async fn cancel_asked(&mut self) {
        self.heard(|cancel| cancel).await;
    }

    async fn heard(&mut self, matters: impl Fn(bool) -> bool) {
        loop {
            let news = tokio::select! {
                news = self.news.recv() => news,
                () = deaf_for_a_while(&mut self.hearing) => return,
            };
            match news {
                Ok(Wakeup::Job { id, cancel }) if id != self.id || !matters(cancel) => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Returns when no news can have come for a while; never as long as the line stands.
async fn deaf_for_a_while(hearing: &mut watch::Receiver<bool>) {
    let deaf = hearing.wait_for(|hearing| !hearing).await.is_ok();
    if !deaf {
        // The process is ending.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DEAF).await;
}

#[cfg(test)]
mod tests;
