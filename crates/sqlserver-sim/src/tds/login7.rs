//! LOGIN7: the offset table, the unscrambled password, the feature extensions.
//!
//! Whether the log-in is allowed is the engine's to say. Nothing here may be `Debug`: it holds a password.

use super::packet::FIRST_PACKET_SIZE;
use super::reader::{Malformed, Reader, utf16};

/// TDS 7.4, the newest in-band version.
pub(crate) const TDS_7_4: u32 = 0x7400_0004;
/// The oldest version whose token shapes this server writes.
pub(crate) const TDS_7_2: u32 = 0x7209_0002;

const INTEGRATED_SECURITY: u8 = 0x80;
const HAS_FEATURES: u8 = 0x10;
const FEATURE_UTF8: u8 = 0x0A;
const FEATURE_END: u8 = 0xFF;

/// A decoded LOGIN7.
pub(crate) struct Login7 {
    /// As the client wrote it, e.g. [`TDS_7_4`]; TDS 8.0 is `0x0800_0000`.
    pub(crate) tds_version: u32,
    /// Already brought within the limits, bytes.
    pub(crate) packet_size: u16,
    pub(crate) integrated: bool,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) application: String,
    pub(crate) database: String,
    /// The client asked for the UTF-8 feature.
    pub(crate) utf8: bool,
}

impl Login7 {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "LOGIN7";
        let mut reader = Reader::new(body);
        reader.u32(WHAT)?;
        let tds_version = reader.u32(WHAT)?;
        let packet_size = reader.u32(WHAT)?;
        reader.bytes(12, WHAT)?;
        let [_, flags2, _, flags3] = reader.array::<4>(WHAT)?;
        reader.bytes(8, WHAT)?;
        let host = field(body, &mut reader)?;
        let user = field(body, &mut reader)?;
        let password = unscramble(field_bytes(body, &mut reader)?);
        let application = field(body, &mut reader)?;
        let _server = field(body, &mut reader)?;
        let (extension, _) = (reader.u16(WHAT)?, reader.u16(WHAT)?);
        let _library = field(body, &mut reader)?;
        let _language = field(body, &mut reader)?;
        let database = field(body, &mut reader)?;
        let utf8 = flags3 & HAS_FEATURES != 0 && asks_utf8(body, usize::from(extension))?;
        Ok(Self {
            tds_version,
            packet_size: clamp_packet_size(packet_size),
            integrated: flags2 & INTEGRATED_SECURITY != 0,
            host,
            user,
            password,
            application,
            database,
            utf8,
        })
    }

    /// The version LOGINACK names: what the client asked for, at most 7.4 (strict clients accept that too).
    pub(crate) fn answered_version(&self) -> u32 {
        if self.tds_version < TDS_7_2 {
            TDS_7_4
        } else {
            self.tds_version.min(TDS_7_4)
        }
    }

    /// Whether this server writes the tokens of the client's version.
    pub(crate) fn version_is_spoken(&self) -> bool {
        // TDS 8.0 has the number 0x08000000, below all others.
        self.tds_version >= TDS_7_2 || self.tds_version == 0x0800_0000
    }
}

fn clamp_packet_size(asked: u32) -> u16 {
    let chosen = if asked == 0 {
        FIRST_PACKET_SIZE
    } else {
        usize::try_from(asked).unwrap_or(usize::MAX)
    };
    u16::try_from(chosen.clamp(512, 32_767)).unwrap_or(4096)
}

/// Reads one (offset, length in characters) pair of the table, and what it points to.
fn field_bytes<'a>(body: &'a [u8], table: &mut Reader<'_>) -> Result<&'a [u8], Malformed> {
    let offset = usize::from(table.u16("LOGIN7")?);
    let length = usize::from(table.u16("LOGIN7")?) * 2;
    if length == 0 {
        return Ok(&[]);
    }
    at(body, offset)?.bytes(length, "a LOGIN7 field")
}

fn field(body: &[u8], table: &mut Reader<'_>) -> Result<String, Malformed> {
    Ok(utf16(field_bytes(body, table)?))
}

fn at(body: &[u8], offset: usize) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(body);
    reader.bytes(offset, "a LOGIN7 field")?;
    Ok(reader)
}

/// Each byte has 0xA5 XORed in after its nibbles were swapped; here both are undone, in the reverse order.
fn unscramble(bytes: &[u8]) -> String {
    let clear: Vec<u8> = bytes
        .iter()
        .map(|byte| (byte ^ 0xA5).rotate_left(4))
        .collect();
    utf16(&clear)
}

fn asks_utf8(body: &[u8], extension: usize) -> Result<bool, Malformed> {
    const WHAT: &str = "FEATUREEXT";
    let start = usize::try_from(at(body, extension)?.u32(WHAT)?).unwrap_or(usize::MAX);
    let mut reader = at(body, start)?;
    let mut found = false;
    loop {
        let feature = reader.u8(WHAT)?;
        if feature == FEATURE_END {
            return Ok(found);
        }
        let length = usize::try_from(reader.u32(WHAT)?).unwrap_or(usize::MAX);
        reader.bytes(length, WHAT)?;
        found |= feature == FEATURE_UTF8;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A LOGIN7 with two features, the way a client lays it out.
    pub(crate) fn sample() -> Vec<u8> {
        with_login("sa", "Pä$$")
    }

    pub(crate) fn with_login(user: &str, password: &str) -> Vec<u8> {
        let plain = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>()
        };
        let scrambled = plain(password)
            .into_iter()
            .map(|byte| byte.rotate_left(4) ^ 0xA5)
            .collect();
        let mut body = vec![0_u8; 36];
        body[4..8].copy_from_slice(&TDS_7_4.to_le_bytes());
        body[27] = HAS_FEATURES;
        let fields = [
            plain("box"),
            plain(user),
            scrambled,
            plain("app"),
            plain("srv"),
            vec![0; 4],
            plain("lib"),
            vec![],
            plain("master"),
        ];
        let mut data: Vec<u8> = Vec::new();
        for (index, bytes) in fields.iter().enumerate() {
            let offset = u16::try_from(94 + data.len()).unwrap();
            body.extend_from_slice(&offset.to_le_bytes());
            let length = if index == 5 {
                bytes.len()
            } else {
                bytes.len() / 2
            };
            body.extend_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
            data.extend_from_slice(bytes);
        }
        body.resize(94, 0);
        let extension = usize::from(u16::from_le_bytes([body[56], body[57]]));
        body.extend_from_slice(&data);
        let features = u32::try_from(body.len()).unwrap();
        body[extension..extension + 4].copy_from_slice(&features.to_le_bytes());
        body.extend_from_slice(&[
            0x01,
            3,
            0,
            0,
            0,
            9,
            9,
            9,
            FEATURE_UTF8,
            0,
            0,
            0,
            0,
            FEATURE_END,
        ]);
        body
    }

    #[test]
    fn all_fields_come_through() {
        let login = Login7::decode(&sample()).unwrap();
        assert_eq!(
            (
                login.host.as_str(),
                login.user.as_str(),
                login.password.as_str()
            ),
            ("box", "sa", "Pä$$")
        );
        assert_eq!(
            (login.application.as_str(), login.database.as_str()),
            ("app", "master")
        );
        assert_eq!(
            (login.packet_size, login.utf8, login.integrated),
            (4096, true, false)
        );
        assert_eq!(login.answered_version(), TDS_7_4);
    }

    #[test]
    fn packet_sizes_are_brought_within_the_limits() {
        let sizes = [0, 1, 512, 8000, 40_000, u32::MAX].map(clamp_packet_size);
        assert_eq!(sizes, [4096, 512, 512, 8000, 32_767, 32_767]);
    }
}
