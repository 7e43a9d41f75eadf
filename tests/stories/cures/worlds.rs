//! The states that raise a finding: one row each. `{A}`, `{B}` and `{X}` stand for the hosts' endpoint certificates.

use chrono::Duration;
use mirrorgate::domain::finding::Code;

use super::ground::Ground;

/// Whether T-SQL cures what has this code.
pub enum Wanted {
    Cured,
    Words(&'static str),
}

pub struct State {
    pub name: &'static str,
    pub subject: &'static str,
    pub code: Code,
    start: Start,
    /// Host and statement.
    on: &'static [(usize, &'static str)],
    /// Days that every server's clock goes on by afterwards.
    clocks: i64,
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// Nothing inbound anywhere.
    Bare,
    /// Both trusts in place.
    Configured,
    /// Nothing inbound, and mirrorgate has no more than it needs.
    Least,
    /// Both trusts in place, and mirrorgate has no more than it needs.
    LeastConfigured,
    /// Both trusts in place, and HOST_A lets a stranger in.
    Stranger,
}

use Start::{Bare, Configured, Least, LeastConfigured, Stranger};

const A: usize = 0;
const B: usize = 1;

pub async fn make(ground: &mut Ground, state: &State) {
    if matches!(state.start, Least | LeastConfigured) {
        ground.with_least_privilege().await;
    }
    if matches!(state.start, Configured | LeastConfigured | Stranger) {
        ground.follow(None).await;
    }
    if state.start == Stranger {
        ground.let_the_stranger_in().await;
    }
    ground.story.push(format!("— {}", state.name));
    for (host, sql) in state.on {
        if let Err(errors) = ground.run(*host, sql).await {
            panic!("{}: {sql}: {errors}", state.name);
        }
    }
    if state.clocks != 0 {
        ground.move_clocks(Duration::days(state.clocks));
    }
}

pub fn wanted(code: Code) -> Wanted {
    use Wanted::{Cured, Words};
    match code {
        Code::CertificateOwnedByDbo
        | Code::UserOrphaned
        | Code::NameTaken
        | Code::ConnectDenied
        | Code::PeerLoginPrivileged
        | Code::PeerLoginDisabled
        | Code::LoginOwnsEndpoint
        | Code::PermissionMissing
        | Code::NoEndpoint
        | Code::EndpointNotCertificate
        | Code::EndpointStopped
        | Code::EndpointRoleInsufficient
        | Code::EndpointAllowsRc4
        | Code::EndpointAllowsNoEncryption
        | Code::NoCommonAlgorithm
        | Code::NoMasterKey
        | Code::OwnCertificateWithoutKey
        | Code::OwnCertificateExpired
        | Code::OwnCertificateNotYetValid
        | Code::OwnCertificateExpiresSoon => Cured,
        Code::Unreachable | Code::TlsNotTrusted | Code::LoginRefused | Code::ObservationFailed => {
            Words("nothing can be run where nobody gets in")
        }
        Code::InstanceIdentityChanged
        | Code::InstanceNameDiffers
        | Code::SameServerTwice
        | Code::ConnectedThroughListener
        | Code::ServerRegisteredTwice
        | Code::EndpointPortDiffers
        | Code::TlsUnverified
        | Code::CertificateSourceUntrusted
        | Code::PinnedCertificateNotInUse => Words("the registration is what has to change"),
        Code::VersionTooOld
        | Code::EditionWitnessOnly
        | Code::AsynchronousNeedsEnterprise
        | Code::MirroringUnsupportedOnLinux
        | Code::PartnerVersionsDiffer
        | Code::PartnerEditionsDiffer => Words("another server is what it takes"),
        Code::MasterKeyNotOpenedByServer => Words("takes the master key's password"),
        Code::OwnCertificateUnusable => {
            Words("the simulator makes RSA only; the cure is that of an expired one")
        }
        Code::ClockSkew => Words("clocks are the operating system's"),
        Code::SharedEndpointCertificate | Code::CertificateOfTwoInstances => {
            Words("another certificate for the peer: by the renewal of an own certificate")
        }
        Code::IssuerSerialTaken => {
            Words("the peer needs another certificate, with a serial of its own")
        }
        Code::NextCertificateUnusable => Words("another upload, or time, is what it takes"),
        Code::FileMismatch => Words("the file is what has to change"),
        Code::EndpointInUse => Words("a quiet hour, or if_endpoint_in_use"),
        Code::NextCertificateInUse => Words("nothing is wrong"),
        Code::DdlTriggerPresent => Words("somebody else's trigger"),
        Code::SupersededCertificate => Words("a drop nobody needs for green: proven with its rule"),
        Code::PeerPrivateKeyHeld => {
            Words("another certificate for the peer, whose key never leaves it")
        }
        Code::EndpointPortClash => Words("partners dial the port that SET PARTNER names"),
        Code::ConnectLostWhileConnected => Words(
            "a GRANT like the plan's own: proven with its rule, no fleet here has live sessions",
        ),
        Code::WeakCertificate => {
            Words("another certificate for the peer: by the renewal of an own certificate")
        }
    }
}

const fn state(
    name: &'static str,
    subject: &'static str,
    code: Code,
    start: Start,
    on: &'static [(usize, &'static str)],
) -> State {
    State {
        name,
        subject,
        code,
        start,
        on,
        clocks: 0,
    }
}

const fn later(mut state: State, days: i64) -> State {
    state.clocks = days;
    state
}

pub const STATES: &[State] = &[
    state(
        "dbo owns it, nothing else is there",
        "owners",
        Code::CertificateOwnedByDbo,
        Bare,
        &[(A, "CREATE CERTIFICATE [B] FROM BINARY = 0x{B}")],
    ),
    state(
        "dbo owns it, the wanted names are there",
        "owners",
        Code::CertificateOwnedByDbo,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (A, "CREATE USER [someone] FOR LOGIN [HOST_B_login]"),
            (A, "CREATE CERTIFICATE [HOST_B_cert] FROM BINARY = 0x{B}"),
        ],
    ),
    state(
        "dbo owns it, the wanted login is in a role that is kept out",
        "owners",
        Code::CertificateOwnedByDbo,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (A, "CREATE SERVER ROLE [quarantine]"),
            (
                A,
                "ALTER SERVER ROLE [quarantine] ADD MEMBER [HOST_B_login]",
            ),
            (
                A,
                "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [quarantine]",
            ),
            (A, "CREATE CERTIFICATE [B] FROM BINARY = 0x{B}"),
        ],
    ),
    state(
        "dbo owns it, and public is kept out",
        "owners",
        Code::CertificateOwnedByDbo,
        Bare,
        &[
            (A, "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO public"),
            (A, "CREATE CERTIFICATE [B] FROM BINARY = 0x{B}"),
        ],
    ),
    state(
        "dbo owns it, the wanted user's name is a role's",
        "owners",
        Code::CertificateOwnedByDbo,
        Bare,
        &[
            (A, "CREATE ROLE [HOST_B_user]"),
            (A, "CREATE CERTIFICATE [B] FROM BINARY = 0x{B}"),
        ],
    ),
    state(
        "the owner's login is gone",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'"),
            (A, "CREATE USER [HOST_B_user] FOR LOGIN [gone]"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
            (A, "DROP LOGIN [gone]"),
        ],
    ),
    state(
        "the owner's login is gone, the wanted login is there",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'"),
            (A, "CREATE USER [u] FOR LOGIN [gone]"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [u] FROM BINARY = 0x{B}",
            ),
            (A, "DROP LOGIN [gone]"),
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
        ],
    ),
    state(
        "the owner's login is gone, the wanted login is a sysadmin",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'"),
            (A, "CREATE USER [u] FOR LOGIN [gone]"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [u] FROM BINARY = 0x{B}",
            ),
            (A, "DROP LOGIN [gone]"),
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (A, "ALTER SERVER ROLE [sysadmin] ADD MEMBER [HOST_B_login]"),
        ],
    ),
    state(
        "the owner was made without a login",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE USER [HOST_B_user] WITHOUT LOGIN"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
        ],
    ),
    state(
        "the owner was made without a login, the wanted login is there",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE USER [HOST_B_user] WITHOUT LOGIN"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
        ],
    ),
    state(
        "the owner's Windows login is gone",
        "owners",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [CORP\\b] FROM WINDOWS"),
            (A, "CREATE USER [HOST_B_user] FOR LOGIN [CORP\\b]"),
            (
                A,
                "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
            (A, "DROP LOGIN [CORP\\b]"),
        ],
    ),
    state(
        "the wanted user has lost its login",
        "names",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'"),
            (A, "CREATE USER [HOST_B_user] FOR LOGIN [gone]"),
            (A, "DROP LOGIN [gone]"),
        ],
    ),
    state(
        "the wanted user has lost its login, the wanted login is there",
        "names",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'"),
            (A, "CREATE USER [HOST_B_user] FOR LOGIN [gone]"),
            (A, "DROP LOGIN [gone]"),
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
        ],
    ),
    state(
        "the wanted user was made without a login",
        "names",
        Code::UserOrphaned,
        Bare,
        &[(A, "CREATE USER [HOST_B_user] WITHOUT LOGIN")],
    ),
    state(
        "the wanted user was made without a login, the wanted login is there",
        "names",
        Code::UserOrphaned,
        Bare,
        &[
            (A, "CREATE USER [HOST_B_user] WITHOUT LOGIN"),
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
        ],
    ),
    state(
        "the wanted user's name is another login's",
        "names",
        Code::NameTaken,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [other] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (A, "CREATE USER [HOST_B_user] FOR LOGIN [other]"),
        ],
    ),
    state(
        "the wanted user's name is a role's",
        "names",
        Code::NameTaken,
        Bare,
        &[(A, "CREATE ROLE [HOST_B_user]")],
    ),
    state(
        "the wanted login's name is a server role's",
        "names",
        Code::NameTaken,
        Bare,
        &[(A, "CREATE SERVER ROLE [HOST_B_login]")],
    ),
    state(
        "the wanted login is a certificate's",
        "names",
        Code::NameTaken,
        Bare,
        &[
            (A, "CREATE CERTIFICATE [signing] WITH SUBJECT = N'signing'"),
            (A, "CREATE LOGIN [HOST_B_login] FROM CERTIFICATE [signing]"),
        ],
    ),
    state(
        "the wanted certificate's name is an own one's",
        "names",
        Code::NameTaken,
        Bare,
        &[(
            A,
            "CREATE CERTIFICATE [host_b_CERT] WITH SUBJECT = N'backups'",
        )],
    ),
    state(
        "the wanted certificate's name is a stranger's",
        "names",
        Code::NameTaken,
        Stranger,
        &[
            (A, "DROP CERTIFICATE [xc]"),
            (A, "DROP CERTIFICATE [HOST_B_cert]"),
            (
                A,
                "CREATE CERTIFICATE [HOST_B_cert] AUTHORIZATION [xu] FROM BINARY = 0x{X}",
            ),
        ],
    ),
    state(
        "the wanted login owns the endpoint",
        "names",
        Code::NameTaken,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (
                A,
                "ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
        ],
    ),
    state(
        "the peer's login is mirrorgate's own",
        "names",
        Code::NameTaken,
        Least,
        &[(
            A,
            "CREATE CERTIFICATE [B] AUTHORIZATION [mirrorgate] FROM BINARY = 0x{B}",
        )],
    ),
    state(
        "the peer's login is disabled",
        "logins",
        Code::PeerLoginDisabled,
        Configured,
        &[(A, "ALTER LOGIN [HOST_B_login] DISABLE")],
    ),
    state(
        "CONNECT SQL is denied to the peer's login",
        "logins",
        Code::PeerLoginDisabled,
        Configured,
        &[(A, "DENY CONNECT SQL TO [HOST_B_login]")],
    ),
    state(
        "the peer's login has lost CONNECT SQL",
        "logins",
        Code::PeerLoginDisabled,
        Configured,
        &[(A, "REVOKE CONNECT SQL FROM [HOST_B_login]")],
    ),
    state(
        "CONNECT is denied to the login",
        "denies",
        Code::ConnectDenied,
        Configured,
        &[(
            A,
            "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
        )],
    ),
    state(
        "CONNECT is denied to a login without a chain",
        "denies",
        Code::ConnectDenied,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (
                A,
                "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
        ],
    ),
    state(
        "CONNECT is denied to public",
        "denies",
        Code::ConnectDenied,
        Configured,
        &[(A, "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO public")],
    ),
    state(
        "CONNECT is denied to a role of a role",
        "denies",
        Code::ConnectDenied,
        Configured,
        &[
            (A, "CREATE SERVER ROLE [inner]"),
            (A, "CREATE SERVER ROLE [outer]"),
            (A, "ALTER SERVER ROLE [outer] ADD MEMBER [inner]"),
            (A, "ALTER SERVER ROLE [inner] ADD MEMBER [HOST_B_login]"),
            (A, "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [outer]"),
        ],
    ),
    state(
        "CONTROL on the endpoint is denied",
        "denies",
        Code::ConnectDenied,
        Configured,
        &[(
            A,
            "DENY CONTROL ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
        )],
    ),
    state(
        "CONTROL SERVER is denied",
        "denies",
        Code::ConnectDenied,
        Configured,
        &[(A, "DENY CONTROL SERVER TO [HOST_B_login]")],
    ),
    state(
        "the peer's login is a sysadmin",
        "logins",
        Code::PeerLoginPrivileged,
        Configured,
        &[(A, "ALTER SERVER ROLE [sysadmin] ADD MEMBER [HOST_B_login]")],
    ),
    state(
        "the peer's login has CONTROL SERVER, and others live on it",
        "logins",
        Code::PeerLoginPrivileged,
        Stranger,
        &[(A, "GRANT CONTROL SERVER TO [HOST_B_login]")],
    ),
    state(
        "the wanted login of a new chain is a sysadmin",
        "logins",
        Code::PeerLoginPrivileged,
        Bare,
        &[
            (
                A,
                "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (A, "ALTER SERVER ROLE [sysadmin] ADD MEMBER [HOST_B_login]"),
        ],
    ),
    state(
        "the peer's login owns the endpoint, and others live on its grants",
        "logins",
        Code::LoginOwnsEndpoint,
        Stranger,
        &[
            (
                A,
                "ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
            (
                A,
                "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [xl] WITH GRANT OPTION",
            ),
            (
                A,
                "CREATE LOGIN [watcher] WITH PASSWORD = N'Chosen-by-hand-1'",
            ),
            (
                A,
                "GRANT VIEW DEFINITION ON ENDPOINT::Endpoint_Mirroring TO [watcher]",
            ),
        ],
    ),
    later(
        state(
            "own certificates expired",
            "own_certificates",
            Code::OwnCertificateExpired,
            Configured,
            &[],
        ),
        400,
    ),
    later(
        state(
            "own certificates expired before anybody had them",
            "own_certificates",
            Code::OwnCertificateExpired,
            Bare,
            &[],
        ),
        400,
    ),
    later(
        state(
            "own certificates not yet valid",
            "own_certificates",
            Code::OwnCertificateNotYetValid,
            Configured,
            &[],
        ),
        -30,
    ),
    later(
        state(
            "own certificates end soon",
            "own_certificates",
            Code::OwnCertificateExpiresSoon,
            Configured,
            &[],
        ),
        350,
    ),
    later(
        state(
            "own certificates end soon, today's renewal has been made once before",
            "own_certificates",
            Code::OwnCertificateExpiresSoon,
            Configured,
            &[(
                B,
                "DECLARE @s nvarchar(max) = N'CREATE CERTIFICATE [HOST_B_cert_' + CONVERT(nvarchar(8), SYSUTCDATETIME(), 112) + N'] WITH SUBJECT = N''bad'', START_DATE = N''20200101'', EXPIRY_DATE = N''20400101'';'; EXEC (@s);",
            )],
        ),
        350,
    ),
    state(
        "the own certificate has lost its key",
        "own_certificates",
        Code::OwnCertificateWithoutKey,
        Configured,
        &[(B, "ALTER CERTIFICATE [HOST_B_cert] REMOVE PRIVATE KEY")],
    ),
    state(
        "the own certificate's key is under a password",
        "own_certificates",
        Code::OwnCertificateWithoutKey,
        Configured,
        &[(
            B,
            "ALTER CERTIFICATE [HOST_B_cert] WITH PRIVATE KEY (ENCRYPTION BY PASSWORD = N'Chosen-by-hand-1')",
        )],
    ),
    state(
        "no endpoint, the certificate is there",
        "outbound",
        Code::NoEndpoint,
        Configured,
        &[(B, "DROP ENDPOINT Endpoint_Mirroring")],
    ),
    state(
        "no endpoint, another one has its name",
        "outbound",
        Code::NoEndpoint,
        Bare,
        &[
            (B, "DROP ENDPOINT Endpoint_Mirroring"),
            (B, "DROP CERTIFICATE [HOST_B_cert]"),
            (
                B,
                "CREATE CERTIFICATE [HOST_B_cert] WITH SUBJECT = N'somebody else'",
            ),
        ],
    ),
    state(
        "nothing outbound at all",
        "outbound",
        Code::NoMasterKey,
        Bare,
        &[
            (B, "DROP ENDPOINT Endpoint_Mirroring"),
            (B, "DROP CERTIFICATE [HOST_B_cert]"),
            (B, "DROP MASTER KEY"),
        ],
    ),
    state(
        "the endpoint authenticates by Windows alone",
        "outbound",
        Code::EndpointNotCertificate,
        Configured,
        &[(
            B,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS KERBEROS)",
        )],
    ),
    state(
        "the endpoint authenticates by Windows, and its certificate is gone",
        "outbound",
        Code::EndpointNotCertificate,
        Bare,
        &[
            (
                B,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS NTLM)",
            ),
            (B, "DROP CERTIFICATE [HOST_B_cert]"),
        ],
    ),
    state(
        "the endpoint is stopped",
        "endpoints",
        Code::EndpointStopped,
        Configured,
        &[(B, "ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED")],
    ),
    state(
        "the endpoint is disabled",
        "endpoints",
        Code::EndpointStopped,
        Configured,
        &[(B, "ALTER ENDPOINT Endpoint_Mirroring STATE = DISABLED")],
    ),
    state(
        "the endpoint is a witness's",
        "endpoints",
        Code::EndpointRoleInsufficient,
        Configured,
        &[(
            B,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ROLE = WITNESS)",
        )],
    ),
    state(
        "AES and RC4",
        "endpoints",
        Code::EndpointAllowsRc4,
        Configured,
        &[(
            B,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4 AES)",
        )],
    ),
    state(
        "RC4 alone on both",
        "endpoints",
        Code::EndpointAllowsRc4,
        Configured,
        &[
            (
                A,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            ),
            (
                B,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            ),
        ],
    ),
    state(
        "no encryption is allowed on both",
        "endpoints",
        Code::EndpointAllowsNoEncryption,
        Configured,
        &[
            (
                A,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
            ),
            (
                B,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM RC4)",
            ),
        ],
    ),
    state(
        "AES here, RC4 there",
        "endpoints",
        Code::NoCommonAlgorithm,
        Configured,
        &[(
            B,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
        )],
    ),
    state(
        "RC4 here, nothing there",
        "endpoints",
        Code::NoCommonAlgorithm,
        Configured,
        &[
            (
                A,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            ),
            (
                B,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
            ),
        ],
    ),
    state(
        "every permission is missing",
        "permissions",
        Code::PermissionMissing,
        Least,
        &[
            (A, "REVOKE ALTER ANY LOGIN FROM [mirrorgate]"),
            (A, "REVOKE ALTER ANY ENDPOINT FROM [mirrorgate]"),
            (A, "REVOKE VIEW ANY DEFINITION FROM [mirrorgate]"),
            (A, "REVOKE CONTROL ON DATABASE::master FROM [mirrorgate]"),
        ],
    ),
    state(
        "no user in master, its name is taken",
        "permissions",
        Code::PermissionMissing,
        Least,
        &[
            (A, "DROP USER [mirrorgate]"),
            (A, "CREATE ROLE [mirrorgate]"),
        ],
    ),
    state(
        "what is needed is denied",
        "permissions",
        Code::PermissionMissing,
        Least,
        &[
            (A, "DENY ALTER ANY LOGIN TO [mirrorgate]"),
            (A, "DENY ALTER ANY ENDPOINT TO [mirrorgate]"),
            (A, "DENY CONTROL TO [mirrorgate]"),
        ],
    ),
    state(
        "denied VIEW ANY DEFINITION",
        "permissions",
        Code::PermissionMissing,
        Least,
        &[(A, "DENY VIEW ANY DEFINITION TO [mirrorgate]")],
    ),
    state(
        "denied VIEW ANY DEFINITION by a role, with the trusts in place",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[
            (A, "CREATE SERVER ROLE [auditors]"),
            (A, "ALTER SERVER ROLE [auditors] ADD MEMBER [mirrorgate]"),
            (A, "DENY VIEW ANY DEFINITION TO [auditors]"),
        ],
    ),
    state(
        "denied VIEW DEFINITION in master",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[(A, "DENY VIEW DEFINITION TO [mirrorgate]")],
    ),
    state(
        "the endpoint is hidden",
        "permissions",
        Code::PermissionMissing,
        Least,
        &[(
            A,
            "DENY VIEW DEFINITION ON ENDPOINT::Endpoint_Mirroring TO [mirrorgate]",
        )],
    ),
    state(
        "the endpoint is hidden by a role, with the trusts in place",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[
            (A, "CREATE SERVER ROLE [auditors]"),
            (A, "ALTER SERVER ROLE [auditors] ADD MEMBER [mirrorgate]"),
            (
                A,
                "DENY VIEW DEFINITION ON ENDPOINT::Endpoint_Mirroring TO [auditors]",
            ),
        ],
    ),
    state(
        "a certificate is hidden",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[(
            A,
            "DENY VIEW DEFINITION ON CERTIFICATE::[HOST_B_cert] TO [mirrorgate]",
        )],
    ),
    state(
        "a user of master is hidden",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[(
            A,
            "DENY VIEW DEFINITION ON USER::[HOST_B_user] TO [mirrorgate]",
        )],
    ),
    state(
        "a login is hidden",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[(
            A,
            "DENY VIEW DEFINITION ON LOGIN::[HOST_B_login] TO [mirrorgate]",
        )],
    ),
    state(
        "a server role is hidden",
        "permissions",
        Code::PermissionMissing,
        LeastConfigured,
        &[
            (A, "CREATE SERVER ROLE [auditors]"),
            (
                A,
                "DENY VIEW DEFINITION ON SERVER ROLE::[auditors] TO [mirrorgate]",
            ),
        ],
    ),
];
