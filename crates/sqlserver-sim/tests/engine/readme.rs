//! The README's fleet description and its curl calls are what they say.

use std::process::Command;

use sqlserver_sim::{Fleet, fleet_file};
use tokio::net::TcpListener;

const README: &str = include_str!("../../README.md");

/// The code block that follows a marker.
fn block(marker: &str) -> &'static str {
    let (_, after) = README
        .split_once(&format!("<!-- tested: {marker} -->\n```"))
        .unwrap();
    let (_, body) = after.split_once('\n').unwrap();
    body.split_once("\n```").unwrap().0
}

async fn fleet() -> Fleet {
    let file = fleet_file::parse(block("fleet.toml"), "README.md").unwrap();
    fleet_file::start(&file, "127.0.0.1").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fleet_starts_and_every_curl_call_succeeds() {
    let fleet = fleet().await;
    assert_eq!(fleet.instances().len(), 7);
    let a = fleet.instance("host_a").unwrap();
    assert_eq!(a.endpoint_address().unwrap(), "TCP://host-a.example:7024");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    fleet.serve_control(listener);
    let calls: Vec<&str> = block("control").lines().collect();
    assert!(calls.len() > 5);
    for call in calls {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", call])
            .env("SIM", &url)
            .env("NO_PROXY", "*");
        let ran = tokio::task::spawn_blocking(move || shell.output())
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(
            ran.status.success(),
            "{call}: {text}{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        assert!(text.starts_with(['{', '[']), "{call}: {text}");
    }
    assert!(!fleet.instance("HOST_B").unwrap().is_running());
}
