//! Grammar of databases: ALTER DATABASE with its mirroring options, BACKUP and RESTORE as far as a mirror needs them.

use super::ast::{AlterDatabase, Ddl};
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
    pub(super) fn alter_database(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        self.expect("SET")?;
        let change = if self.accept("PARTNER") {
            self.partner()?
        } else if self.accept("WITNESS") {
            if self.accept("OFF") {
                AlterDatabase::WitnessOff
            } else {
                AlterDatabase::SetWitness(self.equals_text()?)
            }
        } else if self.accept("RECOVERY") {
            let model = self.expect_any(&["FULL", "SIMPLE", "BULK_LOGGED"])?;
            AlterDatabase::Recovery(model.to_owned())
        } else {
            self.other_option()?
        };
        if self.accept("WITH") && self.accept_any(&["NO_WAIT"]).is_none() {
            self.expect_all(&["ROLLBACK", "IMMEDIATE"])?;
        }
        Ok(Ddl::AlterDatabase(name, change))
    }

    fn partner(&mut self) -> Outcome<AlterDatabase> {
        if self.is_symbol("=") {
            return Ok(AlterDatabase::SetPartner(self.equals_text()?));
        }
        Ok(
            match self.expect_any(&[
                "OFF",
                "SAFETY",
                "TIMEOUT",
                "FAILOVER",
                "FORCE_SERVICE_ALLOW_DATA_LOSS",
                "SUSPEND",
                "RESUME",
            ])? {
                "OFF" => AlterDatabase::PartnerOff,
                "SAFETY" => AlterDatabase::Safety {
                    full: self.expect_any(&["FULL", "OFF"])? == "FULL",
                },
                "TIMEOUT" => AlterDatabase::Timeout(self.integer()?),
                "FAILOVER" => AlterDatabase::Failover,
                "SUSPEND" => AlterDatabase::Suspend,
                "RESUME" => AlterDatabase::Resume,
                _ => AlterDatabase::ForceService,
            },
        )
    }

    fn other_option(&mut self) -> Outcome<AlterDatabase> {
        match self.expect_any(&[
            "TRUSTWORTHY",
            "AUTO_CLOSE",
            "AUTO_SHRINK",
            "READ_COMMITTED_SNAPSHOT",
            "ALLOW_SNAPSHOT_ISOLATION",
            "SINGLE_USER",
            "MULTI_USER",
            "READ_ONLY",
            "READ_WRITE",
            "PAGE_VERIFY",
        ])? {
            "SINGLE_USER" | "MULTI_USER" | "READ_ONLY" | "READ_WRITE" => {}
            "PAGE_VERIFY" => {
                self.expect_any(&["CHECKSUM", "TORN_PAGE_DETECTION", "NONE"])?;
            }
            _ => {
                self.on_off()?;
            }
        }
        Ok(AlterDatabase::OtherOption)
    }

    pub(super) fn backup_database(&mut self) -> Outcome<Ddl> {
        let log = self.expect_any(&["DATABASE", "LOG"])? == "LOG";
        let name = self.name()?;
        self.expect_all(&["TO", "DISK"])?;
        let path = self.equals_text()?;
        self.media_options()?;
        Ok(Ddl::BackupDatabase { name, path, log })
    }

    pub(super) fn restore_database(&mut self) -> Outcome<Ddl> {
        let log = self.expect_any(&["DATABASE", "LOG"])? == "LOG";
        let name = self.name()?;
        let path = if self.accept("FROM") {
            self.expect("DISK")?;
            Some(self.equals_text()?)
        } else {
            None
        };
        let no_recovery = self.media_options()?;
        Ok(Ddl::RestoreDatabase {
            name,
            path,
            no_recovery,
            log,
        })
    }

    fn percentage(&mut self) -> Outcome<()> {
        if self.accept_symbol("=") {
            self.integer()?;
        }
        Ok(())
    }

    /// `WITH` options of BACKUP and RESTORE; tells whether NORECOVERY was among them.
    fn media_options(&mut self) -> Outcome<bool> {
        let mut no_recovery = false;
        if !self.accept("WITH") {
            return Ok(false);
        }
        loop {
            match self.expect_any(&[
                "NORECOVERY",
                "RECOVERY",
                "INIT",
                "NOINIT",
                "FORMAT",
                "COPY_ONLY",
                "REPLACE",
                "CHECKSUM",
                "COMPRESSION",
                "STATS",
                "MOVE",
            ])? {
                "NORECOVERY" => no_recovery = true,
                "STATS" => self.percentage()?,
                "MOVE" => {
                    self.text()?;
                    self.expect("TO")?;
                    self.text()?;
                }
                _ => {}
            }
            if !self.accept_symbol(",") {
                return Ok(no_recovery);
            }
        }
    }
}
