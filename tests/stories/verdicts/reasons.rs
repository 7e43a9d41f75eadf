//! Every reason that statements can bring about, one by one: the walk may pass a rare one by, the table does not.

use mirrorgate::domain::trust::Admits;
use sqlserver_sim::{Unverified, Version};

use super::world::World;

const A: usize = 0;
const B: usize = 1;

/// What the trust on HOST_A from HOST_B comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Refused,
    /// Unknown, and no setting of the simulator lets it in, or none refuses it.
    InDoubt,
    /// Unknown, and it goes either way with the switches.
    EitherWay,
}
use Outcome::{EitherWay, InDoubt, Refused};

/// The reason, what it comes to, and what brings it about.
type State = (&'static str, Outcome, &'static [(usize, &'static str)]);

/// `{twin}` is HOST_B's certificate with another last byte, `{B}` the certificate itself.
const TABLE: &[State] = &[
    (
        "no_endpoint",
        Refused,
        &[(B, "DROP ENDPOINT Endpoint_Mirroring")],
    ),
    (
        "endpoint_stopped",
        Refused,
        &[(A, "ALTER ENDPOINT Endpoint_Mirroring STATE = DISABLED")],
    ),
    (
        "role_unfit",
        Refused,
        &[(
            B,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ROLE = WITNESS)",
        )],
    ),
    (
        "no_certificate_authentication",
        Refused,
        &[(
            A,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS NEGOTIATE)",
        )],
    ),
    (
        "no_common_algorithm",
        Refused,
        &[(
            A,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
        )],
    ),
    (
        "encryption_in_doubt",
        EitherWay,
        &[
            (
                A,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM RC4)",
            ),
            (
                B,
                "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM AES)",
            ),
        ],
    ),
    (
        "rc4_in_doubt",
        InDoubt,
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
    (
        "own_certificate_without_key",
        Refused,
        &[(
            B,
            "ALTER CERTIFICATE [HOST_B_cert] WITH PRIVATE KEY (ENCRYPTION BY PASSWORD = N'Chosen-by-hand-1')",
        )],
    ),
    (
        "master_key_not_opened_by_server",
        InDoubt,
        &[(B, "ALTER MASTER KEY DROP ENCRYPTION BY SERVICE MASTER KEY")],
    ),
    (
        "certificate_not_held",
        Refused,
        &[(A, "DROP CERTIFICATE [HOST_B_cert]")],
    ),
    (
        "issuer_serial_twin",
        EitherWay,
        &[
            (A, "DROP CERTIFICATE [HOST_B_cert]"),
            (A, "CREATE CERTIFICATE [twin] FROM BINARY = 0x{twin}"),
            (
                A,
                "CREATE CERTIFICATE [HOST_B_cert] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
            ),
        ],
    ),
    (
        "owner_without_login",
        Refused,
        &[(A, "DROP LOGIN [HOST_B_login]")],
    ),
    (
        "login_barred_from_sql",
        EitherWay,
        &[(A, "ALTER LOGIN [HOST_B_login] DISABLE")],
    ),
    (
        "login_barred_from_sql",
        EitherWay,
        &[(A, "DENY CONNECT SQL TO [HOST_B_login]")],
    ),
    (
        "connect_denied",
        Refused,
        &[
            (A, "CREATE SERVER ROLE [inner]"),
            (A, "CREATE SERVER ROLE [outer]"),
            (A, "ALTER SERVER ROLE [inner] ADD MEMBER [HOST_B_login]"),
            (A, "ALTER SERVER ROLE [outer] ADD MEMBER [inner]"),
            (A, "DENY CONTROL ON ENDPOINT::Endpoint_Mirroring TO [outer]"),
        ],
    ),
    (
        "connect_missing",
        Refused,
        &[(
            A,
            "REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM [HOST_B_login]",
        )],
    ),
    (
        "owner_denied",
        EitherWay,
        &[
            (
                A,
                "ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
            ),
            (A, "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO public"),
        ],
    ),
];

#[tokio::test]
async fn every_reason_is_held_to_the_handshake() {
    let mut world = World::on([Version::V2025; 3], Unverified::default()).await;
    let own = hex::encode(&world.certificates[B]);
    let twin = format!(
        "{}{}",
        &own[..own.len() - 2],
        if own.ends_with("00") { "01" } else { "00" }
    );
    for (code, outcome, statements) in TABLE {
        world.heal().await;
        for (host, sql) in *statements {
            let sql = sql.replace("{twin}", &twin).replace("{B}", &own);
            assert!(world.run(*host, &sql).await, "{code}: {sql}");
        }
        let said = world.verdict(A, B).await;
        assert!(said.reasons.iter().any(|r| r.code == *code), "{said:#?}");
        let accepted = world.handshakes(A, B);
        let (some, all) = (accepted.contains(&true), !accepted.contains(&false));
        let (verdict, holds) = match outcome {
            Refused => (Admits::No, !some),
            InDoubt => (Admits::Unknown, some == all),
            EitherWay => (Admits::Unknown, some && !all),
        };
        assert_eq!(said.verdict, verdict, "{code}: {said:#?}");
        assert!(holds, "{code} is {outcome:?}, and let in is {accepted:?}");
    }
}

#[tokio::test]
async fn dates_are_held_to_the_handshake() {
    let mut world = World::on([Version::V2022; 3], Unverified::default()).await;
    for (days, code) in [
        (400, "certificate_expired"),
        (-400, "certificate_not_yet_valid"),
    ] {
        world.heal().await;
        world.set_clock(A, days);
        let said = world.verdict(A, B).await;
        assert!(said.reasons.iter().any(|r| r.code == code), "{said:#?}");
        assert_eq!(said.verdict, Admits::No);
        assert!(!world.handshakes(A, B).contains(&true), "{code}");
    }
}
