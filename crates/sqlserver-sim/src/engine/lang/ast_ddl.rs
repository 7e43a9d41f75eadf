//! The parts of statements that change something: principals, certificates, keys, endpoints, permissions, databases.

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateLogin {
    pub name: String,
    pub source: LoginSource,
    pub sid: Option<Vec<u8>>,
    pub default_database: Option<String>,
    pub default_language: Option<String>,
    pub check_policy: Option<bool>,
    pub check_expiration: Option<bool>,
    pub must_change: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub enum LoginSource {
    Password(String),
    Hashed(Vec<u8>),
    #[default]
    Windows,
    Certificate(String),
    /// There are no asymmetric keys here, so that this one is never found.
    AsymmetricKey(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterLogin {
    Enable(bool),
    With {
        password: Option<String>,
        name: Option<String>,
        default_database: Option<String>,
        check_policy: Option<bool>,
        check_expiration: Option<bool>,
        must_change: bool,
        unlock: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum UserLogin {
    /// The login of the same name.
    SameName,
    Named(String),
    Without,
    Certificate(String),
    AsymmetricKey(String),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateCertificate {
    pub name: String,
    pub owner: Option<String>,
    pub source: CertificateSource,
    pub private_key: Option<PrivateKeySource>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CertificateSource {
    File(String),
    /// There are no assemblies here, so that this one is never found.
    Assembly(String),
    Binary(Vec<u8>),
    Made {
        subject: String,
        start: Option<String>,
        expiry: Option<String>,
        password: Option<String>,
    },
}

impl Default for CertificateSource {
    fn default() -> Self {
        Self::Binary(Vec::new())
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrivateKeySource {
    pub file: Option<String>,
    pub binary: Option<Vec<u8>>,
    pub decryption: Option<String>,
    pub encryption: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterCertificate {
    RemovePrivateKey,
    PrivateKey(PrivateKeySource),
    ActiveForDialog(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterMasterKey {
    ServiceMasterKey { add: bool },
    Password { add: bool, password: String },
    Regenerate(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    Started,
    Stopped,
    Disabled,
}

/// CREATE and ALTER ENDPOINT: what was written, nothing filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EndpointSpec {
    pub name: String,
    pub owner: Option<String>,
    pub state: Option<EndpointState>,
    pub port: Option<i64>,
    pub listener_ip: Option<String>,
    pub has_payload: bool,
    pub authentication: Option<Authentication>,
    pub encryption: Option<EndpointEncryption>,
    pub role: Option<EndpointRole>,
}

/// In the order tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// `NTLM`, `KERBEROS` or `NEGOTIATE`.
    pub windows: Option<String>,
    pub certificate: Option<String>,
    pub certificate_first: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointEncryption {
    pub demand: EncryptionDemand,
    /// `AES`, `RC4`, in order; empty: the version's default.
    pub algorithms: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionDemand {
    Disabled,
    Supported,
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRole {
    Partner,
    Witness,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Grant,
    Deny,
    Revoke,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PermissionChange {
    pub verb: Verb,
    /// Upper case, one blank between words.
    pub permissions: Vec<String>,
    pub on: Option<(SecurableClass, Vec<String>)>,
    pub principals: Vec<String>,
    pub with_grant_option: bool,
    /// REVOKE GRANT OPTION FOR: the permission stays, the right to pass it on goes.
    pub grant_option_for: bool,
    pub cascade: bool,
    /// AS: the principal whose right to grant is used.
    pub grantor: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurableClass {
    Endpoint,
    Login,
    ServerRole,
    Database,
    User,
    Role,
    Certificate,
    Schema,
    Object,
    SymmetricKey,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterDatabase {
    SetPartner(String),
    SetWitness(String),
    PartnerOff,
    WitnessOff,
    Safety { full: bool },
    Timeout(i64),
    Failover,
    ForceService,
    Suspend,
    Resume,
    Recovery(String),
    OtherOption,
}

/// A trigger ON ALL SERVER.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTrigger {
    pub name: String,
    /// CREATE OR ALTER, or ALTER.
    pub replaces: bool,
    /// ALTER: it must be there.
    pub must_exist: bool,
    /// `LOGON`, or event types and groups, in upper case.
    pub events: Vec<String>,
    /// WITH EXECUTE AS 'login'.
    pub runs_as: Option<String>,
    pub body: Vec<super::ast::Statement>,
}
