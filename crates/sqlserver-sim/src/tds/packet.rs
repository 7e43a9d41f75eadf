//! TDS packets: the 8-byte header, messages put together from packets, answers cut into packets.
//!
//! No message's content is looked at here, and no byte is sent from here.

use super::reader::{Malformed, Reader};

/// The packet size in force until the log-in's answer has been sent, bytes, header included.
pub(crate) const FIRST_PACKET_SIZE: usize = 4096;
/// The longest message taken before log-in: LOGIN7 itself is limited to 128 KiB.
pub(crate) const LIMIT_BEFORE_LOGIN: usize = 128 * 1024;
/// The longest message taken from a logged-in client.
pub(crate) const LIMIT: usize = 64 * 1024 * 1024;

const HEADER: usize = 8;
const EOM: u8 = 0x01;
const IGNORE: u8 = 0x02;
const RESET: u8 = 0x08;
const RESET_KEEPING_TRANSACTION: u8 = 0x10;

/// Packet types that occur in this server.
pub(crate) mod kind {
    pub(crate) const BATCH: u8 = 0x01;
    pub(crate) const RPC: u8 = 0x03;
    pub(crate) const ANSWER: u8 = 0x04;
    pub(crate) const ATTENTION: u8 = 0x06;
    pub(crate) const TRANSACTION: u8 = 0x0E;
    pub(crate) const LOGIN7: u8 = 0x10;
    pub(crate) const PRELOGIN: u8 = 0x12;
}

/// What a client may send: besides the kinds above, bulk load (7), federated authentication (8) and SSPI (17).
const KNOWN_KINDS: [u8; 9] = [
    kind::BATCH,
    kind::RPC,
    kind::ATTENTION,
    0x07,
    0x08,
    kind::TRANSACTION,
    kind::LOGIN7,
    0x11,
    kind::PRELOGIN,
];

/// A complete message. Its body may hold a password, so it must never be logged.
pub(crate) struct Message {
    pub(crate) kind: u8,
    /// The client took the message back while sending it (IGNORE): it must not run.
    pub(crate) ignored: bool,
    /// RESETCONNECTION, with or without SKIPTRAN, on the first packet.
    pub(crate) reset: bool,
    pub(crate) body: Vec<u8>,
}

/// Puts messages together from however the bytes arrive.
pub(crate) struct Assembler {
    pending: Vec<u8>,
    partial: Option<Message>,
    limit: usize,
}

impl Assembler {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            pending: Vec::new(),
            partial: None,
            limit,
        }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Whether nothing of a further message has arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.partial.is_none()
    }

    /// The bytes that arrived after the last complete message.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// The next complete message, or `None` until more bytes have arrived.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, Malformed> {
        let mut used = 0;
        let found = loop {
            let rest = self.pending.get(used..).unwrap_or_default();
            let Some((header, body)) = cut(rest)? else {
                break None;
            };
            let done = Self::add(&mut self.partial, self.limit, header, body)?;
            used += HEADER + body.len();
            if done {
                break self.partial.take();
            }
        };
        self.pending.drain(..used);
        Ok(found)
    }

    fn add(
        partial: &mut Option<Message>,
        limit: usize,
        header: Header,
        body: &[u8],
    ) -> Result<bool, Malformed> {
        // An attention overtakes a message the client gave up half-way.
        if header.kind == kind::ATTENTION {
            *partial = None;
        }
        let message = partial.get_or_insert_with(|| Message {
            kind: header.kind,
            ignored: false,
            reset: header.status & (RESET | RESET_KEEPING_TRANSACTION) != 0,
            body: Vec::new(),
        });
        if message.kind != header.kind {
            return Err(Malformed::Unexpected {
                found: header.kind,
                place: "inside another message",
            });
        }
        if message.body.len() + body.len() > limit {
            return Err(Malformed::TooLong { limit });
        }
        message.body.extend_from_slice(body);
        let last = header.status & EOM != 0 || header.kind == kind::ATTENTION;
        message.ignored = last && header.status & IGNORE != 0;
        Ok(last)
    }
}

#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    status: u8,
}

/// The first packet, if all of it is there.
fn cut(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, Malformed> {
    let mut reader = Reader::new(bytes);
    let Ok([kind, status, high, low, ..]) = reader.array::<HEADER>("a packet header") else {
        return Ok(None);
    };
    // Checked before the body has arrived: who speaks another protocol is not waited for.
    if !KNOWN_KINDS.contains(&kind) {
        return Err(Malformed::Unexpected {
            found: kind,
            place: "in TDS",
        });
    }
    let size = usize::from(u16::from_be_bytes([high, low]));
    let Some(length) = size.checked_sub(HEADER) else {
        return Err(Malformed::Value {
            what: "the packet length",
            found: size as u64,
        });
    };
    let body = reader.bytes(length, "a packet").ok();
    Ok(body.map(|body| (Header { kind, status }, body)))
}

/// Cuts one outgoing message after the other into packets.
pub(crate) struct Splitter {
    size: usize,
    spid: u16,
    number: u8,
    pending: Vec<u8>,
}

impl Splitter {
    pub(crate) fn new() -> Self {
        Self {
            size: FIRST_PACKET_SIZE,
            spid: 0,
            number: 1,
            pending: Vec::new(),
        }
    }

    /// From the next packet on; bytes, header included.
    pub(crate) fn set_packet_size(&mut self, size: u16) {
        self.size = usize::from(size).max(HEADER + 1);
    }

    pub(crate) fn set_spid(&mut self, spid: u16) {
        self.spid = spid;
    }

    /// Where tokens of the current message are appended.
    pub(crate) fn tokens(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Whether bytes wait for a packet to fill.
    pub(crate) fn has_partial(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Moves what fills whole packets to `out`. At least one byte stays back, so that the last packet is never empty.
    pub(crate) fn full_packets(&mut self, out: &mut Vec<u8>) {
        let room = self.size - HEADER;
        // Called for every row: most of them fill no packet.
        if self.pending.len() <= room {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some((packet, after)) = rest
            .split_at_checked(room)
            .filter(|(_, after)| !after.is_empty())
        {
            self.packet(packet, 0, out);
            rest = after;
        }
        self.pending = rest.to_vec();
    }

    /// Moves everything to `out` without ending the message.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        self.full_packets(out);
        if self.has_partial() {
            let last = std::mem::take(&mut self.pending);
            self.packet(&last, 0, out);
        }
    }

    /// Ends the message.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        self.full_packets(out);
        let last = std::mem::take(&mut self.pending);
        self.packet(&last, EOM, out);
        self.number = 1;
    }

    fn packet(&mut self, body: &[u8], status: u8, out: &mut Vec<u8>) {
        write_packet(kind::ANSWER, status, self.spid, self.number, body, out);
        self.number = self.number.wrapping_add(1);
    }
}

/// Wraps one TLS flight in PRELOGIN packets, the form it has inside TDS 7.x.
pub(crate) fn wrap_tls_flight(flight: &[u8], out: &mut Vec<u8>) {
    let mut chunks = flight.chunks(FIRST_PACKET_SIZE - HEADER).peekable();
    let mut number = 1_u8;
    while let Some(chunk) = chunks.next() {
        let status = if chunks.peek().is_none() { EOM } else { 0 };
        write_packet(kind::PRELOGIN, status, 0, number, chunk, out);
        number = number.wrapping_add(1);
    }
}

fn write_packet(kind: u8, status: u8, spid: u16, number: u8, body: &[u8], out: &mut Vec<u8>) {
    // A packet's body is at most 32767 - 8 bytes long: `size` is kept within the protocol's limits.
    let length = u16::try_from(body.len() + HEADER).unwrap_or(u16::MAX);
    out.extend_from_slice(&[kind, status]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&spid.to_be_bytes());
    out.extend_from_slice(&[number, 0]);
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(size: u16, body: &[u8], step: usize) -> Message {
        let mut splitter = Splitter::new();
        splitter.set_packet_size(size);
        splitter.tokens().extend_from_slice(body);
        let mut wire = Vec::new();
        splitter.end(&mut wire);
        // Answers are not read by this side: let them be batches.
        for packet in wire.chunks_mut(usize::from(size)) {
            packet[0] = kind::BATCH;
        }
        let mut assembler = Assembler::new(LIMIT);
        let mut found = None;
        for part in wire.chunks(step) {
            assert!(found.is_none(), "complete before the last byte");
            assembler.push(part);
            found = assembler.next_message().unwrap();
        }
        assert!(assembler.is_empty());
        found.unwrap()
    }

    #[test]
    fn messages_survive_any_cut() {
        let body: Vec<u8> = (0..5000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for (size, step) in [(512, 1), (512, 3), (4096, 511), (512, 100_000)] {
            assert_eq!(round_trip(size, &body, step).body, body);
        }
        assert_eq!(
            round_trip(512, &body[..504], 1).body.len(),
            504,
            "exactly one packet"
        );
    }

    #[test]
    fn packets_are_numbered_from_one_and_marked_at_the_end() {
        let mut splitter = Splitter::new();
        splitter.set_packet_size(512);
        splitter.set_spid(0x0102);
        splitter.tokens().extend_from_slice(&[7; 600]);
        let mut wire = Vec::new();
        splitter.end(&mut wire);
        assert_eq!(&wire[..8], &[0x04, 0, 2, 0, 1, 2, 1, 0]);
        assert_eq!(&wire[512..520], &[0x04, 1, 0, 104, 1, 2, 2, 0]);
    }

    #[test]
    fn first_status_asks_for_reset_and_last_for_ignore() {
        let mut assembler = Assembler::new(LIMIT);
        assembler.push(&[1, 0x08, 0, 9, 0, 0, 1, 0, 0xAA]);
        assert!(assembler.next_message().unwrap().is_none());
        assembler.push(&[1, 0x03, 0, 9, 0, 0, 2, 0, 0xBB]);
        let message = assembler.next_message().unwrap().unwrap();
        assert!(message.reset && message.ignored);
        assert_eq!(message.body, [0xAA, 0xBB]);
    }

    #[test]
    fn a_message_over_the_limit_and_a_short_length_are_refused() {
        let mut assembler = Assembler::new(1);
        assembler.push(&[1, 1, 0, 10, 0, 0, 1, 0, 1, 2]);
        assert_eq!(
            assembler.next_message().err(),
            Some(Malformed::TooLong { limit: 1 })
        );
        let mut assembler = Assembler::new(LIMIT);
        assembler.push(&[1, 1, 0, 7, 0, 0, 1, 0]);
        assert!(matches!(
            assembler.next_message(),
            Err(Malformed::Value { found: 7, .. })
        ));
    }

    #[test]
    fn attention_overtakes_a_half_sent_message() {
        let mut assembler = Assembler::new(LIMIT);
        assembler.push(&[1, 0, 0, 9, 0, 0, 1, 0, 0xAA, 6, 1, 0, 8, 0, 0, 1, 0]);
        let message = assembler.next_message().unwrap().unwrap();
        assert_eq!(message.kind, kind::ATTENTION);
        assert!(assembler.is_empty());
    }
}
