//! Certificates: every form of upload, every refusal, every form of reading.

use base64::Engine;

use super::*;
use crate::store::MIGRATOR;

const PATH: &str = "/v1/instances/HOST_A/certificates";

async fn upload(service: &Service, media: &str, query: &str, body: Vec<u8>) -> Answered {
    let headers = [("content-type", media)];
    service
        .ask(
            Method::POST,
            &format!("{PATH}{query}"),
            &headers,
            Body::from(body),
        )
        .await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_form_of_upload_is_the_same_certificate(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let (made, _) = certificate("HOST_A", 30);
    let der = made.der().to_vec();
    let first = upload(&service, "application/pkix-cert", "", der.clone()).await;
    let view = first.expect(201);
    assert_eq!(view["subject"], "CN=HOST_A");
    assert_eq!(view["purpose"], "current");
    assert_eq!(view["pinned"], true);
    let location = first.header("location").to_owned();
    assert_eq!(
        location,
        format!("{PATH}/{}", view["sha256"].as_str().unwrap())
    );
    let base64 = base64::engine::general_purpose::STANDARD.encode(&der);
    let form = [
        b"--b\r\ncontent-disposition: form-data; name=\"certificate\"; filename=\"a.cer\"\r\n\r\n"
            .to_vec(),
        der.clone(),
        b"\r\n--b--\r\n".to_vec(),
    ]
    .concat();
    for (media, body) in [
        ("application/octet-stream", der.clone()),
        ("application/x-pem-file", made.pem().into_bytes()),
        (
            "application/json; charset=utf-8",
            json!({"certificate": base64}).to_string().into_bytes(),
        ),
        (
            "application/json",
            json!({"certificate": made.pem()}).to_string().into_bytes(),
        ),
        ("multipart/form-data; boundary=b", form),
    ] {
        let again = upload(&service, media, "", body).await;
        assert_eq!(again.expect(200)["sha256"], view["sha256"], "{media}");
    }
    let list = service.get(PATH).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let status = service.get("/v1/instances/HOST_A").await.expect(200)["status"].clone();
    assert_eq!(status["certificates"]["current"], view["sha256"]);
    service.delete(&location).await.expect(200);
    service.delete(&location).await.problem(404, "not_found");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn it_is_read_as_json_der_or_pem(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let (made, _) = certificate("HOST_A", 30);
    let stored = upload(
        &service,
        "application/pkix-cert",
        "?purpose=next",
        made.der().to_vec(),
    )
    .await;
    assert_eq!(stored.expect(201)["purpose"], "next");
    let path = stored.header("location");
    let mut tags = std::collections::HashSet::new();
    for (accept, body) in [
        ("application/pkix-cert", made.der().to_vec()),
        (
            "application/x-pem-file",
            made.pem().replace("\r\n", "\n").into_bytes(),
        ),
    ] {
        let read = service
            .ask(Method::GET, path, &[("accept", accept)], Body::empty())
            .await;
        assert_eq!(read.status, StatusCode::OK);
        assert_eq!(read.header("content-type"), accept);
        assert_eq!(read.body, body);
        tags.insert(read.header("etag").to_owned());
    }
    let view = service.get(path).await;
    tags.insert(view.header("etag").to_owned());
    assert_eq!(tags.len(), 3, "three representations, three tags");
    let wrong = service
        .ask(Method::GET, path, &[("accept", "text/html")], Body::empty())
        .await;
    wrong.problem(406, "not_acceptable");
    service
        .get(&format!("{PATH}/{}", "0".repeat(64)))
        .await
        .problem(404, "not_found");
    service
        .get(&format!("{PATH}/xyz"))
        .await
        .fault(400, "/sha256", "invalid_value");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_refused_is_refused_without_its_content(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let (made, key) = certificate("HOST_A", 30);
    let (expired, _) = certificate("HOST_A", -1);
    let both = format!("{}{}", made.pem(), key.serialize_pem());
    for (body, code) in [
        (key.serialize_der(), "private_key_refused"),
        (both.clone().into_bytes(), "private_key_refused"),
        (Vec::new(), "certificate_empty"),
        (b"hello".to_vec(), "not_a_certificate"),
        ([made.der().to_vec(), vec![0]].concat(), "trailing_bytes"),
        (
            format!("{}{}", made.pem(), expired.pem()).into_bytes(),
            "several_certificates",
        ),
        (expired.der().to_vec(), "certificate_expired"),
    ] {
        let answer = upload(&service, "application/octet-stream", "", body).await;
        answer.problem(422, "certificate_refused");
        answer.fault(422, "", code);
        assert!(!answer.text().contains("BEGIN"));
    }
    let allowed = upload(
        &service,
        "application/octet-stream",
        "?allow_expired=true",
        expired.der().to_vec(),
    )
    .await;
    allowed.expect(201);
    let document = json!({"certificate": both}).to_string();
    upload(&service, "application/json", "", document.into_bytes())
        .await
        .fault(422, "", "private_key_refused");
    let list = service.get(PATH).await.expect(200);
    assert_eq!(
        list["items"].as_array().unwrap().len(),
        1,
        "nothing refused was stored"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn bodies_have_limits_and_media_types(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let large = vec![b'x'; 64 * 1024 + 1];
    upload(&service, "application/pkix-cert", "", large.clone())
        .await
        .problem(413, "body_too_large");
    upload(&service, "application/json", "", large.clone())
        .await
        .problem(413, "body_too_large");
    upload(&service, "multipart/form-data; boundary=b", "", large)
        .await
        .problem(413, "body_too_large");
    upload(&service, "text/html", "", Vec::new())
        .await
        .problem(415, "unsupported_media_type");
    upload(&service, "multipart/form-data", "", Vec::new())
        .await
        .problem(400, "invalid_body");
    let bare = service.ask(Method::POST, PATH, &[], Body::from("x")).await;
    bare.problem(415, "unsupported_media_type");
    let packed = [
        ("content-type", "application/pkix-cert"),
        ("content-encoding", "gzip"),
    ];
    service
        .ask(Method::POST, PATH, &packed, Body::empty())
        .await
        .problem(415, "unsupported_media_type");
    let other =
        b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n".to_vec();
    upload(&service, "multipart/form-data; boundary=b", "", other)
        .await
        .fault(400, "/file", "unknown_member");
    upload(
        &service,
        "application/pkix-cert",
        "?purpose=old",
        Vec::new(),
    )
    .await
    .fault(400, "/purpose", "invalid_value");
    upload(
        &service,
        "application/json",
        "",
        br#"{"certificate":"!"}"#.to_vec(),
    )
    .await
    .fault(400, "/certificate", "invalid_value");
}
