//! Open points that only two servers together answer: A dials B by SET PARTNER, and B's log says whether it was let in.

use super::probe::{Probe, Stopped};
use super::server::Server;

/// How a dialled connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialled {
    LetIn,
    Refused,
    /// Neither log nor number tells.
    Unclear,
}

const RESTART: &str =
    "ALTER ENDPOINT probe_real STATE = STOPPED; ALTER ENDPOINT probe_real STATE = STARTED";

impl Probe {
    /// The server's time, to read its log from there.
    pub async fn marker(&self, on: &Server) -> Result<String, Stopped> {
        self.cell(on, "SELECT CONVERT(nvarchar(23), GETDATE(), 121)")
            .await
    }

    /// Lines of a log since `marker` that contain `words`.
    pub async fn logged(
        &self,
        on: &Server,
        marker: &str,
        words: &str,
    ) -> Result<Vec<String>, Stopped> {
        let sql = format!(
            "DECLARE @log table (at datetime, who nvarchar(100), line nvarchar(4000));
INSERT @log EXEC xp_readerrorlog 0, 1, N'{words}', NULL, N'{marker}';
SELECT line FROM @log"
        );
        let rows = self.rows(on, &sql).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// A new connection from A to B, and the number SET PARTNER ended with.
    async fn dial(&self) -> Result<(Dialled, u32), Stopped> {
        let (a, b) = (&self.a, &self.b);
        self.quiet(a, RESTART).await?;
        self.quiet(b, RESTART).await?;
        let since = self.marker(b).await?;
        let partner = format!(
            "ALTER DATABASE probe_real SET PARTNER = N'TCP://{}:{}'",
            b.endpoint_host, b.endpoint_port
        );
        let number = self.number(a, &partner).await?;
        let lines = self.logged(b, &since, "Database Mirroring").await?;
        let has = |words: &str| lines.iter().any(|l| l.contains(words));
        let dialled = if has("Login succeeded") {
            Dialled::LetIn
        } else if has("login attempt") || number == 1418 {
            Dialled::Refused
        } else {
            Dialled::Unclear
        };
        Ok((dialled, number))
    }

    /// What B says after `change`, which is taken back afterwards.
    async fn let_in_after(
        &mut self,
        switch: &'static str,
        means: Dialled,
        change: &str,
        back: &str,
    ) -> Result<(), Stopped> {
        let b = self.b.clone();
        self.must(&b, switch, change).await?;
        let (dialled, number) = self.dial().await?;
        self.must(&b, switch, back).await?;
        self.came_to(switch, dialled, means, number);
        Ok(())
    }

    fn came_to(&mut self, switch: &'static str, dialled: Dialled, means: Dialled, number: u32) {
        match dialled {
            Dialled::Unclear => self.unknown(
                switch,
                format!("SET PARTNER ended with {number}, and B's log says nothing"),
            ),
            other => self.known(switch, other == means),
        }
    }

    pub async fn handshakes(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let switches = [
            "disabled_login_passes",
            "without_connect_sql_passes",
            "denied_owner_is_refused",
            "dialler_skips_peer_certificate",
            "dialler_shows_peer_certificate",
            "revoke_cuts_connections",
            "drop_login_blocked_by_connection",
            "role_refused_as_28080",
            "supported_falls_back_to_none",
            "twin_of_peer_refused",
        ];
        if self.linux {
            let partner = self
                .number(
                    &a,
                    "ALTER DATABASE probe_real SET PARTNER = N'TCP://127.0.0.1:1'",
                )
                .await?;
            self.known("linux_mirrors", partner != 1463);
            if partner == 1463 {
                for switch in switches.into_iter().chain(["os_words_in_1474"]) {
                    self.unknown(switch, "there is no mirroring on Linux to dial with");
                }
                return Ok(());
            }
        } else {
            self.unknown("linux_mirrors", "it is a question to Linux");
        }
        self.closed_port().await?;
        let (dialled, number) = self.dial().await?;
        if dialled != Dialled::LetIn {
            for switch in switches {
                self.unknown(
                    switch,
                    format!("the complete set-up was not let in (SET PARTNER ended with {number})"),
                );
            }
            return Ok(());
        }
        self.live_connection().await?;
        self.logins().await?;
        self.no_common_algorithm().await?;
        self.twin().await?;
        self.sides().await
    }

    /// Both allow no encryption, and want different algorithms.
    async fn no_common_algorithm(&mut self) -> Result<(), Stopped> {
        const SWITCH: &str = "supported_falls_back_to_none";
        let (a, b) = (self.a.clone(), self.b.clone());
        let encrypt = |how: &str| {
            format!(
                "ALTER ENDPOINT probe_real FOR DATABASE_MIRRORING (ENCRYPTION = {how}, ROLE = ALL)"
            )
        };
        let rc4 = self.number(&b, &encrypt("SUPPORTED ALGORITHM RC4")).await?;
        if rc4 != 0 {
            self.unknown(SWITCH, format!("RC4 is refused with {rc4}"));
            return Ok(());
        }
        self.must(&a, SWITCH, &encrypt("SUPPORTED ALGORITHM AES"))
            .await?;
        let (dialled, number) = self.dial().await?;
        for server in [&a, &b] {
            self.must(server, SWITCH, &encrypt("REQUIRED ALGORITHM AES"))
                .await?;
        }
        self.came_to(SWITCH, dialled, Dialled::LetIn, number);
        Ok(())
    }

    /// B holds, beside A's certificate and from before it, one of the same issuer and serial.
    async fn twin(&mut self) -> Result<(), Stopped> {
        const SWITCH: &str = "twin_of_peer_refused";
        let b = self.b.clone();
        let der = self.certificate(&b, "probe_real_peer").await?;
        // The signature ends the bytes, and nobody looks at that of a self-signed one.
        let last = if der.ends_with('0') { '1' } else { '0' };
        let twin = format!("{}{last}", &der[..der.len() - 1]);
        self.must(&b, SWITCH, "DROP CERTIFICATE probe_real_peer")
            .await?;
        let other = format!("CREATE CERTIFICATE probe_real_twin FROM BINARY = 0x{twin}");
        let mut refused = self.number(&b, &other).await?;
        let import = format!(
            "CREATE CERTIFICATE probe_real_peer AUTHORIZATION probe_real_peer FROM BINARY = 0x{der}"
        );
        if refused == 0 {
            refused = self.number(&b, &import).await?;
        }
        if refused == 0 {
            let (dialled, number) = self.dial().await?;
            self.came_to(SWITCH, dialled, Dialled::Refused, number);
            self.must(&b, SWITCH, "DROP CERTIFICATE probe_real_twin")
                .await?;
        } else {
            self.unknown(
                SWITCH,
                format!("two such certificates are refused with {refused}"),
            );
            self.quiet(&b, "DROP CERTIFICATE probe_real_twin").await?;
            self.must(&b, "the import again", &import).await?;
        }
        Ok(())
    }

    async fn closed_port(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let since = self.marker(&a).await?;
        self.quiet(
            &a,
            "ALTER DATABASE probe_real SET PARTNER = N'TCP://no-such-host.invalid:5999'",
        )
        .await?;
        let lines = self
            .logged(&a, &since, "mirroring connection error")
            .await?;
        match lines.first() {
            Some(line) => {
                let words = line.contains("11001") || line.contains("10061");
                self.known("os_words_in_1474", words);
            }
            None => self.unknown("os_words_in_1474", "A's log has no 1474"),
        }
        Ok(())
    }

    async fn live_connection(&mut self) -> Result<(), Stopped> {
        let (a, b) = (self.a.clone(), self.b.clone());
        let own = "SELECT CAST(ISNULL(MAX(peer_certificate_id), -1) AS int) FROM sys.dm_db_mirroring_connections WHERE is_accept = 0 HAVING COUNT(*) > 0";
        match self.cell(&a, own).await?.as_str() {
            "" => self.unknown("dialler_shows_peer_certificate", "A kept no connection"),
            "-1" => self.known("dialler_shows_peer_certificate", false),
            _ => self.known("dialler_shows_peer_certificate", true),
        }
        let count =
            "SELECT CAST(COUNT(*) AS int) FROM sys.dm_db_mirroring_connections WHERE is_accept = 1";
        if self.cell(&b, count).await? == "0" {
            for switch in [
                "revoke_cuts_connections",
                "drop_login_blocked_by_connection",
            ] {
                self.unknown(switch, "B kept no connection; a mirrored database would");
            }
            return Ok(());
        }
        let (dropped, after) = (
            "DROP LOGIN probe_real_peer",
            "SELECT CAST(CONVERT(nvarchar(100), sid, 1) AS nvarchar(100)) FROM sys.server_principals WHERE name = N'probe_real_peer'",
        );
        let sid = self.cell(&b, after).await?;
        match self.number(&b, dropped).await? {
            15434 => self.known("drop_login_blocked_by_connection", true),
            0 => {
                self.known("drop_login_blocked_by_connection", false);
                let again = format!(
                    "CREATE LOGIN probe_real_peer WITH PASSWORD = N'Pr0be!of_two_servers', SID = {sid}; GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_peer"
                );
                self.must(&b, "the login again", &again).await?;
                self.dial().await?;
            }
            other => self.unknown(
                "drop_login_blocked_by_connection",
                format!("the number was {other}"),
            ),
        }
        self.must(
            &b,
            "REVOKE",
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_peer",
        )
        .await?;
        let left = self.cell(&b, count).await?;
        self.known("revoke_cuts_connections", left == "0");
        self.must(
            &b,
            "GRANT",
            "GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_peer",
        )
        .await
    }

    async fn logins(&mut self) -> Result<(), Stopped> {
        self.let_in_after(
            "disabled_login_passes",
            Dialled::LetIn,
            "ALTER LOGIN probe_real_peer DISABLE",
            "ALTER LOGIN probe_real_peer ENABLE",
        )
        .await?;
        self.let_in_after(
            "without_connect_sql_passes",
            Dialled::LetIn,
            "DENY CONNECT SQL TO probe_real_peer",
            "GRANT CONNECT SQL TO probe_real_peer",
        )
        .await?;
        self.let_in_after(
            "denied_owner_is_refused",
            Dialled::Refused,
            "ALTER AUTHORIZATION ON ENDPOINT::probe_real TO probe_real_peer; ALTER SERVER ROLE probe_real_role ADD MEMBER probe_real_peer; DENY CONNECT ON ENDPOINT::probe_real TO probe_real_role",
            "DECLARE @back nvarchar(max) = N'ALTER AUTHORIZATION ON ENDPOINT::probe_real TO ' + QUOTENAME(SUSER_SNAME()); EXEC (@back); ALTER SERVER ROLE probe_real_role DROP MEMBER probe_real_peer; GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_peer",
        )
        .await
    }

    async fn sides(&mut self) -> Result<(), Stopped> {
        let (a, b) = (self.a.clone(), self.b.clone());
        let since = self.marker(&b).await?;
        self.must(
            &b,
            "ROLE",
            "ALTER ENDPOINT probe_real FOR DATABASE_MIRRORING (ROLE = WITNESS)",
        )
        .await?;
        self.dial().await?;
        self.must(
            &b,
            "ROLE",
            "ALTER ENDPOINT probe_real FOR DATABASE_MIRRORING (ROLE = ALL)",
        )
        .await?;
        let lines = self.logged(&b, &since, "login attempt").await?;
        match lines.last() {
            Some(line) => self.known("role_refused_as_28080", line.contains("not configured")),
            None => self.unknown("role_refused_as_28080", "B's log has no refused log-in"),
        }
        let der = self.certificate(&a, "probe_real_peer").await?;
        self.must(&a, "DROP CERTIFICATE", "DROP CERTIFICATE probe_real_peer")
            .await?;
        let (_, number) = self.dial().await?;
        self.known("dialler_skips_peer_certificate", number != 1418);
        let import = format!(
            "CREATE CERTIFICATE probe_real_peer AUTHORIZATION probe_real_peer FROM BINARY = 0x{der}"
        );
        self.must(&a, "the import again", &import).await
    }
}
