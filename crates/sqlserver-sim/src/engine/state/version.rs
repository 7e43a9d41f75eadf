//! Versions and editions and what differs between them.

/// A major version of SQL Server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
pub enum Version {
    #[serde(rename = "2008R2")]
    V2008R2,
    #[serde(rename = "2012")]
    V2012,
    #[serde(rename = "2014")]
    V2014,
    #[serde(rename = "2016")]
    V2016,
    #[serde(rename = "2017")]
    V2017,
    #[serde(rename = "2019")]
    V2019,
    #[default]
    #[serde(rename = "2022")]
    V2022,
    #[serde(rename = "2025")]
    V2025,
}

impl Version {
    /// Major, minor, build, revision.
    pub fn parts(self) -> (u8, u8, u16, u16) {
        match self {
            Self::V2008R2 => (10, 50, 6000, 34),
            Self::V2012 => (11, 0, 7001, 0),
            Self::V2014 => (12, 0, 6024, 0),
            Self::V2016 => (13, 0, 6300, 2),
            Self::V2017 => (14, 0, 3456, 2),
            Self::V2019 => (15, 0, 4430, 1),
            Self::V2022 => (16, 0, 4135, 4),
            Self::V2025 => (17, 0, 1000, 7),
        }
    }

    pub fn product_version(self) -> String {
        let (major, minor, build, revision) = self.parts();
        format!("{major}.{minor}.{build}.{revision}")
    }

    pub fn marketing_name(self) -> &'static str {
        match self {
            Self::V2008R2 => "2008 R2",
            Self::V2012 => "2012",
            Self::V2014 => "2014",
            Self::V2016 => "2016",
            Self::V2017 => "2017",
            Self::V2019 => "2019",
            Self::V2022 => "2022",
            Self::V2025 => "2025",
        }
    }

    /// Whether certificates made by the engine are signed with SHA-1.
    pub fn signs_with_sha1(self) -> bool {
        self <= Self::V2016
    }

    /// Bits of the RSA keys the engine makes. The real default up to 2014 is 1024, which no current crypto library
    /// generates; 2048 stands in for it.
    pub fn rsa_bits(self) -> u16 {
        if self >= Self::V2022 { 3072 } else { 2048 }
    }
}

/// An edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    Enterprise,
    #[default]
    Developer,
    Standard,
    Web,
    Express,
}

impl Edition {
    pub fn property(self) -> &'static str {
        match self {
            Self::Enterprise => "Enterprise Edition (64-bit)",
            Self::Developer => "Developer Edition (64-bit)",
            Self::Standard => "Standard Edition (64-bit)",
            Self::Web => "Web Edition (64-bit)",
            Self::Express => "Express Edition (64-bit)",
        }
    }

    /// `SERVERPROPERTY('EngineEdition')`.
    pub fn engine(self) -> i32 {
        match self {
            Self::Enterprise | Self::Developer => 3,
            Self::Standard | Self::Web => 2,
            Self::Express => 4,
        }
    }

    /// Whether the edition can be a witness at most.
    pub fn witness_only(self) -> bool {
        matches!(self, Self::Express | Self::Web)
    }
}

/// What the instance runs on; decides the password policy's wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    #[default]
    Windows,
    Linux,
}
