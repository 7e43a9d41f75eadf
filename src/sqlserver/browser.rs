//! The question to SQL Server Browser (UDP 1434): on which TCP port does this named instance listen?
//!
//! The driver's own version hides which part failed, so it is asked here. The answer is not authenticated: whoever
//! forges it is stopped by TLS, not here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::target::Timeouts;

const ASK_ONE_INSTANCE: u8 = 0x04;
const ANSWER: u8 = 0x05;
/// One byte of kind and two of length stand before the text.
const ANSWER_HEAD: usize = 3;
const LARGEST_ANSWER: usize = ANSWER_HEAD + u16::MAX as usize;

/// Asks `host`'s Browser for `instance`. Twice, because a datagram may be lost.
///
/// # Errors
/// A sentence for the caller: silence, or an answer without a TCP port.
pub(super) async fn port_of(
    host: IpAddr,
    instance: &str,
    limits: &Timeouts,
) -> Result<u16, String> {
    for _ in 0..2 {
        // A refused datagram is as good as silence.
        if let Ok(Ok(answer)) =
            timeout(limits.browser, ask(host, instance, limits.browser_port)).await
        {
            return read(&answer, instance);
        }
    }
    Err(format!(
        "SQL Server Browser (UDP {}) did not answer for instance {instance}; start it, open the port, or register the instance's TCP port",
        limits.browser_port
    ))
}

async fn ask(host: IpAddr, instance: &str, port: u16) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = match host {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(SocketAddr::new(host, port)).await?;
    let mut question = vec![ASK_ONE_INSTANCE];
    question.extend_from_slice(instance.as_bytes());
    question.push(0);
    socket.send(&question).await?;
    let mut answer = vec![0; LARGEST_ANSWER];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// `ServerName;A;InstanceName;B;…;tcp;1433;…;;` — the instance of the name asked for, should several be listed.
fn read(answer: &[u8], instance: &str) -> Result<u16, String> {
    if answer.first() != Some(&ANSWER) || answer.len() < ANSWER_HEAD {
        return Err("SQL Server Browser's answer was not understood".to_owned());
    }
    let text = String::from_utf8_lossy(&answer[ANSWER_HEAD..]);
    text.split(";;")
        .map(|one| one.split(';').collect::<Vec<_>>())
        .filter(|fields| {
            value(fields, "InstanceName").is_none_or(|name| name.to_lowercase() == instance.to_lowercase())
        })
        .find_map(|fields| value(&fields, "tcp")?.parse().ok())
        .ok_or_else(|| {
            format!("SQL Server Browser knows no TCP port for instance {instance}; TCP/IP may be switched off for it")
        })
}

fn value<'a>(fields: &[&'a str], name: &str) -> Option<&'a str> {
    fields
        .chunks_exact(2)
        .find(|pair| pair[0].eq_ignore_ascii_case(name))
        .map(|pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Vec<u8> {
        let mut bytes = vec![ANSWER, 0, 0];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn the_port_of_the_instance_asked_for_is_taken() {
        let two = answer(
            "ServerName;H;InstanceName;OTHER;IsClustered;No;Version;16.0;tcp;1111;;ServerName;H;InstanceName;Prod;IsClustered;No;Version;16.0;tcp;2222;np;x;;",
        );
        assert_eq!(read(&two, "PROD"), Ok(2222));
    }

    #[test]
    fn an_answer_without_a_port_says_what_is_missing() {
        let none = answer("ServerName;H;InstanceName;PROD;IsClustered;No;Version;16.0;np;x;;");
        assert!(read(&none, "PROD").is_err_and(|e| e.contains("TCP/IP")));
        assert!(read(&[], "PROD").is_err());
        assert!(read(&[ANSWER], "PROD").is_err());
    }

    #[tokio::test]
    async fn silence_is_reported_with_what_to_do() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let limits = Timeouts {
            browser: std::time::Duration::from_millis(20),
            browser_port: silent.local_addr().unwrap().port(),
            ..Timeouts::default()
        };
        let answered = port_of(Ipv4Addr::LOCALHOST.into(), "PROD", &limits).await;
        assert!(answered.is_err_and(|e| e.contains("did not answer")));
    }
}
