//! Walking DER by hand, as far as it goes: for bytes that are no certificate, or no longer one. Decides nothing.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: a certificate's version, PKCS#7's content and certificates.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// What an element says of itself before its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub tag: u8,
    /// Bytes in front of the content.
    pub header: usize,
    /// Bytes of content; `None` is BER's indefinite length.
    pub content: Option<usize>,
}

impl Head {
    /// Header and content together.
    pub fn whole(self) -> Option<usize> {
        self.header.checked_add(self.content?)
    }
}

/// An element with all its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

/// The head of the first element; its content need not be there.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    // A tag of several bytes is nothing that certificates or keys have.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (header, content) = match first {
        0x80 => (2, None),
        short @ 0..=0x7f => (2, Some(usize::from(short))),
        long => {
            let count = usize::from(long & 0x7f);
            let length = bytes.get(2..2 + count).filter(|_| count <= 4)?;
            let content = length
                .iter()
                .fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
            (2 + count, Some(content))
        }
    };
    Some(Head {
        tag,
        header,
        content,
    })
}

/// The first element and what stands behind it.
pub(super) fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let head = head(bytes)?;
    let whole = head.whole()?;
    let element = Element {
        tag: head.tag,
        content: bytes.get(head.header..whole)?,
        whole: &bytes[..whole],
    };
    Some((element, &bytes[whole..]))
}

/// The elements of a content, as far as they can be read.
pub(super) fn elements(mut content: &[u8]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    while let Some((element, rest)) = element(content) {
        found.push(element);
        content = rest;
    }
    found
}

/// The tags of a content's elements and what is there of their content, the last one possibly broken off.
pub(super) fn beginnings(mut content: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let Some(head) = head(content) {
        let whole = head.whole().unwrap_or(usize::MAX).min(content.len());
        found.push((head.tag, &content[head.header.min(whole)..whole]));
        content = &content[whole..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X.690, 8.1.2.4: where all five low bits are set, the tag goes on in the next byte.
    #[test]
    fn a_tag_of_several_bytes_has_no_head_and_any_other_has() {
        for tag in 0..=0xff_u8 {
            let goes_on = [0x1f, 0x3f, 0x5f, 0x7f, 0x9f, 0xbf, 0xdf, 0xff].contains(&tag);
            assert_eq!(head(&[tag, 0]).is_none(), goes_on, "{tag:02x}");
        }
    }

    #[test]
    fn a_length_is_short_or_counted_or_indefinite() {
        let of = |bytes: &[u8]| head(bytes).map(|head| (head.header, head.content));
        assert_eq!(of(&[0x30, 0x7f]), Some((2, Some(127))));
        assert_eq!(of(&[0x30, 0x81, 0x80]), Some((3, Some(128))));
        assert_eq!(of(&[0x30, 0x82, 0x12, 0x34]), Some((4, Some(0x1234))));
        assert_eq!(of(&[0x30, 0x84, 1, 2, 3, 4]), Some((6, Some(0x0102_0304))));
        assert_eq!(of(&[0x30, 0x80]), Some((2, None)));
        assert_eq!(of(&[0x30, 0x85, 0, 0, 0, 0, 1]), None);
        assert_eq!(of(&[0x30, 0x82, 1]), None);
    }
}
