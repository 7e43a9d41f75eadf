//! SQL Browser (SSRP, UDP 1434): tells clients the TCP port of a named instance.
//!
//! Independent of TDS itself; one datagram in, at most one out.

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

const LIST_ALL_BROADCAST: u8 = 0x02;
const LIST_ALL: u8 = 0x03;
const ONE_INSTANCE: u8 = 0x04;
const ANSWER: u8 = 0x05;
/// The longest list, bytes: it has to fit a datagram.
const LONGEST: usize = 65_000;

/// One instance, as SQL Browser lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserEntry {
    /// Host name without the instance.
    pub server_name: String,
    /// `MSSQLSERVER` for a default instance.
    pub instance_name: String,
    /// Major, minor, build.
    pub version: (u8, u8, u16),
    pub tcp_port: u16,
}

/// Answers until `shutdown`. `list` is asked for every datagram, so instances may come and go.
pub async fn serve_browser(
    socket: UdpSocket,
    list: impl Fn() -> Vec<BrowserEntry>,
    shutdown: CancellationToken,
) {
    let mut buffer = [0; 1024];
    loop {
        let received = tokio::select! {
            () = shutdown.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        // An error here is the ICMP answer to an earlier datagram; the socket goes on working.
        let Ok((count, client)) = received else {
            continue;
        };
        let Some(answer) = answer(buffer.get(..count).unwrap_or_default(), &list) else {
            continue;
        };
        if let Err(error) = socket.send_to(&answer, client).await {
            tracing::debug!(%error, "a browser answer could not be sent");
        }
    }
}

/// The datagram to send back; `None` is silence, which is what an unknown instance gets.
fn answer(request: &[u8], list: &impl Fn() -> Vec<BrowserEntry>) -> Option<Vec<u8>> {
    let (kind, rest) = request.split_first()?;
    let mut text = String::new();
    match *kind {
        LIST_ALL_BROADCAST | LIST_ALL => {
            for described in list().iter().map(describe) {
                if text.len() + described.len() > LONGEST {
                    break;
                }
                text.push_str(&described);
            }
        }
        ONE_INSTANCE => {
            // Some clients leave the terminating zero out.
            let name = rest.split(|byte| *byte == 0).next()?;
            let name = String::from_utf8_lossy(name);
            text = list()
                .iter()
                .find(|entry| entry.instance_name.eq_ignore_ascii_case(&name))
                .map(describe)?;
        }
        _ => return None,
    }
    let length = u16::try_from(text.len()).ok()?.to_le_bytes();
    Some([[ANSWER].as_slice(), &length, text.as_bytes()].concat())
}

fn describe(entry: &BrowserEntry) -> String {
    let BrowserEntry {
        server_name,
        instance_name,
        version: (major, minor, build),
        tcp_port,
    } = entry;
    format!(
        "ServerName;{server_name};InstanceName;{instance_name};IsClustered;No;Version;{major}.{minor}.{build}.0;tcp;{tcp_port};;"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<BrowserEntry> {
        let entry = |name: &str, tcp_port| BrowserEntry {
            server_name: "H".into(),
            instance_name: name.into(),
            version: (16, 0, 4135),
            tcp_port,
        };
        vec![entry("SQL1", 5001), entry("SQL2", 5002)]
    }

    fn text(request: &[u8]) -> Option<String> {
        let bytes = answer(request, &two)?;
        let (head, text) = bytes.split_first_chunk::<3>().unwrap();
        assert_eq!(head[0], 5);
        assert_eq!(
            usize::from(u16::from_le_bytes([head[1], head[2]])),
            text.len()
        );
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn one_instance_in_any_case_with_and_without_the_zero() {
        let wanted = "ServerName;H;InstanceName;SQL2;IsClustered;No;Version;16.0.4135.0;tcp;5002;;";
        assert_eq!(text(b"\x04sql2\0").as_deref(), Some(wanted));
        assert_eq!(text(b"\x04SQL2").as_deref(), Some(wanted));
        assert_eq!(text(b"\x04SQL3\0"), None);
    }

    #[test]
    fn all_instances_and_nonsense() {
        assert_eq!(text(b"\x02").unwrap().matches("tcp;").count(), 2);
        assert_eq!(text(b"\x03").unwrap().matches("tcp;").count(), 2);
        assert_eq!(text(b"\x09"), None);
        assert_eq!(text(b""), None);
    }
}
