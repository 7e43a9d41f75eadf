//! The words of closed lists: each enum derives them, for the wire by serde, for columns and texts by strum.

/// `ALL`, `as_str` and `parse` of enums that derive strum's `VariantArray`, `IntoStaticStr` and `EnumString`.
macro_rules! words {
    ($($list:ty),+) => {$(
        impl $list {
            /// All of them, in the order they are documented in.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            /// The word, as columns and the wire have it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// Reads the word back; none for one that this release does not know.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

pub(crate) use words;
