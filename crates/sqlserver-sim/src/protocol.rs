//! What the engine tells a client, before it becomes bytes: the border between `engine` and `tds`.
//!
//! The engine produces [`Item`]s in the order SQL Server would send the tokens; `tds` encodes them.
//! No bytes, no sockets and no rules of SQL Server live here.

use chrono::NaiveDateTime;
use uuid::Uuid;

/// A column type as the client sees it. Lengths are characters for text, bytes for binary; `None` is MAX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Precision, scale.
    Decimal(u8, u8),
    Char(u16),
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    VarBinary(Option<u16>),
    DateTime,
    /// Scale 0..=7.
    DateTime2(u8),
    UniqueIdentifier,
    SqlVariant,
}

/// A value with the type it was computed with. `Null` takes the type of its column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bit(bool),
    TinyInt(u8),
    SmallInt(i16),
    Int(i32),
    BigInt(i64),
    /// Unscaled value and scale.
    Decimal(i128, u8),
    /// Any character type; the column's [`SqlType`] says which. Blank padding of CHAR is already applied.
    Text(String),
    Binary(Vec<u8>),
    DateTime(NaiveDateTime),
    DateTime2(NaiveDateTime),
    Guid(Uuid),
}

/// One column of a result set.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Empty when the expression has no name.
    pub name: String,
    pub ty: SqlType,
    pub nullable: bool,
}

/// An error (class 11 and above) or an informational message (class 10 and below).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub number: i32,
    pub state: u8,
    pub class: u8,
    pub text: String,
    /// 1-based line in the batch; 0 when no statement is to blame.
    pub line: u32,
    /// Empty outside a procedure.
    pub procedure: String,
}

/// One thing sent to the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Columns(Vec<Column>),
    Row(Vec<Value>),
    /// A statement ended. `rows` is set where SQL Server counts rows; `failed` sets DONE_ERROR.
    Done {
        /// MS-TDS CurCmd, 0xC1 for SELECT; 0 when unknown.
        command: u16,
        rows: Option<u64>,
        failed: bool,
    },
    Message(Message),
    DatabaseChanged {
        from: String,
        to: String,
    },
    TransactionBegan(u64),
    TransactionCommitted(u64),
    TransactionRolledBack(u64),
    /// A fault: close the connection now, sending nothing more.
    HangUp,
    /// A fault: keep the connection open and send nothing more, ever.
    Stall,
}

/// What LOGIN7 said, decoded.
#[derive(Clone, Default)]
pub struct LoginRequest {
    pub user: String,
    pub password: String,
    /// Empty: the login's default database.
    pub database: String,
    pub application: String,
    pub client_host: String,
    /// Whether the session's traffic is encrypted after the log-in.
    pub encrypted: bool,
    /// Bytes of a packet from now on.
    pub packet_size: u16,
}

/// Without the password: requests are traced.
impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest")
            .field("user", &self.user)
            .field("database", &self.database)
            .field("application", &self.application)
            .field("client_host", &self.client_host)
            .field("encrypted", &self.encrypted)
            .field("packet_size", &self.packet_size)
            .finish_non_exhaustive()
    }
}

/// A remote procedure call, decoded.
#[derive(Debug, Clone)]
pub struct RpcRequest {
    /// `sp_executesql`, `sp_prepare`, `sp_execute`, `sp_prepexec`, `sp_unprepare` or another procedure's name; ids are translated to names.
    pub procedure: String,
    pub parameters: Vec<RpcParameter>,
}

/// One parameter of a remote procedure call.
#[derive(Debug, Clone)]
pub struct RpcParameter {
    /// As sent: may be empty, `@x`, or `x`.
    pub name: String,
    pub output: bool,
    pub ty: SqlType,
    pub value: Value,
}
