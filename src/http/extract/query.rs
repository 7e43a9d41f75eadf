//! Query parameters: each known, each at most once, all refusals at once.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;

use super::tree::escape;
use crate::http::problem::{Faults, Problem, ProblemKind};

/// Each is looked at by itself, so there are not many.
const MAX_PARAMETERS: usize = 100;

/// The parameters of one operation.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

/// What an operation's parameters are read from; whatever nobody took is unknown.
#[derive(Debug, Default)]
pub struct Pairs {
    given: Vec<(String, String)>,
    faults: Faults,
    known: Vec<&'static str>,
}

/// A set of parameters that can be read.
pub trait ReadParameters: Sized {
    /// Takes every parameter it knows; what is wrong is reported to `pairs`, with any value standing in.
    fn read(pairs: &mut Pairs) -> Self;
}

/// For operations without parameters.
#[derive(Debug)]
pub struct NoParameters;

impl ReadParameters for NoParameters {
    fn read(_: &mut Pairs) -> Self {
        Self
    }
}

impl<A: ReadParameters, B: ReadParameters> ReadParameters for (A, B) {
    fn read(pairs: &mut Pairs) -> Self {
        (A::read(pairs), B::read(pairs))
    }
}

impl Pairs {
    /// Takes a parameter, at most once given.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let (mut mine, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.given)
            .into_iter()
            .partition(|(key, _)| key == name);
        self.given = rest;
        if mine.len() > 1 {
            self.refuse(name, "duplicate_parameter", "the parameter is given twice");
        }
        mine.pop().map(|(_, value)| value)
    }

    /// Takes a parameter and reads it; `wanted` says what it should have been.
    pub fn parse<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.take(name)?;
        let value = read(&text);
        if value.is_none() {
            self.refuse(name, "invalid_value", format!("wanted is {wanted}"));
        }
        value
    }

    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.faults
            .add(format!("/{}", escape(name)), code, detail.into());
    }

    /// Reads the parameters of `T` out of a query string's pairs.
    ///
    /// # Errors
    /// `invalid_parameter` with every fault.
    pub fn read<T: ReadParameters>(given: Vec<(String, String)>) -> Result<T, Problem> {
        if given.len() > MAX_PARAMETERS {
            return Err(Problem::new(
                ProblemKind::InvalidParameter,
                format!(
                    "found {} parameters; no operation takes more than {MAX_PARAMETERS}",
                    given.len()
                ),
            ));
        }
        let mut pairs = Self {
            given,
            ..Self::default()
        };
        let value = T::read(&mut pairs);
        let known = match pairs.known.as_slice() {
            [] => "this operation takes none".to_owned(),
            names => format!("known are {}", names.join(", ")),
        };
        for (name, _) in std::mem::take(&mut pairs.given) {
            pairs.refuse(
                &name,
                "unknown_parameter",
                format!("the parameter is not known here; {known}"),
            );
        }
        if pairs.faults.is_empty() {
            Ok(value)
        } else {
            Err(Problem::of(ProblemKind::InvalidParameter, pairs.faults))
        }
    }
}

impl<T: ReadParameters, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Pairs::read(given(&parts.uri)?).map(Self)
    }
}

/// The parameters of a request, decoded, as they were given.
///
/// # Errors
/// `invalid_parameter` when the query string cannot be decoded.
#[expect(
    clippy::disallowed_types,
    reason = "reads the syntax of the query string; what stands in it is checked by `Parameters`"
)]
pub fn given(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    axum::extract::Query::try_from_uri(uri)
        .map(|given| given.0)
        .map_err(|_| {
            Problem::new(
                ProblemKind::InvalidParameter,
                "the query string cannot be read",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(Option<u8>);

    impl ReadParameters for One {
        fn read(pairs: &mut Pairs) -> Self {
            Self(pairs.parse("n", "a small number", |t| t.parse().ok()))
        }
    }

    fn read(given: &[(&str, &str)]) -> Result<One, Problem> {
        Pairs::read(
            given
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn all_faults_are_told_at_once() {
        assert_eq!(read(&[("n", "5")]).unwrap().0, Some(5));
        let problem = read(&[("n", "x"), ("n", "500"), ("m/", "1")])
            .err()
            .unwrap();
        let codes: Vec<_> = problem
            .errors()
            .iter()
            .map(|f| (f.pointer.as_str(), f.code))
            .collect();
        assert_eq!(
            codes,
            [
                ("/n", "duplicate_parameter"),
                ("/n", "invalid_value"),
                ("/m~1", "unknown_parameter")
            ]
        );
    }
}
