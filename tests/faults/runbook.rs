//! README's runbooks, taken from it as they stand and run by `sh` with curl, while the service is restarted and killed.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site, pair};
use super::within;

/// What curl 7.29 knows of what a runbook may want.
const OLD_OPTIONS: [&str; 12] = [
    "-sS",
    "-s",
    "-S",
    "-o",
    "-D",
    "-w",
    "-H",
    "-X",
    "-d",
    "-f",
    "--max-time",
    "--connect-timeout",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Old,
}

/// The block of README for this form.
fn runbook(form: Form) -> String {
    let readme =
        std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md"))
            .unwrap();
    let section = readme.split("\n## A runbook\n").nth(1).expect("a section");
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section
        .split("\n```sh\n")
        .skip(1)
        .map(|block| block.split("\n```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 2, "one for curl as it is, one for old ones");
    blocks[form as usize].to_owned()
}

/// One run of it.
struct Run {
    shell: Child,
    directory: tempfile::TempDir,
}

impl Run {
    fn start(form: Form, url: &str, pair: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("runbook.sh");
        std::fs::write(&file, runbook(form)).unwrap();
        let shell = Command::new("sh")
            .arg(&file)
            .current_dir(directory.path())
            .env("URL", url)
            .env("PAIR", pair)
            .env("CHANGE", "CHG-2026-1")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        Self { shell, directory }
    }

    fn has_ended(&mut self) -> bool {
        self.shell.try_wait().unwrap().is_some()
    }

    /// Whether it has got its job.
    fn has_job(&self) -> bool {
        let head = self.directory.path().join("job.txt.head");
        let head = std::fs::read_to_string(head).unwrap_or_default();
        head.to_lowercase().contains("\nlocation: ")
    }

    /// Its exit status, what it printed, and what it complained about.
    async fn ended(mut self, limit: Duration) -> (i32, String, String) {
        within(limit, "the runbook ends", || {
            std::future::ready(self.has_ended())
        })
        .await;
        let status = self.shell.wait().unwrap().code().expect("a status");
        let (mut out, mut err) = (String::new(), String::new());
        self.shell
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        self.shell
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (status, out, err)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _gone = self.shell.kill();
        let _reaped = self.shell.wait();
    }
}

/// A port that is free now, and the address a service shall listen on again and again.
fn address() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn serve(site: &Site, address: &str) -> Replica {
    site.replica(&["--listen", address, "--lease", "2s", "--grace", "2s"])
        .await
}

async fn count(site: &Site, what: &'static str) -> i64 {
    sqlx::query_scalar(what)
        .fetch_one(&site.pool)
        .await
        .unwrap()
}

const RUNNING: &str = "select count(*) from jobs where state = 'running'";
const ENDED: &str = "select count(*) from jobs where state = 'succeeded'";
const JOBS: &str = "select count(*) from jobs";

/// Somebody who takes the first connection and hangs up: curl gets an empty answer, or a reset.
async fn hang_up_once(listener: TcpListener) {
    tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0; 16];
        let _ = stream.read(&mut some);
    })
    .await
    .unwrap();
}

async fn outlasts_everything(pool: PgPool, form: Form) {
    let site = Site::apart(&pool, 1).await;
    let mut first = site.replica(&["--concurrency", "0"]).await;
    site.register(&first, &[]).await;
    first.kill();
    let (listener, address) = address();
    let mut run = Run::start(form, &format!("http://{address}"), &pair(0));
    hang_up_once(listener).await;

    // It is killed while it writes the job down, and nobody knows whether it has.
    let mut writing = site.pool.begin().await.unwrap();
    sqlx::query("lock table pairs in access exclusive mode")
        .execute(&mut *writing)
        .await
        .unwrap();
    let mut killed = serve(&site, &address).await;
    within(LONG, "the request is under way", || async {
        count(
            &site,
            "select count(*) from pg_locks where not granted and relation = 'pairs'::regclass",
        )
        .await
            > 0
    })
    .await;
    killed.kill();
    writing.rollback().await.unwrap();

    // It is stopped while the job is waited for.
    site.hosts[0]
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore).every_time());
    let mut stopped = serve(&site, &address).await;
    within(LONG, "the runbook waits for its job", || async {
        run.has_job() && count(&site, RUNNING).await == 1
    })
    .await;
    stopped.signal("TERM");
    stopped.ended(LONG).await;
    assert!(!run.has_ended(), "a restart ends the runbook");

    // And killed.
    let mut killed = serve(&site, &address).await;
    within(LONG, "the job runs again", || async {
        count(
            &site,
            "select count(*) from jobs where state = 'running' and claims > 1",
        )
        .await
            == 1
    })
    .await;
    killed.kill();
    assert!(!run.has_ended(), "a death ends the runbook");

    site.hosts[0].faults().clear();
    let _last = serve(&site, &address).await;
    let (status, out, err) = run.ended(LONG).await;
    assert_eq!(status, 0, "{out}\n{err}");
    assert!(
        out.contains("configure-inbound on pair") && out.contains("succeeded"),
        "{out}"
    );
    assert_eq!(
        count(&site, JOBS).await,
        1,
        "it asked more than once, and got more than one job"
    );
    site.assert_as_asked(chrono::NaiveDateTime::MIN);
}

/// Passes the first request on, and hangs up when its answer comes.
async fn lose_the_answer(listener: TcpListener, service: String) {
    tokio::task::spawn_blocking(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut service = TcpStream::connect(service).unwrap();
        let (mut asking, mut passing) = (caller.try_clone().unwrap(), service.try_clone().unwrap());
        let request = std::thread::spawn(move || std::io::copy(&mut asking, &mut passing));
        let answered = service.read(&mut [0; 1]).unwrap();
        assert_eq!(answered, 1);
        caller.shutdown(Shutdown::Both).unwrap();
        let _ = caller.read(&mut [0; 1]);
        let _ = request.join();
    })
    .await
    .unwrap();
}

async fn makes_one_job(pool: PgPool, form: Form) {
    let site = Site::apart(&pool, 1).await;
    let mut first = site.replica(&[]).await;
    site.register(&first, &[]).await;
    let (listener, address) = address();
    let run = Run::start(form, &format!("http://{address}"), &pair(0));
    let behind = first.url.trim_start_matches("http://").to_owned();
    lose_the_answer(listener, behind).await;
    // By the time it asks again its job has ended, so that nothing but the key tells that it was asked for.
    within(LONG, "the job ends", || async {
        count(&site, ENDED).await == 1
    })
    .await;
    first.kill();
    let _second = serve(&site, &address).await;
    let (status, out, err) = run.ended(LONG).await;
    assert_eq!(status, 0, "{out}\n{err}");
    assert_eq!(
        count(&site, JOBS).await,
        1,
        "it was asked twice, and made two jobs"
    );
}

#[sqlx::test(migrations = false)]
async fn the_runbook_makes_one_job_though_the_answer_is_lost(pool: PgPool) {
    makes_one_job(pool, Form::Short).await;
}

#[sqlx::test(migrations = false)]
async fn the_runbook_for_old_curls_makes_one_job_though_the_answer_is_lost(pool: PgPool) {
    makes_one_job(pool, Form::Old).await;
}

async fn tells_what_is_wrong(pool: PgPool, form: Form) {
    let site = Site::apart(&pool, 1).await;
    let (listener, address) = address();
    drop(listener);
    let service = serve(&site, &address).await;
    site.register(&service, &[]).await;
    let url = format!("http://{address}");

    let slip = Run::start(form, &url, "erpp");
    let (status, out, err) = slip.ended(LONG).await;
    assert_eq!(status, 22, "{out}\n{err}");
    assert!(out.contains("erpp"), "{out}\n{err}");

    let in_the_way = format!("CREATE USER [{}_user] WITHOUT LOGIN", site.hosts[1].name());
    site.hosts[0].exec(&in_the_way).await.unwrap();
    let fails = Run::start(form, &url, &pair(0));
    let (status, out, err) = fails.ended(LONG).await;
    assert_eq!(status, 22, "{out}\n{err}");
    assert!(out.contains("conflict"), "{out}\n{err}");
    assert_eq!(count(&site, JOBS).await, 1);
}

#[sqlx::test(migrations = false)]
async fn the_runbook_outlasts_restarts_and_deaths(pool: PgPool) {
    outlasts_everything(pool, Form::Short).await;
}

#[sqlx::test(migrations = false)]
async fn the_runbook_for_old_curls_outlasts_restarts_and_deaths(pool: PgPool) {
    outlasts_everything(pool, Form::Old).await;
}

#[sqlx::test(migrations = false)]
async fn the_runbook_tells_of_slips_and_failures(pool: PgPool) {
    tells_what_is_wrong(pool, Form::Short).await;
}

#[sqlx::test(migrations = false)]
async fn the_runbook_for_old_curls_tells_of_slips_and_failures(pool: PgPool) {
    tells_what_is_wrong(pool, Form::Old).await;
}

/// The options a runbook gives to curl, by itself or through `ask`.
fn options(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let calls = joined.lines().filter_map(|line| {
        let at = ["curl ", "ask job.txt ", "ask result.txt "];
        at.iter()
            .filter_map(|call| line.find(call))
            .min()
            .map(|at| &line[at..])
    });
    calls
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_matches(['"', '\'', ')', ';']))
        .filter(|word| word.starts_with('-') && word.len() > 1)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_runbook_for_old_curls_uses_what_they_know() {
    let old = options(&runbook(Form::Old));
    assert!(old.len() >= 10, "{old:?}");
    for option in &old {
        assert!(
            OLD_OPTIONS.contains(&option.as_str()),
            "{option} is not one of 7.29"
        );
    }
    let short = options(&runbook(Form::Short));
    assert!(short.iter().any(|o| o == "--fail-with-body"), "{short:?}");
    // What a --write-out may name: this is as old as curl's.
    let text = runbook(Form::Old);
    assert_eq!(
        text.matches("%{").count(),
        text.matches("%{http_code}").count()
    );
}
