//! The control port over real HTTP: what it sets strikes, what it shows is true, and what it refuses it explains.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlserver_sim::Fleet;
use tokio::net::TcpListener;

use crate::world::{Trio, inbound, number, ok, spec, trio};

struct Port {
    url: String,
    client: Client,
}

impl Port {
    async fn of(fleet: &Fleet) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        fleet.serve_control(listener);
        let client = Client::builder().no_proxy().build().unwrap();
        Self { url, client }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, value) = self.ask(Method::POST, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }
}

async fn world() -> (Trio, Port) {
    let world = trio().await;
    let port = Port::of(&world.fleet).await;
    (world, port)
}

#[tokio::test]
async fn instances_are_shown_stopped_and_started() {
    let (world, port) = world().await;
    let all = port.get("/instances").await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(all[0]["name"], "HOST_A");
    assert_eq!(all[0]["endpoint"], "TCP://HOST_A:7024");
    assert_eq!(all[0]["tds_port"], world.a.port());
    let stopped = port.post("/instances/host_b/stop", Value::Null).await;
    assert_eq!(stopped["running"], false);
    assert!(!world.b.is_running());
    let refused = port
        .post("/handshake", json!({"from": "HOST_A", "to": "HOST_B"}))
        .await;
    assert_eq!(refused["accepted"], false);
    port.post("/instances/HOST_B/start", Value::Null).await;
    assert_eq!(port.get("/instances/HOST_B").await["running"], true);
}

#[tokio::test]
async fn t_sql_runs_as_whoever_is_asked_for() {
    let (world, port) = world().await;
    let answer = port
        .post(
            "/instances/HOST_A/tsql",
            json!({"sql": "SELECT 1 AS one, N'ü' AS u, 0xAB AS b, NULL AS n; PRINT 'hello'; SELECT CAST('20260102' AS datetime)"}),
        )
        .await;
    assert_eq!(answer["failed"], false);
    let first = &answer["sets"][0];
    assert_eq!(first["columns"], json!(["one", "u", "b", "n"]));
    assert_eq!(first["rows"], json!([[1, "ü", "0xAB", null]]));
    assert_eq!(answer["messages"][0]["text"], "hello");
    assert!(answer["sets"][1]["rows"][0][0].is_string());
    ok(&world.a, "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'").await;
    let answer = port
        .post(
            "/instances/HOST_A/tsql",
            json!({"sql": "CREATE LOGIN other WITH PASSWORD = 'Str0ng!Pass'", "login": "low"}),
        )
        .await;
    assert_eq!(answer["failed"], true);
    assert_eq!(answer["messages"][0]["number"], 15247);
    port.post("/instances/HOST_A/databases", json!({"name": "erp"}))
        .await;
    port.post(
        "/instances/HOST_B/databases",
        json!({"name": "erp", "copy_of": "HOST_A"}),
    )
    .await;
    let restoring =
        "SELECT COUNT(*) FROM sys.databases WHERE name = 'erp' AND state_desc = 'RESTORING'";
    assert_eq!(number(&world.b, restoring).await, 1);
}

#[tokio::test]
async fn rules_strike_are_shown_and_are_removed() {
    let (world, port) = world().await;
    let faults = "/instances/HOST_A/faults";
    port.post(
        faults,
        json!({"kind": "CREATE LOGIN", "nth": 2, "fault": {"type": "error", "number": 1222}}),
    )
    .await;
    let shown = port.get(faults).await;
    assert_eq!(shown[0]["fault"]["number"], 1222);
    assert_eq!(shown[0]["seen"], 0);
    ok(&world.a, "CREATE LOGIN one WITH PASSWORD = 'Str0ng!Pass'").await;
    assert_eq!(port.get(faults).await[0]["seen"], 1);
    let struck = world
        .a
        .run("CREATE LOGIN two WITH PASSWORD = 'Str0ng!Pass'")
        .await;
    assert_eq!(struck.errors()[0].number, 1222);
    assert_eq!(port.get(faults).await, json!([]), "a spent rule is gone");
    for fault in [
        json!({"type": "hang_up_before"}),
        json!({"type": "hang_up_after"}),
        json!({"type": "hang_up_after_row", "rows": 1}),
        json!({"type": "stall_before"}),
        json!({"type": "stall_after"}),
        json!({"type": "veto"}),
        json!({"type": "delay", "ms": 5}),
        json!({"type": "hold"}),
        json!({"type": "race", "sql": "SELECT 1"}),
        json!({"type": "hide_rows", "containing": "x"}),
    ] {
        port.post(faults, json!({"kind": "BACKUP", "fault": fault}))
            .await;
        let shown = port.get(faults).await;
        let last = shown.as_array().unwrap().last().unwrap();
        assert_eq!(last["fault"], fault);
    }
    port.ask(Method::DELETE, "/faults", None).await;
    assert_eq!(port.get(faults).await, json!([]));
}

#[tokio::test]
async fn conditions_last_until_they_are_changed() {
    let (world, port) = world().await;
    ok(&world.a, &inbound(&world.b).join("\n")).await;
    let path = "/instances/HOST_A/conditions";
    let wanted = json!({"latency_ms": 1, "handshake_off": true, "clock_offset_ms": -3_600_000,
        "login": {"refuse": {"number": 17187}, "times": 1}});
    let (status, now) = port.ask(Method::PATCH, path, Some(wanted)).await;
    assert_eq!(status, 200, "{now}");
    assert_eq!(now["latency_ms"], 1);
    assert_eq!(now["login"]["refuse"]["number"], 17187);
    assert!(world.fleet.handshake(&world.b, &world.a).is_err());
    let change = json!({"login": null, "handshake_off": false, "clock_offset_ms": 0});
    let (_, now) = port.ask(Method::PATCH, path, Some(change)).await;
    assert_eq!(now["login"], Value::Null);
    assert_eq!(now["latency_ms"], 1, "what is left out stays");
    let accepted = port
        .post("/handshake", json!({"from": "HOST_B", "to": "HOST_A"}))
        .await;
    assert_eq!(accepted, json!({"accepted": true}));
    assert_eq!(port.get(path).await, now);
}

#[tokio::test]
async fn counters_ledger_and_error_log_tell_what_happened() {
    let (world, port) = world().await;
    ok(&world.a, "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'").await;
    let counters = port.get("/instances/HOST_A/counters").await;
    assert_eq!(counters["statements"]["CREATE LOGIN"], 1);
    let ledger = port.get("/instances/HOST_A/ledger").await;
    let last = ledger["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(last["kind"], "CREATE LOGIN");
    let next = ledger["next"].as_u64().unwrap();
    let path = format!("/instances/HOST_A/ledger?from={next}");
    assert_eq!(port.get(&path).await["entries"], json!([]));
    world.fleet.handshake(&world.b, &world.a).unwrap_err();
    let lines = port
        .get("/instances/HOST_A/error-log?containing=28047")
        .await;
    assert!(lines[0]["text"].as_str().unwrap().contains("not found"));
    port.ask(Method::DELETE, "/instances/HOST_A/counters", None)
        .await;
    let counters = port.get("/instances/HOST_A/counters").await;
    assert_eq!(counters["statements"], json!({}));
}

#[tokio::test]
async fn files_are_written_hidden_and_read() {
    let (world, port) = world().await;
    let path = "/instances/HOST_A/files?path=C:%5Cb.cer";
    let der = world.b.endpoint_certificate_der().unwrap();
    let put = port.client.put(format!("{}{path}", port.url));
    assert_eq!(put.body(der.clone()).send().await.unwrap().status(), 200);
    let import = r"CREATE CERTIFICATE b FROM FILE = 'C:\b.cer'";
    port.ask(Method::PATCH, &format!("{path}&readable=false"), None)
        .await;
    assert_eq!(world.a.run(import).await.errors()[0].number, 15208);
    port.ask(Method::PATCH, &format!("{path}&readable=true"), None)
        .await;
    ok(&world.a, import).await;
    let read = port.client.get(format!("{}{path}", port.url)).send().await;
    assert_eq!(read.unwrap().bytes().await.unwrap(), der);
    port.ask(Method::DELETE, path, None).await;
    let (status, gone) = port.ask(Method::GET, path, None).await;
    assert_eq!(
        (status.as_u16(), &gone["code"]),
        (404, &json!("unknown_file"))
    );
}

/// Requests that are refused, with status and code.
fn refused() -> [(Method, &'static str, Option<Value>, u16, &'static str); 10] {
    [
        (
            Method::GET,
            "/instances/NOBODY",
            None,
            404,
            "unknown_instance",
        ),
        (Method::GET, "/nothing", None, 404, "unknown_path"),
        (Method::PUT, "/instances", None, 405, "method_not_allowed"),
        (
            Method::POST,
            "/instances/HOST_A/tsql",
            Some(json!({"query": "x"})),
            400,
            "unreadable",
        ),
        (
            Method::POST,
            "/instances/HOST_A/tsql",
            Some(json!({"sql": "x", "login": "no"})),
            404,
            "unknown_login",
        ),
        (
            Method::POST,
            "/instances/HOST_A/faults",
            Some(json!({"fault": {"type": "flood"}})),
            400,
            "unreadable",
        ),
        (
            Method::POST,
            "/instances/HOST_A/faults",
            Some(json!({"nth": 0, "fault": {"type": "veto"}})),
            400,
            "unreadable",
        ),
        (
            Method::PATCH,
            "/instances/HOST_A/conditions",
            Some(json!({"latency": 1})),
            400,
            "unreadable",
        ),
        (
            Method::POST,
            "/instances/HOST_A/databases",
            Some(json!({"name": "master"})),
            409,
            "sql_error",
        ),
        (
            Method::GET,
            "/instances/HOST_A/ledger?from=x",
            None,
            400,
            "unreadable",
        ),
    ]
}

#[tokio::test]
async fn refusals_have_a_status_a_code_and_a_reason() {
    let (_world, port) = world().await;
    for (method, path, body, status, code) in refused() {
        let (got, answer) = port.ask(method, path, body).await;
        assert_eq!(
            (got.as_u16(), &answer["code"]),
            (status, &json!(code)),
            "{path}: {answer}"
        );
        assert!(answer["detail"].as_str().unwrap().len() > 10, "{answer}");
    }
}

#[tokio::test]
async fn help_names_every_path_and_the_port_closes_with_its_fleet() {
    let fleet = Fleet::new().unwrap();
    fleet.start(spec("HOST_A")).await.unwrap();
    let port = Port::of(&fleet).await;
    let help = port.client.get(&port.url).send().await.unwrap();
    let help = help.text().await.unwrap();
    for word in [
        "stop",
        "tsql",
        "ledger",
        "error-log",
        "conditions",
        "faults",
        "files",
        "handshake",
        "hide_rows",
    ] {
        assert!(help.contains(word), "{word}");
    }
    drop(fleet);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let fresh = || Client::builder().no_proxy().build().unwrap();
    while fresh().get(&port.url).send().await.is_ok() {
        assert!(
            std::time::Instant::now() < deadline,
            "the port is still open"
        );
        tokio::task::yield_now().await;
    }
}
