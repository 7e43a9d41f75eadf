//! The certificates that count for an instance, by their hashes, and what an upload comes to beside them.

use super::Purpose;
use crate::domain::hash::Sha256;

/// The hashes of the certificates that count for an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PinHashes {
    /// What its endpoint shall use now.
    pub current: Option<Sha256>,
    /// What is handed out beforehand, for a renewal to come.
    pub next: Option<Sha256>,
}

/// What an upload comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It becomes the pin of its purpose.
    Accepted,
    /// It is that already: nothing is to be written.
    Unchanged,
    /// Wanted as the next one, it is the current pin. Taken, it would silently end that pin: from then on whatever the
    /// endpoint shows would be let in.
    AlreadyCurrent,
}

impl PinHashes {
    /// The pin of a purpose.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Option<Sha256> {
        match purpose {
            Purpose::Current => self.current,
            Purpose::Next => self.next,
        }
    }

    /// What an upload of this certificate for this purpose comes to.
    #[must_use]
    pub fn accept(&self, upload: Sha256, purpose: Purpose) -> Acceptance {
        if self.of(purpose) == Some(upload) {
            Acceptance::Unchanged
        } else if purpose == Purpose::Next && self.current == Some(upload) {
            Acceptance::AlreadyCurrent
        } else {
            Acceptance::Accepted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_becomes_the_pin_of_its_purpose_unless_it_is_one() {
        let (one, two, three) = (Sha256::of(b"1"), Sha256::of(b"2"), Sha256::of(b"3"));
        let pins = PinHashes {
            current: Some(one),
            next: Some(two),
        };
        let cases = [
            (one, Purpose::Current, Acceptance::Unchanged),
            (two, Purpose::Current, Acceptance::Accepted),
            (three, Purpose::Current, Acceptance::Accepted),
            (one, Purpose::Next, Acceptance::AlreadyCurrent),
            (two, Purpose::Next, Acceptance::Unchanged),
            (three, Purpose::Next, Acceptance::Accepted),
        ];
        for (upload, purpose, wanted) in cases {
            assert_eq!(pins.accept(upload, purpose), wanted, "{upload} {purpose:?}");
        }
        let none = PinHashes::default();
        assert_eq!(none.accept(one, Purpose::Next), Acceptance::Accepted);
    }
}
