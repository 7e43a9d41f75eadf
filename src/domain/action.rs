//! Actions: the closed list of changes mirrorgate can make to an instance.

use serde::{Deserialize, Serialize};

use super::hash::{Sha256, Thumbprint};
use super::object_name::{ObjectName, SysName};

/// One change to one instance, or `adopt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Nothing to do: the whole chain is there, with these names.
    Adopt {
        login: SysName,
        user: SysName,
        certificate: SysName,
    },
    CreateLogin {
        login: ObjectName,
    },
    CreateUser {
        user: ObjectName,
        login: SysName,
    },
    ImportCertificate {
        certificate: ObjectName,
        owner: SysName,
        sha256: Sha256,
        thumbprint: Thumbprint,
        from: ImportFrom,
    },
    GrantConnect {
        endpoint: SysName,
        login: SysName,
    },
}

/// Where the acceptor takes the bytes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFrom {
    /// The bytes of the certificate of this hash, as a literal in the batch.
    Binary,
    /// A file as the acceptor sees it; its bytes are compared after the import.
    File { path: String },
}

impl Action {
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Adopt { .. } => "adopt",
            Self::CreateLogin { .. } => "create_login",
            Self::CreateUser { .. } => "create_user",
            Self::ImportCertificate { .. } => "import_certificate",
            Self::GrantConnect { .. } => "grant_connect",
        }
    }

    #[must_use]
    pub fn is_import(&self) -> bool {
        matches!(self, Self::ImportCertificate { .. })
    }

    #[must_use]
    pub fn changes_something(&self) -> bool {
        !matches!(self, Self::Adopt { .. })
    }

    /// The action in words, as a dry run shows it.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Adopt {
                login,
                user,
                certificate,
            } => format!("adopt login [{login}], user [{user}], certificate [{certificate}]"),
            Self::CreateLogin { login } => format!("create login [{login}]"),
            Self::CreateUser { user, login } => format!("create user [{user}] for login [{login}]"),
            Self::ImportCertificate {
                certificate,
                owner,
                thumbprint,
                from,
                ..
            } => {
                let source = match from {
                    ImportFrom::Binary => String::new(),
                    ImportFrom::File { path } => format!(" from file {path}"),
                };
                format!("import SHA-1 {thumbprint} as [{certificate}], owned by [{owner}]{source}")
            }
            Self::GrantConnect { endpoint, login } => {
                format!("grant CONNECT on [{endpoint}] to [{login}]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name<N: TryFrom<String>>(text: &str) -> N {
        let Ok(name) = N::try_from(text.to_owned()) else {
            panic!("{text}")
        };
        name
    }

    #[test]
    fn each_action_says_what_it_does_to_which_objects() {
        let import = |from| Action::ImportCertificate {
            certificate: name("B_cert"),
            owner: name("B_user"),
            sha256: Sha256::of(b""),
            thumbprint: Thumbprint::of(b""),
            from,
        };
        let imported =
            "import SHA-1 DA39A3EE5E6B4B0D3255BFEF95601890AFD80709 as [B_cert], owned by [B_user]";
        let path = "/certs/B.cer".to_owned();
        for (action, words) in [
            (
                Action::Adopt {
                    login: name("l"),
                    user: name("u"),
                    certificate: name("c"),
                },
                "adopt login [l], user [u], certificate [c]".to_owned(),
            ),
            (
                Action::CreateLogin { login: name("l") },
                "create login [l]".to_owned(),
            ),
            (
                Action::CreateUser {
                    user: name("u"),
                    login: name("l"),
                },
                "create user [u] for login [l]".to_owned(),
            ),
            (import(ImportFrom::Binary), imported.to_owned()),
            (
                import(ImportFrom::File { path }),
                format!("{imported} from file /certs/B.cer"),
            ),
            (
                Action::GrantConnect {
                    endpoint: name("Mirroring"),
                    login: name("l"),
                },
                "grant CONNECT on [Mirroring] to [l]".to_owned(),
            ),
        ] {
            assert_eq!(action.describe(), words);
        }
    }
}
