//! Credentials, instances, pairs: what PUT, GET and DELETE do, and every rule that refuses.

use super::*;
use crate::store::MIGRATOR;

#[sqlx::test(migrator = "MIGRATOR")]
async fn put_creates_changes_and_repeats(pool: PgPool) {
    let service = Service::new(pool);
    let created = service.put("/v1/credentials/Dba", &credential()).await;
    let view = created.expect(201);
    assert_eq!(created.header("location"), "/v1/credentials/Dba");
    assert_eq!(view["revision"], 1);
    assert_eq!(
        view["spec"],
        json!({"kind": "sql_login", "user": "mirrorgate", "hosts": ["*.corp"]})
    );
    let again = service.put("/v1/credentials/dBA", &credential()).await;
    assert_eq!(again.expect(200), view, "identical, under another case");
    assert_eq!(again.header("etag"), created.header("etag"));
    let mut other = credential();
    other["spec"]["password"] = json!("another");
    let changed = service.put("/v1/credentials/dba", &other).await;
    assert_eq!(
        changed.expect(200)["revision"],
        2,
        "a new password is a change"
    );
    assert_eq!(
        changed.header("location"),
        "/v1/credentials/Dba",
        "the first spelling stays"
    );
    assert_ne!(changed.header("etag"), created.header("etag"));
    for answer in [
        &created,
        &changed,
        &service.get("/v1/credentials/dba").await,
    ] {
        assert!(!answer.text().contains("hunter2"));
    }
}

/// The credential and the instance as release 0.1.0 would have written them.
async fn as_0_1_0_left_it(service: &Service, pool: &PgPool) {
    let id: uuid::Uuid = sqlx::query_scalar("select id from credentials")
        .fetch_one(pool)
        .await
        .unwrap();
    let row = format!("{id}/dba");
    let sealed = service
        .api
        .seal
        .seal_named(&["credential", &row], "hunter2-canary");
    sqlx::query("update credentials set seal_key_id = $1, seal_nonce = $2, seal_ciphertext = $3")
        .bind(service.api.seal.key_id())
        .bind(sealed.nonce)
        .bind(sealed.ciphertext)
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("update instances set binding = null")
        .execute(pool)
        .await
        .unwrap();
}

/// Whether the password is sealed with its hosts, and how many instances have no binding.
async fn bound(pool: &PgPool) -> (bool, i64) {
    sqlx::query_as(
        "select (select seal_key_id like '2:%' from credentials), (select count(*) from instances where binding is null)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_the_last_release_sealed_is_bound_by_the_next_put_of_the_credential(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A", "HOST_B"]).await;
    assert_eq!(bound(&pool).await, (true, 0));
    for password in ["hunter2-canary", "another"] {
        as_0_1_0_left_it(&service, &pool).await;
        assert_eq!(bound(&pool).await, (false, 2));
        let mut body = credential();
        body["spec"]["password"] = json!(password);
        let view = service.put("/v1/credentials/dba", &body).await.expect(200);
        let changed = password != "hunter2-canary";
        assert_eq!(view["revision"], if changed { 2 } else { 1 });
        assert_eq!(bound(&pool).await, (true, 0));
    }
    // Later a missing binding has been taken away by somebody.
    sqlx::query("update instances set binding = null where name = 'HOST_A'")
        .execute(&pool)
        .await
        .unwrap();
    service
        .put("/v1/credentials/dba", &credential())
        .await
        .expect(200);
    assert_eq!(bound(&pool).await, (true, 1));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn defaults_are_written_out(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let read = service.get("/v1/instances/host_a").await;
    let view = read.expect(200);
    assert_eq!(
        view["spec"],
        json!({
            "host": "host-a.corp", "port": 1433, "instance_name": null, "credential": "dba", "peer_name": "HOST_A",
            "naming": {"login": "{peer}_login", "user": "{peer}_user", "certificate": "{peer}_cert"},
            "tls": {"mode": "required"}, "transport": "binary"
        })
    );
    let mut explicit = instance("HOST_A");
    explicit["spec"]["port"] = json!(1433);
    explicit["spec"]["tls"] = json!({"mode": "required"});
    let again = service.put("/v1/instances/HOST_A", &explicit).await;
    again.expect(200);
    assert_eq!(
        again.header("etag"),
        read.header("etag"),
        "a default written out is no change"
    );
    let mut named = instance("HOST_A");
    named["spec"]["instance_name"] = json!("PROD");
    named["spec"]["transport"] = json!({"file": {"path": "C:\\certs\\{peer}.cer"}});
    named["spec"]["endpoint"] = json!({"port": 7022});
    named["labels"] = json!({"env": "prod"});
    let view = service
        .put("/v1/instances/HOST_A", &named)
        .await
        .expect(200);
    assert_eq!(view["spec"]["port"], Value::Null);
    assert_eq!(view["spec"]["transport"], named["spec"]["transport"]);
    assert_eq!(view["spec"]["endpoint"], named["spec"]["endpoint"]);
    assert_eq!(view["labels"], named["labels"]);
    assert_eq!(view["revision"], 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pair_shows_its_trusts(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let view = service.get("/v1/pairs/ERP").await.expect(200);
    assert_eq!(view["spec"]["partners"], json!(["HOST_A", "HOST_B"]));
    let trusts = view["status"]["trusts"].as_array().unwrap();
    assert_eq!(trusts.len(), 6);
    assert!(
        trusts
            .iter()
            .all(|t| t["configured"] == "unknown" && t["proof"]["state"] == "unknown")
    );
    let instance = service.get("/v1/instances/HOST_W").await.expect(200);
    assert_eq!(instance["status"]["trusts"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_rule_of_a_credential_has_its_pointer(pool: PgPool) {
    let service = Service::new(pool);
    for (member, value, pointer, code) in [
        ("user", json!("CORP\\svc"), "/spec/user", "windows_login"),
        ("user", json!(""), "/spec/user", "invalid_user"),
        ("password", json!(""), "/spec/password", "invalid_password"),
        (
            "password",
            json!("x".repeat(129)),
            "/spec/password",
            "invalid_password",
        ),
        ("hosts", json!([]), "/spec/hosts", "invalid_hosts"),
        (
            "hosts",
            json!(["ok.corp", "*"]),
            "/spec/hosts/1",
            "invalid_host",
        ),
    ] {
        let mut body = credential();
        body["spec"][member] = value;
        let answer = service.put("/v1/credentials/dba", &body).await;
        answer.problem(422, "refused");
        answer.fault(422, pointer, code);
    }
    let mut body = credential();
    body["spec"]["password"] = json!({"deep": "hunter2-canary"});
    let answer = service.put("/v1/credentials/dba", &body).await;
    answer.fault(400, "/spec/password", "invalid_type");
    assert!(!answer.text().contains("canary"));
    body["spec"]["password"] = json!("p");
    body["spec"]["kind"] = json!("hunter2-canary");
    let answer = service.put("/v1/credentials/dba", &body).await;
    answer.fault(400, "/spec/kind", "unknown_value");
    assert!(!answer.text().contains("canary"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_rule_of_an_instance_has_its_pointer(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&[]).await;
    for (member, value, pointer, code) in [
        ("host", json!("tcp:host"), "/spec/host", "invalid_host"),
        ("port", json!(0), "/spec/port", "invalid_port"),
        (
            "instance_name",
            json!("a b"),
            "/spec/instance_name",
            "invalid_instance_name",
        ),
        (
            "credential",
            json!("nobody"),
            "/spec/credential",
            "unknown_credential",
        ),
        (
            "credential",
            json!("no name"),
            "/spec/credential",
            "unknown_credential",
        ),
        (
            "host",
            json!("elsewhere.example"),
            "/spec/credential",
            "credential_not_for_host",
        ),
        ("peer_name", json!("sa"), "/spec/peer_name", "unusable_name"),
        (
            "peer_name",
            json!("CORP\\x"),
            "/spec/peer_name",
            "unusable_name",
        ),
        (
            "naming",
            json!({"login": "mirror"}),
            "/spec/naming/login",
            "invalid_template",
        ),
        (
            "naming",
            json!({"user": "##{peer}"}),
            "/spec/naming/user",
            "unusable_name",
        ),
        (
            "tls",
            json!({"mode": "off", "server_name": "x"}),
            "/spec/tls/mode",
            "not_verified",
        ),
        (
            "tls",
            json!({"ca_pem": "nothing"}),
            "/spec/tls/ca_pem",
            "invalid_ca_pem",
        ),
        (
            "tls",
            json!({"server_name": "a b"}),
            "/spec/tls/server_name",
            "invalid_host",
        ),
        (
            "transport",
            json!({"file": {"path": "x.cer"}}),
            "/spec/transport/file/path",
            "invalid_path",
        ),
        (
            "endpoint",
            json!({"port": 0}),
            "/spec/endpoint/port",
            "invalid_port",
        ),
    ] {
        let mut body = instance("HOST_A");
        body["spec"][member] = value;
        let answer = service.put("/v1/instances/HOST_A", &body).await;
        answer.problem(422, "refused");
        answer.fault(422, pointer, code);
    }
    let mut body = instance("HOST_A");
    body["labels"] = json!({"-": "x"});
    service
        .put("/v1/instances/HOST_A", &body)
        .await
        .fault(422, "/labels/-", "invalid_label_key");
    service
        .get("/v1/instances/HOST_A")
        .await
        .problem(404, "not_found");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_private_key_as_ca_is_not_repeated(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&[]).await;
    let (made, key) = certificate("ca", 10);
    let mut body = instance("HOST_A");
    body["spec"]["tls"] = json!({"ca_pem": format!("{}{}", made.pem(), key.serialize_pem())});
    let answer = service.put("/v1/instances/HOST_A", &body).await;
    answer.fault(422, "/spec/tls/ca_pem", "invalid_ca_pem");
    assert!(!answer.text().contains("BEGIN"));
    body["spec"]["tls"] = json!({"ca_pem": made.pem()});
    let view = service.put("/v1/instances/HOST_A", &body).await.expect(201);
    assert_eq!(view["spec"]["tls"]["ca_pem"], made.pem());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn peer_names_are_unique_and_object_names_do_not_clash(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let mut b = instance("HOST_B");
    b["spec"]["peer_name"] = json!("host_a");
    service
        .put("/v1/instances/HOST_B", &b)
        .await
        .problem(409, "peer_name_taken");
    // Two names that PostgreSQL tells apart and a case-insensitive collation does not.
    for (name, peer_name) in [("HOST_B", "HOST_\u{17f}"), ("HOST_C", "HOST_S")] {
        let mut body = instance(name);
        body["spec"]["peer_name"] = json!(peer_name);
        service
            .put(&format!("/v1/instances/{name}"), &body)
            .await
            .expect(201);
    }
    service
        .put("/v1/pairs/one", &pair("HOST_A", "HOST_B", None))
        .await
        .expect(201);
    let clash = service
        .put("/v1/pairs/two", &pair("HOST_A", "HOST_C", None))
        .await;
    let problem = clash.problem(409, "name_clash");
    assert_eq!(problem["on"], "HOST_A");
    let mut c = instance("HOST_C");
    c["spec"]["peer_name"] = json!("HOST_C");
    service.put("/v1/instances/HOST_C", &c).await.expect(200);
    service
        .put("/v1/pairs/two", &pair("HOST_A", "HOST_C", None))
        .await
        .expect(201);
    c["spec"]["peer_name"] = json!("HOST_s");
    let clash = service.put("/v1/instances/HOST_C", &c).await;
    clash.problem(409, "name_clash");
    clash.fault(409, "/spec/peer_name", "name_clash");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn names_that_grow_too_long_are_refused_at_both_ends(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let mut b = instance("HOST_B");
    b["spec"]["peer_name"] = json!("p".repeat(124));
    service.put("/v1/instances/HOST_B", &b).await.expect(201);
    let answer = service
        .put("/v1/pairs/erp", &pair("HOST_A", "HOST_B", None))
        .await;
    answer.fault(422, "/spec/partners/1", "unusable_name");
    b["spec"]["peer_name"] = json!("p".repeat(100));
    service.put("/v1/instances/HOST_B", &b).await.expect(200);
    service
        .put("/v1/pairs/erp", &pair("HOST_A", "HOST_B", None))
        .await
        .expect(201);
    b["spec"]["peer_name"] = json!("p".repeat(124));
    service
        .put("/v1/instances/HOST_B", &b)
        .await
        .fault(422, "/spec/peer_name", "unusable_name");
    let mut a = instance("HOST_A");
    a["spec"]["naming"] = json!({"user": format!("{{peer}}{}", "u".repeat(60))});
    service
        .put("/v1/instances/HOST_A", &a)
        .await
        .fault(422, "/spec/naming/user", "unusable_name");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_rule_of_a_pair_has_its_pointer(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A", "HOST_B", "HOST_W"]).await;
    for (spec, pointer, code) in [
        (
            json!({"partners": ["HOST_A", "nobody"]}),
            "/spec/partners/1",
            "unknown_instance",
        ),
        (
            json!({"partners": ["HOST_A", "no body"]}),
            "/spec/partners/1",
            "unknown_instance",
        ),
        (
            json!({"partners": ["HOST_A", "HOST_B"], "witness": "x"}),
            "/spec/witness",
            "unknown_instance",
        ),
        (
            json!({"partners": ["HOST_A", "host_a"]}),
            "/spec/partners/1",
            "same_instance_twice",
        ),
        (
            json!({"partners": ["HOST_A", "HOST_B"], "witness": "HOST_B"}),
            "/spec/witness",
            "same_instance_twice",
        ),
        (
            json!({"partners": ["HOST_A", "HOST_B"], "witness": "HOST_W", "operating_mode": "high_safety"}),
            "/spec/operating_mode",
            "witness_not_used",
        ),
        (
            json!({"partners": ["HOST_A", "HOST_B"], "operating_mode": "high_safety_with_failover"}),
            "/spec/witness",
            "witness_missing",
        ),
    ] {
        let answer = service.put("/v1/pairs/erp", &json!({"spec": spec})).await;
        answer.problem(422, "refused");
        answer.fault(422, pointer, code);
    }
    let both = service
        .put("/v1/pairs/erp", &pair("x", "y", None))
        .await
        .expect(422);
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "all at once");
    let one = json!({"spec": {"partners": ["HOST_A"]}});
    service
        .put("/v1/pairs/erp", &one)
        .await
        .fault(400, "/spec/partners", "invalid_length");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_in_use_is_not_forgotten(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let problem = service
        .delete("/v1/credentials/dba")
        .await
        .problem(409, "in_use");
    assert_eq!(problem["used_by"], json!(["HOST_A", "HOST_B", "HOST_W"]));
    let problem = service
        .delete("/v1/instances/HOST_W")
        .await
        .problem(409, "in_use");
    assert_eq!(problem["used_by"], json!(["erp"]));
    let forgotten = service.delete("/v1/pairs/ERP").await.expect(200);
    assert_eq!(forgotten["deleted"], "erp");
    assert!(
        forgotten["note"]
            .as_str()
            .unwrap()
            .contains("nothing was changed on any SQL Server")
    );
    for path in [
        "/v1/instances/HOST_A",
        "/v1/instances/HOST_B",
        "/v1/instances/HOST_W",
        "/v1/credentials/dba",
    ] {
        service.delete(path).await.expect(200);
        service.get(path).await.problem(404, "not_found");
        service.delete(path).await.problem(404, "not_found");
    }
    service
        .put("/v1/credentials/DBA", &credential())
        .await
        .expect(201);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_credential_keeps_covering_its_instances(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let mut narrower = credential();
    narrower["spec"]["hosts"] = json!(["host-b.corp"]);
    let problem = service
        .put("/v1/credentials/dba", &narrower)
        .await
        .problem(409, "credential_not_for_host");
    assert_eq!(problem["used_by"], json!(["HOST_A"]));
    narrower["spec"]["hosts"] = json!(["host-a.corp"]);
    service
        .put("/v1/credentials/dba", &narrower)
        .await
        .expect(200);
}
