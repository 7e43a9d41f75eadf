//! A checked cursor over received bytes, and the one error all decoders share.
//!
//! Every decoder reads through [`Reader`], so none can index past the end. What the bytes mean is not known here.

/// Why received bytes are not the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the message ends inside {0}")]
    Truncated(&'static str),
    #[error("{what} is {found:#x}, which the protocol does not allow")]
    Value { what: &'static str, found: u64 },
    #[error("the message is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("data type {0:#04x} is not supported")]
    UnknownType(u8),
    #[error("message type {found:#04x} is not possible {place}")]
    Unexpected { found: u8, place: &'static str },
}

/// A position in a slice that only moves forward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn bytes(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(Malformed::Truncated(what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated(what))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn u16_be(&mut self, what: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn i32(&mut self, what: &'static str) -> Result<i32, Malformed> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Text of `units` UTF-16 code units.
    pub(crate) fn utf16(&mut self, units: usize, what: &'static str) -> Result<String, Malformed> {
        let size = units.checked_mul(2).ok_or(Malformed::Truncated(what))?;
        Ok(utf16(self.bytes(size, what)?))
    }

    /// Text with its length in UTF-16 units in one byte before it.
    pub(crate) fn b_varchar(&mut self, what: &'static str) -> Result<String, Malformed> {
        let units = self.u8(what)?;
        self.utf16(usize::from(units), what)
    }

    /// Text with its length in UTF-16 units in two bytes before it.
    pub(crate) fn us_varchar(&mut self, what: &'static str) -> Result<String, Malformed> {
        let units = self.u16(what)?;
        self.utf16(usize::from(units), what)
    }
}

/// UTF-16LE to text. Lone surrogates, which SQL Server stores without complaint, become U+FFFD; an odd last byte is dropped.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
        .collect();
    String::from_utf16_lossy(&units)
}
