//! Open points about permissions: asked of A as a login that has few, by EXECUTE AS.

use super::probe::{Probe, Stopped};

/// The login with few rights runs this.
fn as_low(sql: &str) -> String {
    format!("EXECUTE AS LOGIN = N'probe_real_low'; {sql}")
}

/// `grantee<grantor` of the rows about CONNECT on the endpoint.
const ROWS: &str =
    "SELECT CAST(g.name + N'<' + o.name AS nvarchar(300)) FROM sys.server_permissions p
    JOIN sys.server_principals g ON g.principal_id = p.grantee_principal_id
    JOIN sys.server_principals o ON o.principal_id = p.grantor_principal_id
    JOIN sys.database_mirroring_endpoints e ON e.endpoint_id = p.major_id
    WHERE p.class = 105 AND g.name = N'probe_real_third'";

impl Probe {
    pub async fn rights(&mut self) -> Result<(), Stopped> {
        self.certificates().await?;
        self.grantors().await?;
        self.mirroring_view().await
    }

    async fn certificates(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        let create = as_low("CREATE CERTIFICATE probe_real_denied WITH SUBJECT = N'x'");
        let outcome = a.run(&create).await.map_err(|source| Stopped::Connection {
            server: a.host.clone(),
            source,
        })?;
        let (number, class) = outcome.err().map_or((0, 0), |e| (e.number, e.class));
        self.by_number("certificate_permission", number, &[15247, 262]);
        match (number, class) {
            (262, 14 | 16) => self.known("class_262_is_14", class == 14),
            (262, other) => self.unknown("class_262_is_14", format!("the class was {other}")),
            _ => self.unknown("class_262_is_14", "262 was not seen"),
        }
        self.must(&a, "a grant", "GRANT CREATE CERTIFICATE TO probe_real_low")
            .await?;
        let other = as_low(
            "CREATE CERTIFICATE probe_real_others AUTHORIZATION probe_real_third WITH SUBJECT = N'x'",
        );
        match self.number(&a, &other).await? {
            0 => self.known("authorization_needs_impersonate", false),
            _ => self.known("authorization_needs_impersonate", true),
        }
        Ok(())
    }

    async fn grantors(&mut self) -> Result<(), Stopped> {
        let a = self.a.clone();
        self.must(&a, "a grant", "GRANT ALTER ANY ENDPOINT TO probe_real_low")
            .await?;
        self.must(
            &a,
            "a grant",
            &as_low("GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_third"),
        )
        .await?;
        let row = self.cell(&a, ROWS).await?;
        self.known(
            "executor_is_grantor",
            row == "probe_real_third<probe_real_low",
        );
        for step in [
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_third",
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_third AS probe_real_low",
            "GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_low WITH GRANT OPTION",
            "GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_third",
            "GRANT CONNECT ON ENDPOINT::probe_real TO probe_real_third AS probe_real_low",
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_third",
        ] {
            self.quiet(&a, step).await?;
        }
        let left = self.rows(&a, ROWS).await?.len();
        self.known("revoke_leaves_other_grantors", left == 1);
        self.quiet(
            &a,
            "REVOKE CONNECT ON ENDPOINT::probe_real FROM probe_real_low CASCADE",
        )
        .await
    }

    async fn mirroring_view(&mut self) -> Result<(), Stopped> {
        let switch = "mirroring_view_needs_security_state";
        if self.major < 16 {
            self.unknown(switch, "it is a question to 2022 and later");
            return Ok(());
        }
        let a = self.a.clone();
        self.must(
            &a,
            "a grant",
            "GRANT VIEW SERVER PERFORMANCE STATE TO probe_real_low",
        )
        .await?;
        let select = "SELECT CAST(COUNT(*) AS int) FROM sys.dm_db_mirroring_connections";
        let refused = self.number(&a, &as_low(select)).await? != 0;
        self.known(switch, refused);
        Ok(())
    }
}
