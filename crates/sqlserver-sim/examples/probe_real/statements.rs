//! Open points that one server answers by how it takes a statement.

use super::probe::{Probe, Stopped};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber,
};

const EXISTS: &str = "SELECT CAST(COUNT(*) AS int) FROM";

impl Probe {
    pub async fn statements(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let dropped = self.number(&a, "DROP CERTIFICATE probe_real_cert").await?;
        self.by_number(
            "drop_bound_certificate",
            dropped,
            &[15352, 3716, 15187, 15559],
        );
        let inside = self
            .number(
                &a,
                "BEGIN TRANSACTION; ALTER ENDPOINT probe_real STATE = STARTED",
            )
            .await?;
        self.by_number("endpoint_in_transaction", inside, &[574, 226]);
        self.dates().await?;
        self.bad_bytes().await?;
        self.roll_backs().await?;
        let both = self
            .number(&a, "CREATE USER probe_real_third FOR LOGIN probe_real_low")
            .await?;
        match both {
            15063 | 15023 => self.known("user_sid_checked_first", both == 15063),
            other => self.unknown("user_sid_checked_first", format!("the number was {other}")),
        }
        self.endpoint_rules().await?;
        self.same_serial().await
    }

    async fn dates(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let warned = self
            .number(&a, "CREATE CERTIFICATE probe_real_old WITH SUBJECT = N'old', START_DATE = '20100101', EXPIRY_DATE = '20110101'")
            .await?;
        match warned {
            0 | 15214 => self.known("validity_warnings_are_errors", warned == 15214),
            other => self.unknown(
                "validity_warnings_are_errors",
                format!("the number was {other}"),
            ),
        }
        let since = self.marker(&a).await?;
        self.quiet(&a, "DROP CERTIFICATE probe_real_old").await?;
        let seen = self.logged(&a, &since, "hange detected").await?;
        self.known("certificate_change_restarts", !seen.is_empty());
        Ok(())
    }

    async fn bad_bytes(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let bytes = self
            .number(
                &a,
                "CREATE CERTIFICATE probe_real_bad FROM BINARY = 0x30820102",
            )
            .await?;
        self.by_number("bad_der", bytes, &[15297, 15208, 15468]);
        // The only file a server can be made to write that is no certificate is a backup; it stays behind.
        let backup = self
            .number(
                &a,
                "BACKUP DATABASE probe_real TO DISK = N'probe_real.bak' WITH INIT",
            )
            .await?;
        let file = self
            .number(&a, "DECLARE @path nvarchar(600) = CAST(SERVERPROPERTY('InstanceDefaultDataPath') AS nvarchar(500)) + N'probe_real.bak', @sql nvarchar(max); SET @sql = N'CREATE CERTIFICATE probe_real_bad FROM FILE = N''' + @path + N''''; EXEC (@sql)")
            .await?;
        match (backup, file, bytes) {
            (0, 15208, 15208) => {
                self.unknown("bad_file_is_15208", "bad bytes give 15208 in any case")
            }
            (0, 15208, _) => self.known("bad_file_is_15208", true),
            (0, file, bytes) if file == bytes => self.known("bad_file_is_15208", false),
            (0, file, _) => self.unknown("bad_file_is_15208", format!("the number was {file}")),
            (backup, ..) => self.unknown(
                "bad_file_is_15208",
                format!("BACKUP DATABASE ended with {backup}"),
            ),
        }
        Ok(())
    }

    async fn roll_backs(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        self.quiet(
            &a,
            "BEGIN TRANSACTION; CREATE USER probe_real_gone WITHOUT LOGIN; ROLLBACK",
        )
        .await?;
        let user = self
            .cell(
                &a,
                &format!("{EXISTS} sys.database_principals WHERE name = N'probe_real_gone'"),
            )
            .await?;
        self.known("user_and_certificate_survive_rollback", user == "1");
        self.quiet(&a, "BEGIN TRANSACTION; GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_third; ROLLBACK").await?;
        let grant = self.cell(&a, &format!("{EXISTS} sys.server_permissions p JOIN sys.server_principals l ON l.principal_id = p.grantee_principal_id WHERE p.class = 105 AND l.name = N'probe_real_third'")).await?;
        self.known("endpoint_grant_survives_rollback", grant == "1");
        self.quiet(
            &a,
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_third",
        )
        .await
    }

    async fn endpoint_rules(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let twice = self
            .number(&a, "CREATE ENDPOINT probe_real AS TCP (LISTENER_PORT = 5997) FOR DATABASE_MIRRORING (ROLE = ALL)")
            .await?;
        self.by_number("duplicate_endpoint_name", twice, &[7862, 15530]);
        let port =
            |port: &str| format!("ALTER ENDPOINT probe_real AS TCP (LISTENER_PORT = {port})");
        let high = self.number(&a, &port("42021")).await?;
        match high {
            0 | 7810 => self.known("ports_to_65535", high == 0),
            other => self.unknown("ports_to_65535", format!("the number was {other}")),
        }
        let tds = self.cell(&a, "SELECT CAST(local_tcp_port AS int) FROM sys.dm_exec_connections WHERE session_id = @@SPID").await?;
        match self.number(&a, &port(&tds)).await? {
            0 => self.known("taken_port_is_7890", false),
            7890 => self.known("taken_port_is_7890", true),
            other => self.unknown(
                "taken_port_is_7890",
                format!("its TDS port {tds} is refused with {other}"),
            ),
        }
        self.must(
            &a,
            "the endpoint's own port",
            &port(&a.endpoint_port.to_string()),
        )
        .await?;
        if self.major >= 17 {
            let rc4 = self
                .number(&a, "ALTER ENDPOINT probe_real FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4, ROLE = ALL)")
                .await?;
            self.known("rc4_refused_in_2025", rc4 != 0);
            self.quiet(&a, "ALTER ENDPOINT probe_real FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL)").await?;
        } else {
            self.unknown("rc4_refused_in_2025", "it is a question to 2025");
        }
        Ok(())
    }

    /// Two certificates of one issuer and serial, with different keys.
    async fn same_serial(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let (Some(first), Some(second)) = (twin(), twin()) else {
            self.unknown("same_serial_refused", "no key could be generated here");
            return Ok(());
        };
        let import = |name: &str, der: &str| {
            format!("CREATE CERTIFICATE probe_real_{name} FROM BINARY = 0x{der}")
        };
        self.must(&a, "an import", &import("twin", &first)).await?;
        match self.number(&a, &import("second", &second)).await? {
            0 => self.known("same_serial_refused", false),
            15232 => self.known("same_serial_refused", true),
            other => self.unknown("same_serial_refused", format!("the number was {other}")),
        }
        Ok(())
    }
}

/// A self-signed certificate of a fresh key, always of the same name and serial, in hexadecimal.
fn twin() -> Option<String> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).ok()?;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "probe_real twin");
    params.distinguished_name = name;
    params.serial_number = Some(SerialNumber::from_slice(&[0x42; 16]));
    let made = params.self_signed(&key).ok()?;
    Some(hex::encode(made.der()))
}
