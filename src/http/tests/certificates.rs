//! Certificates: every form of upload, every refusal, every form of reading.

use base64::Engine;

use super::*;
use crate::domain::certificate::Certificate;
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

fn pem_of(der: &[u8]) -> String {
    Certificate::from_der(der).unwrap().to_pem()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_dress_comes_in_by_every_door(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let (made, _) = certificate("HOST_A", 30);
    let base64 = base64::engine::general_purpose::STANDARD.encode(made.der());
    let dresses = [
        base64.clone(),
        base64::engine::general_purpose::STANDARD.encode(pem_of(made.der())),
        format!("0x{}", hex::encode_upper(made.der())),
        pem_of(made.der()).replace('\n', "\r\n"),
    ];
    let mut first = 201;
    for dress in dresses {
        let form = format!(
            "--b\r\ncontent-disposition: form-data; name=\"certificate\"\r\n\r\n{dress}\r\n--b--\r\n"
        );
        for (media, body) in [
            ("text/plain", dress.clone()),
            ("application/octet-stream", dress.clone()),
            (
                "application/json",
                json!({"certificate": dress}).to_string(),
            ),
            ("multipart/form-data; boundary=b", form),
        ] {
            let answer = upload(&service, media, "", body.into_bytes()).await;
            let view = answer.expect(first);
            assert_eq!(view["sha256"], sha256(made.der()), "{media}");
            first = 200;
        }
    }
}

fn sha256(der: &[u8]) -> String {
    Certificate::from_der(der).unwrap().sha256.to_string()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_it_is_instead_is_called_by_its_name(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let (made, _) = certificate("HOST_A", 30);
    let mut hurt = made.der().to_vec();
    *hurt.last_mut().unwrap() ^= 1;
    for (body, code) in [
        (
            b"<html><body>Sign in</body></html>".to_vec(),
            "html_refused",
        ),
        (made.der()[..300].to_vec(), "certificate_cut"),
        (made.der()[7..].to_vec(), "certificate_cut"),
        (hurt, "certificate_damaged"),
    ] {
        let answer = upload(&service, "application/pkix-cert", "", body).await;
        answer.fault(422, "", code);
    }
    let later = certificate_between("HOST_A", 1, 20, None);
    let answer = upload(&service, "application/pkix-cert", "", later.clone()).await;
    answer.fault(422, "", "certificate_not_yet_valid");
    let allowed = upload(
        &service,
        "application/pkix-cert",
        "?purpose=next",
        later.clone(),
    )
    .await
    .expect(201);
    assert_eq!(
        codes(&allowed),
        ["certificate_expires_soon", "certificate_not_yet_valid"]
    );
    upload(
        &service,
        "application/pkix-cert",
        "?allow_not_yet_valid=true",
        later,
    )
    .await
    .expect(200);
}

/// A certificate that begins and ends so many days from now.
fn certificate_between(name: &str, begins: i64, ends: i64, serial: Option<u64>) -> Vec<u8> {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.serial_number = serial.map(rcgen::SerialNumber::from);
    let day = |days: i64| {
        let at = now() + chrono::Duration::days(days);
        time::OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap()
    };
    params.not_before = day(begins);
    params.not_after = day(ends);
    params.self_signed(&key.unwrap()).unwrap().der().to_vec()
}

fn codes(view: &Value) -> Vec<&str> {
    let warnings = view["warnings"].as_array().unwrap();
    warnings
        .iter()
        .map(|w| w["code"].as_str().unwrap())
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_upload_is_warned_of_what_is_known(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A", "HOST_B"]).await;
    let long = certificate_between("HOST_A", -1, 900, Some(7));
    let sent = |on: &'static str, query: &'static str, der: Vec<u8>| {
        let service = &service;
        async move {
            let path = format!("/v1/instances/{on}/certificates{query}");
            let headers = [("content-type", "application/pkix-cert")];
            service
                .ask(Method::POST, &path, &headers, Body::from(der))
                .await
        }
    };
    let first = sent("HOST_A", "", long.clone()).await.expect(201).clone();
    assert_eq!(first["warnings"], json!([]), "nothing to say");
    let shared = sent("HOST_B", "", long.clone()).await.expect(201).clone();
    assert_eq!(codes(&shared), ["certificate_of_two_instances"]);
    assert_eq!(shared["warnings"][0]["instances"], json!(["HOST_A"]));
    // The same issuer and serial, another key.
    let twin = certificate_between("HOST_A", -1, 900, Some(7));
    let clash = sent("HOST_B", "", twin.clone()).await.expect(201).clone();
    assert_eq!(codes(&clash), ["issuer_serial_clash"]);
    let refused = sent("HOST_A", "?purpose=next", twin).await;
    refused.fault(422, "", "issuer_serial_clash");
    let soon = certificate_between("HOST_A", -1, 3, Some(8));
    let soon = sent("HOST_A", "", soon).await.expect(201).clone();
    assert_eq!(codes(&soon), ["certificate_expires_soon"]);
    let old = include_str!("../../domain/certificate/fixtures/md5.pem");
    let weak = sent("HOST_A", "?allow_not_yet_valid=true", old.into())
        .await
        .expect(201)
        .clone();
    assert!(codes(&weak).contains(&"weak_certificate"), "{weak}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn forgetting_the_pin_pins_no_earlier_upload(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let mut last = String::new();
    for days in [100, 200] {
        let (made, _) = certificate("HOST_A", days);
        let answer = upload(&service, "application/pkix-cert", "", made.der().to_vec()).await;
        last = answer.header("location").to_owned();
    }
    service.delete(&last).await.expect(200);
    let status = service.get("/v1/instances/HOST_A").await.expect(200)["status"].clone();
    assert_eq!(status["certificates"]["current"], Value::Null);
    let list = service.get(PATH).await.expect(200).clone();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["pinned"], false);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_certificate_is_downloaded_as_a_file_of_its_own(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let mut names = std::collections::HashSet::new();
    for days in [100, 200] {
        let (made, _) = certificate("HOST_A", days);
        let stored = upload(&service, "application/pkix-cert", "", made.der().to_vec()).await;
        let path = stored.header("location").to_owned();
        let read = service
            .ask(
                Method::GET,
                &path,
                &[("accept", "application/pkix-cert")],
                Body::empty(),
            )
            .await;
        let name = read.header("content-disposition").to_owned();
        assert!(name.starts_with("attachment; filename=\"HOST_A_"), "{name}");
        assert!(
            name.ends_with(".cer\"") && name.contains("_until_"),
            "{name}"
        );
        names.insert(name);
    }
    assert_eq!(names.len(), 2);
}
