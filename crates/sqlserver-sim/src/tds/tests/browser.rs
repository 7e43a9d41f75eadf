//! SQL Browser over UDP, with a real client that looks an instance up and then logs in to it.

use tiberius::{AuthMethod, Client, Config, EncryptionLevel, SqlBrowser};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::compat::TokioAsyncWriteCompatExt;
use tokio_util::sync::CancellationToken;

use super::scripted::{PASSWORD, greeting, identity, start};
use crate::server_api::{Encryption, Greeting};
use crate::tds::{BrowserEntry, serve_browser};

#[tokio::test]
async fn a_named_instance_is_found_and_an_unknown_one_is_not() {
    let named = Greeting {
        instance_name: Some("PROD".into()),
        ..greeting(Encryption::Optional)
    };
    let running = start(named).await;
    let entry = BrowserEntry {
        server_name: "HOST_A".into(),
        instance_name: "PROD".into(),
        version: (16, 0, 4135),
        tcp_port: running.address.port(),
    };
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let shutdown = CancellationToken::new();
    let _end = shutdown.clone().drop_guard();
    tokio::spawn(serve_browser(socket, move || vec![entry.clone()], shutdown));

    let mut config = Config::new();
    config.host("localhost");
    config.port(port);
    config.instance_name("prod");
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca_bundle(identity().0.into_bytes());
    let stream = TcpStream::connect_named(&config).await.unwrap();
    let mut client = Client::connect(config.clone(), stream.compat_write())
        .await
        .unwrap();
    let row = client
        .simple_query("1234")
        .await
        .unwrap()
        .into_row()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<i32, _>(0), Some(4));

    config.instance_name("other");
    assert!(TcpStream::connect_named(&config).await.is_err());
}
