//! Entity tags over the wire.

use super::*;
use crate::store::MIGRATOR;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_change_can_be_bound_to_a_revision(pool: PgPool) {
    let service = Service::new(pool);
    let first = service.put("/v1/credentials/dba", &credential()).await;
    let tag = first.header("etag").to_owned();
    let mut changed = credential();
    changed["labels"] = json!({"a": "b"});
    let none = [("if-none-match", "*")];
    service
        .put_if("/v1/credentials/dba", &none, &changed)
        .await
        .problem(412, "precondition_failed");
    service
        .put_if("/v1/credentials/new", &none, &changed)
        .await
        .expect(201);
    let mine = [("if-match", tag.as_str())];
    service
        .put_if("/v1/credentials/dba", &mine, &changed)
        .await
        .expect(200);
    service
        .put_if("/v1/credentials/dba", &mine, &credential())
        .await
        .problem(412, "precondition_failed");
    service
        .put_if("/v1/credentials/other", &mine, &credential())
        .await
        .problem(412, "precondition_failed");
    let stale = service
        .ask(Method::DELETE, "/v1/credentials/dba", &mine, Body::empty())
        .await;
    stale.problem(412, "precondition_failed");
    let bad = [("if-match", "garbage")];
    service
        .put_if("/v1/credentials/dba", &bad, &credential())
        .await
        .problem(400, "invalid_header");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_put_checks_in_one_order(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let mut of_nobody = instance("HOST_A");
    of_nobody["spec"]["credential"] = json!("nobody");
    for (path, mut body, refers) in [
        ("/v1/credentials/dba", credential(), false),
        ("/v1/instances/HOST_A", of_nobody, true),
        ("/v1/pairs/erp", pair("HOST_A", "NOBODY", None), true),
    ] {
        let failing = [("if-none-match", "*")];
        let condition = service.put_if(path, &failing, &body).await;
        condition.problem(412, "precondition_failed");
        if refers {
            service.put(path, &body).await.problem(422, "refused");
        }
        body["labels"] = json!({"-": ""});
        let rule = service.put_if(path, &failing, &body).await;
        rule.fault(422, "/labels/-", "invalid_label_key");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_reader_is_not_told_twice(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    for path in [
        "/v1/credentials/dba",
        "/v1/instances/HOST_A",
        "/v1/pairs/erp",
    ] {
        let read = service.get(path).await;
        read.expect(200);
        let known = [("if-none-match", read.header("etag"))];
        let again = service.ask(Method::GET, path, &known, Body::empty()).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), read.header("etag"));
        assert_eq!(read.header("vary"), "Accept, Accept-Encoding");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_compressed_answer_has_another_tag_that_is_known_all_the_same(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let path = "/v1/pairs/erp";
    let zipped = service
        .ask(
            Method::GET,
            path,
            &[("accept-encoding", "gzip")],
            Body::empty(),
        )
        .await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let plain = service.get(path).await;
    assert_ne!(zipped.header("etag"), plain.header("etag"));
    let known = [("if-none-match", zipped.header("etag"))];
    let again = service.ask(Method::GET, path, &known, Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let bound = [("if-match", zipped.header("etag"))];
    service
        .put_if(path, &bound, &pair("HOST_A", "HOST_B", None))
        .await
        .expect(200);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_pin_moves_the_status_and_not_the_revision(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let before = service.get("/v1/pairs/erp").await;
    let (made, _) = certificate("HOST_A", 30);
    let headers = [("content-type", "application/pkix-cert")];
    let path = "/v1/instances/HOST_A/certificates";
    service
        .ask(
            Method::POST,
            path,
            &headers,
            Body::from(made.der().to_vec()),
        )
        .await
        .expect(201);
    let known = [("if-none-match", before.header("etag"))];
    let after = service
        .ask(Method::GET, "/v1/pairs/erp", &known, Body::empty())
        .await;
    assert_eq!(after.expect(200)["revision"], 1);
    let bound = [("if-match", before.header("etag"))];
    service
        .put_if("/v1/pairs/erp", &bound, &pair("HOST_A", "HOST_B", None))
        .await
        .expect(200);
}
