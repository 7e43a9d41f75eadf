//! Password policy, in the words of Windows or of SQL Server itself (Linux).

use crate::engine::errors::{Outcome, Raise};
use crate::engine::state::version::Platform;

/// What the policy demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordPolicy {
    pub minimum_length: usize,
    pub maximum_length: usize,
    /// Three of the four classes, and not the login's name.
    pub complex: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            maximum_length: 128,
            complex: true,
        }
    }
}

/// Checks `password` for `login`.
///
/// # Errors
/// 15116 to 15118 on Windows, 33062 to 33064 on Linux.
pub fn check(
    policy: PasswordPolicy,
    platform: Platform,
    login: &str,
    password: &str,
) -> Outcome<()> {
    let length = password.encode_utf16().count();
    let (minimum, maximum) = (policy.minimum_length, policy.maximum_length);
    let linux = platform == Platform::Linux;
    let windows = |number: i32, why: &str| {
        Raise::new(
            number,
            16,
            format!(
                "Password validation failed. The password does not meet the operating system policy requirements because it is {why}."
            ),
        )
    };
    let own = |number: i32, why: String| {
        Raise::new(
            number,
            16,
            format!(
                "Password validation failed. The password does not meet SQL Server password policy requirements because it is {why}"
            ),
        )
    };
    if length < minimum {
        return Err(if linux {
            own(
                33062,
                format!("too short. The password must be at least {minimum} characters."),
            )
        } else {
            windows(15116, "too short")
        });
    }
    if length > maximum {
        return Err(if linux {
            own(
                33063,
                format!("too long. The password must be at most {maximum} characters."),
            )
        } else {
            windows(15117, "too long")
        });
    }
    if policy.complex && !complex(login, password) {
        return Err(if linux {
            own(33064, format!("not complex enough. The password must be at least {minimum} characters long and contain characters from three of the following four sets: Uppercase letters, Lowercase letters, Base 10 digits, and Symbols.")).with_state(2)
        } else {
            windows(15118, "not complex enough")
        });
    }
    Ok(())
}

fn complex(login: &str, password: &str) -> bool {
    let has = |test: fn(char) -> bool| usize::from(password.chars().any(test));
    let classes = has(char::is_uppercase)
        + has(char::is_lowercase)
        + has(|c| c.is_ascii_digit())
        + has(|c| !c.is_alphanumeric());
    let named =
        login.chars().count() >= 3 && password.to_lowercase().contains(&login.to_lowercase());
    classes >= 3 && !named
}
