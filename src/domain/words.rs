//! The words of closed lists: each enum derives them, for the wire by serde, for columns and texts by strum.

/// `as_str`, `ALL` and `parse` of an enum that derives strum's `IntoStaticStr`, `VariantArray` and `EnumString`; `as_str` alone, with
/// the first of them, where variants hold more.
macro_rules! words {
    ($list:ty: as_str) => {
        impl $list {
            /// The word, as columns and the wire have it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }
    };
    ($list:ty) => {
        words!($list: as_str);

        impl $list {
            /// All of them, in the order they are documented in.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            /// Reads the word back; none for one that this release does not know.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use crate::domain::certificate::{Purpose, Source, WeaknessPolicy};
    use crate::domain::credential::CredentialKind;
    use crate::domain::failure::FailureClass;
    use crate::domain::finding::Code;
    use crate::domain::job::{FailureCode, JobKind, JobState};
    use crate::domain::pair::{OperatingMode, Role};
    use crate::domain::step::StepOutcome;
    use crate::domain::trust::{Admits, Configured, InPlace};

    fn agree<T: Serialize>(all: &[T], as_str: impl Fn(&T) -> &'static str) {
        for word in all {
            assert_eq!(serde_json::json!(word), as_str(word));
        }
    }

    /// Two derives make the words; a variant renamed for one of them would be stored as something that is not shown.
    #[test]
    fn columns_and_the_wire_have_the_same_words() {
        macro_rules! lists {
            ($($list:ty),+ $(,)?) => {$(
                agree(<$list>::ALL, |word| word.as_str());
                assert!(<$list>::ALL.iter().all(|w| <$list>::parse(w.as_str()) == Some(*w)));
            )+};
        }
        lists!(
            Purpose,
            Source,
            WeaknessPolicy,
            CredentialKind,
            FailureClass,
            Code,
            FailureCode,
            JobKind,
            JobState,
            OperatingMode,
            Role,
            StepOutcome,
            Admits,
            Configured,
            InPlace,
        );
    }
}
