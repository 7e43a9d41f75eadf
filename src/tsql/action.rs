//! One action as the T-SQL that carries it out. How actions become a batch lives in `apply`.

use std::collections::BTreeMap;

use super::quote::{Binary, Ident, Literal};
use super::throws::FILE_MISMATCH;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::hash::Sha256;
use crate::domain::object_name::{ObjectName, SysName};

/// The DER bytes of certificates, by their identity.
pub type CertificateBytes = BTreeMap<Sha256, Vec<u8>>;

/// An import whose bytes were not handed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the bytes of certificate {sha256} are not at hand; wanted are those of every certificate the plan imports"
)]
pub struct MissingBytes {
    pub sha256: Sha256,
}

/// The statements of `action`; `None` where there is nothing to do.
///
/// `ordinal` numbers the variables, so that one batch can hold many actions.
///
/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn statement(
    action: &Action,
    ordinal: usize,
    bytes: &CertificateBytes,
) -> Result<Option<String>, MissingBytes> {
    Ok(match action {
        Action::Adopt { .. } => None,
        Action::CreateLogin { login } => Some(create_login(login, ordinal)),
        Action::CreateUser { user, login } => Some(create_user(user, login)),
        Action::ImportCertificate {
            certificate,
            owner,
            sha256,
            from,
            ..
        } => {
            let der = bytes.get(sha256).ok_or(MissingBytes { sha256: *sha256 })?;
            Some(import(certificate, owner, der, from))
        }
        Action::GrantConnect { endpoint, login } => Some(grant_connect(endpoint, login)),
    })
}

/// A password made on the server and known to nobody: 256 random bits, and one character of each class a policy asks
/// for. Characters to begin with, and the expression that gives the rest.
///
/// A policy refuses a password that contains the login's name. So one character of that name is kept out of it: no
/// digit of the bits may be it (another letter stands in, which loses nothing), and the fixed characters are chosen
/// without it.
pub(in crate::tsql) fn password(login: &str) -> (&'static str, String) {
    let avoided = login.chars().next().unwrap_or('#').to_ascii_uppercase();
    let fixed = if "KX7~".contains(avoided) {
        "Rw4!"
    } else {
        "Kx7~"
    };
    let mut random = "CONVERT(nvarchar(64), CRYPT_GEN_RANDOM(32), 2)".to_owned();
    if avoided.is_ascii_hexdigit() {
        random = format!("REPLACE({random}, N'{avoided}', N'z')");
    }
    (fixed, random)
}

fn create_login(login: &ObjectName, ordinal: usize) -> String {
    let (fixed, random) = password(login.as_str());
    let before = format!("CREATE LOGIN {} WITH PASSWORD = N'", Ident::from(login));
    format!(
        "DECLARE @p{ordinal} nvarchar(128) = N'{fixed}' + {random};\n\
         DECLARE @s{ordinal} nvarchar(max) = {} + @p{ordinal} + {};\n\
         EXEC (@s{ordinal});",
        Literal::new(&before),
        Literal::new("', CHECK_POLICY = ON, CHECK_EXPIRATION = OFF;"),
    )
}

fn create_user(user: &ObjectName, login: &SysName) -> String {
    format!(
        "CREATE USER {} FOR LOGIN {};",
        Ident::from(user),
        Ident::from(login)
    )
}

fn import(certificate: &ObjectName, owner: &SysName, der: &[u8], from: &ImportFrom) -> String {
    let create = format!(
        "CREATE CERTIFICATE {} AUTHORIZATION {}",
        Ident::from(certificate),
        Ident::from(owner)
    );
    let der = Binary::new(der);
    match from {
        ImportFrom::Binary => format!("{create}\n    FROM BINARY = {der};"),
        // Whoever can write that file chooses what is imported: the bytes decide, and THROW takes the transaction back.
        ImportFrom::File { path } => format!(
            "{create}\n    FROM FILE = {};\n\
             IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {} AND CERTENCODED(certificate_id) = {der})\n\
             BEGIN\n    ;THROW {FILE_MISMATCH}, {}, 1;\nEND;",
            Literal::new(path),
            Literal::from(certificate),
            Literal::new("the file holds another certificate than the one wanted"),
        ),
    }
}

fn grant_connect(endpoint: &SysName, login: &SysName) -> String {
    format!(
        "GRANT CONNECT ON ENDPOINT::{} TO {};",
        Ident::from(endpoint),
        Ident::from(login)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> String {
        create_login(&ObjectName::parse(name).unwrap(), 3)
    }

    #[test]
    fn no_password_can_contain_its_logins_name() {
        for name in [
            "A",
            "f0",
            "7~",
            "k",
            "~",
            "7",
            "0000",
            "K",
            "x",
            "HOST_B_login",
        ] {
            let text = login(name);
            let first = name.chars().next().unwrap().to_ascii_uppercase();
            let fixed = text
                .split("= N'")
                .nth(1)
                .unwrap()
                .split('\'')
                .next()
                .unwrap();
            assert_eq!(fixed.len(), 4);
            assert!(!fixed.to_ascii_uppercase().contains(first), "{text}");
            assert_eq!(
                text.contains(&format!(", N'{first}', N'z')")),
                first.is_ascii_hexdigit(),
                "{text}"
            );
        }
    }

    #[test]
    fn the_fixed_characters_are_of_all_four_classes() {
        for name in ["HOST_B_login", "Kx"] {
            let text = login(name);
            let fixed = text.split("= N'").nth(1).unwrap();
            let has = |class: fn(&char) -> bool| fixed.chars().take(4).any(|c| class(&c));
            assert!(has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase));
            assert!(has(char::is_ascii_digit) && has(char::is_ascii_punctuation));
        }
    }

    #[test]
    fn a_hostile_login_is_quoted_twice() {
        let text = login("x]'y");
        assert!(
            text.contains(
                "= N'CREATE LOGIN [x]]''y] WITH PASSWORD = N''' + @p3 + N''', CHECK_POLICY"
            ),
            "{text}"
        );
    }

    #[test]
    fn the_bytes_of_a_file_are_compared() {
        let certificate = ObjectName::parse("c").unwrap();
        let owner = SysName::observed("u").unwrap();
        let from = ImportFrom::File {
            path: r"C:\certs\o'b.cer".to_owned(),
        };
        let text = import(&certificate, &owner, &[0xAB], &from);
        assert!(text.contains(r"FROM FILE = N'C:\certs\o''b.cer'"), "{text}");
        assert!(
            text.contains("CERTENCODED(certificate_id) = 0xAB)"),
            "{text}"
        );
        assert!(text.contains("THROW 50001, "), "{text}");
        assert!(!import(&certificate, &owner, &[0xAB], &ImportFrom::Binary).contains("THROW"));
    }

    #[test]
    fn an_import_without_its_bytes_is_an_error() {
        let sha256 = Sha256::of(b"x");
        let action = Action::ImportCertificate {
            certificate: ObjectName::parse("c").unwrap(),
            owner: SysName::observed("u").unwrap(),
            sha256,
            thumbprint: crate::domain::hash::Thumbprint::of(b"x"),
            from: ImportFrom::Binary,
        };
        assert_eq!(
            statement(&action, 1, &CertificateBytes::new()),
            Err(MissingBytes { sha256 })
        );
    }
}
