//! The secret canary: passwords and the seal key appear in no answer, no step, no log at TRACE, no table outside its ciphertext.

use std::process::Stdio;

use serde_json::json;
use sqlx::{ConnectOptions, PgPool, Row};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::harness::{PASSWORD, TestApp, until};

/// Every dress a secret could wear.
fn dresses(secret: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine;
    let text = String::from_utf8_lossy(secret);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let scrambled: Vec<u8> = utf16.iter().map(|b| b.rotate_left(4) ^ 0xa5).collect();
    vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        base64::engine::general_purpose::STANDARD_NO_PAD
            .encode(secret)
            .into_bytes(),
        text.replace('!', "%21").into_bytes(),
        hex::encode(&utf16).into_bytes(),
        scrambled,
        utf16,
    ]
}

fn assert_clean(place: &str, bytes: &[u8], secrets: &[Vec<u8>]) {
    for secret in secrets {
        let found = bytes
            .windows(secret.len())
            .position(|w| w == secret.as_slice());
        assert!(
            found.is_none(),
            "a secret is in {place}: …{}…",
            String::from_utf8_lossy(
                &bytes[found.unwrap_or(0).saturating_sub(80)..][..80.min(bytes.len())]
            )
        );
    }
}

#[sqlx::test(migrations = false)]
async fn no_secret_leaves_its_ciphertext(pool: PgPool) {
    let mut app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    // The service under test is a process of its own here, logging everything it can.
    app.stop().await;
    let key = app.directory.path().join("seal.key");
    let port = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        probe.local_addr().unwrap().port()
    };
    let mut service = Command::new(env!("CARGO_BIN_EXE_mirrorgate"))
        .args([
            "serve",
            "--log",
            "trace",
            "--listen",
            &format!("127.0.0.1:{port}"),
        ])
        .args([
            "--database-url",
            pool.connect_options().to_url_lossy().as_str(),
        ])
        .args([
            "--seal-key-file",
            &key.display().to_string(),
            "--max-attempts",
            "1",
        ])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut out, mut err) = (
        service.stdout.take().unwrap(),
        service.stderr.take().unwrap(),
    );
    let log = tokio::task::spawn(async move {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let _ = tokio::join!(out.read_to_end(&mut a), err.read_to_end(&mut b));
        [a, b].concat()
    });
    app.url = format!("http://127.0.0.1:{port}");
    until("the process answers", || async {
        reqwest::get(format!("http://127.0.0.1:{port}/readyz"))
            .await
            .is_ok_and(|r| r.status() == 200)
    })
    .await;

    let mut said = Vec::new();
    app.register_all(&["HOST_A", "HOST_B"]).await;
    let job = app.configure("erp").await;
    let id = job["id"].as_str().unwrap().to_owned();
    let wrong = "Canary-wrong-91c!W";
    let body = json!({"spec": {"kind": "sql_login", "user": "sa", "password": wrong, "hosts": ["127.0.0.1"]}});
    said.push(app.put("/v1/credentials/dba", &body).await);
    app.configure("erp").await;
    // Mistakes that carry the password.
    let typo = json!({"spec": {"kind": PASSWORD, "user": "sa", "password": {"x": PASSWORD}, "hosts": PASSWORD}});
    said.push(app.put("/v1/credentials/dba", &typo).await);
    said.push(
        app.put(
            "/v1/credentials/dba",
            &json!({"spec": {"kind": "sql_login", "password": [PASSWORD]}}),
        )
        .await,
    );
    for path in [
        "/v1/credentials".to_owned(),
        "/v1/credentials/dba".to_owned(),
        "/v1/instances/HOST_A".to_owned(),
        "/v1/pairs/erp".to_owned(),
        "/v1/jobs".to_owned(),
        format!("/v1/jobs/{id}"),
        format!("/v1/jobs/{id}/steps"),
        format!("/v1/jobs/{id}/script"),
        format!("/v1/jobs/{id}/result"),
    ] {
        said.push(app.get(&path).await);
        said.push(app.get_as(&path, "text/plain").await);
    }
    let pid = service.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    service.wait().await.unwrap();
    let log = log.await.unwrap();
    assert!(
        log.len() > 10_000,
        "TRACE says more than that: {}",
        log.len()
    );

    let sealing = std::fs::read(&key).unwrap();
    let mut secrets = dresses(PASSWORD.as_bytes());
    secrets.extend(dresses(wrong.as_bytes()));
    let key_text = String::from_utf8_lossy(&sealing).trim().to_owned();
    secrets.push(key_text.clone().into_bytes());
    secrets.extend(hex::decode(&key_text));
    assert_clean("the log", &log, &secrets);
    for answer in &said {
        assert_clean("an answer", answer.text.as_bytes(), &secrets);
        assert_clean(
            "a header",
            format!("{:?}", answer.headers).as_bytes(),
            &secrets,
        );
    }
    for (table, dump) in dump(&pool).await {
        assert_clean(&table, dump.as_bytes(), &secrets);
    }
}

/// Every table as text.
async fn dump(pool: &PgPool) -> Vec<(String, String)> {
    let tables = sqlx::query("select tablename from pg_tables where schemaname = 'public'")
        .fetch_all(pool)
        .await
        .unwrap();
    let mut dumps = Vec::new();
    for table in tables {
        let name: String = table.get(0);
        let statement =
            format!("select coalesce(string_agg(t::text, E'\\n'), '') from \"{name}\" t");
        let text: String = sqlx::query(sqlx::AssertSqlSafe(statement))
            .fetch_one(pool)
            .await
            .unwrap()
            .get(0);
        dumps.push((name, text));
    }
    assert!(dumps.len() > 8, "{dumps:?}");
    dumps
}
