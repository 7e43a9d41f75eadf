//! The DENYs that hold for mirrorgate's own log-in, as the catalog has them. No judgement of what they keep it from doing.

use serde::{Deserialize, Serialize};

use super::object_name::SysName;

/// A DENY that holds for mirrorgate's own log-in: on itself, on a role it is in, or on public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDeny {
    pub permission: PermissionName,
    pub on: DeniedOn,
    /// `principal_id` of whom it is on: of the server's, or of `master`'s where [`DeniedOn::Master`].
    pub grantee_principal_id: i32,
    /// `None` where this log-in does not see who that is.
    pub grantee: Option<SysName>,
}

impl OwnDeny {
    /// It takes rows out of the catalog.
    #[must_use]
    pub fn hides(&self) -> bool {
        let name = self.permission.as_str();
        name.starts_with("VIEW ") && name.ends_with("DEFINITION") || name.starts_with("CONTROL")
    }
}

/// A `permission_name`, as in `VIEW DEFINITION`: capital letters and single blanks, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PermissionName(String);

impl PermissionName {
    /// `None` for what no permission is called.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
        text.split(' ').all(is_word).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PermissionName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::observed(&text).ok_or_else(|| format!("{text:?} is no permission's name"))
    }
}

impl From<PermissionName> for String {
    fn from(name: PermissionName) -> Self {
        name.0
    }
}

impl std::fmt::Display for PermissionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a permission is denied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedOn {
    Server,
    /// The endpoint of this id, which the log-in may not see.
    Endpoint(i32),
    /// The server principal of this id, a login or a server role.
    Login(i32),
    /// Database `master`.
    Master,
    /// The principal of `master` of this id, a user or a role.
    User(i32),
    /// The certificate in `master` of this id.
    Certificate(i32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_permissions_name_is_taken_for_one() {
        for text in ["VIEW ANY DEFINITION", "CONTROL"] {
            assert_eq!(PermissionName::observed(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "CONTROL;",
            "view",
            "CONTROL  SERVER",
            " CONTROL",
            "CONTROL TO [x]",
        ] {
            assert!(PermissionName::observed(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_permissions_name_is_kept_as_it_was_observed() {
        let name = PermissionName::observed("VIEW ANY DEFINITION").unwrap();
        let kept = serde_json::to_value(&name).unwrap();
        assert_eq!(kept, "VIEW ANY DEFINITION");
        assert_eq!(
            serde_json::from_value::<PermissionName>(kept).unwrap(),
            name
        );
        assert!(serde_json::from_value::<PermissionName>("view".into()).is_err());
    }

    #[test]
    fn a_deny_of_seeing_definitions_or_of_control_takes_rows_out_of_the_catalog() {
        let cases = [
            ("VIEW DEFINITION", true),
            ("VIEW ANY DEFINITION", true),
            ("VIEW ANY SECURITY DEFINITION", true),
            ("CONTROL", true),
            ("CONTROL SERVER", true),
            ("VIEW SERVER STATE", false),
            ("VIEW ANY DATABASE", false),
            ("ALTER ANY DEFINITION", false),
            ("ALTER ANY LOGIN", false),
            ("CONNECT", false),
        ];
        for (permission, hides) in cases {
            let deny = OwnDeny {
                permission: PermissionName::observed(permission).unwrap(),
                on: DeniedOn::Server,
                grantee_principal_id: 2,
                grantee: None,
            };
            assert_eq!(deny.hides(), hides, "{permission}");
        }
    }
}
