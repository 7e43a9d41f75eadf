//! What a batch means once parsed: statements, expressions, queries and DDL.
//!
//! Data only; no parsing and no executing.

pub use super::ast_ddl::*;
use crate::protocol::{SqlType, Value};

/// One statement and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub line: u32,
    /// Byte range in the batch text, for the ledger.
    pub span: (usize, usize),
    pub kind: StatementKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    Declare(Vec<Declaration>),
    SetVariable(String, Expr),
    SetOption(SetOption),
    Use(String),
    If(Cond, Box<Statement>, Option<Box<Statement>>),
    While(Cond, Box<Statement>),
    Break,
    Continue,
    Block(Vec<Statement>),
    TryCatch(Vec<Statement>, Vec<Statement>),
    BeginTransaction,
    Commit,
    Rollback,
    /// `None` re-throws.
    Throw(Option<(Expr, Expr, Expr)>),
    RaisError {
        message: Expr,
        severity: Expr,
        state: Expr,
        arguments: Vec<Expr>,
    },
    Print(Expr),
    Return(Option<Expr>),
    /// An expression giving `hh:mm:ss[.mmm]`.
    WaitForDelay(Expr),
    ExecuteText(Expr),
    ExecuteProcedure {
        result: Option<String>,
        name: Vec<String>,
        arguments: Vec<Argument>,
    },
    Select(Query),
    Insert {
        /// A table variable, or a temporary table (`#…`).
        table: String,
        columns: Vec<String>,
        source: Query,
    },
    /// INSERT … EXEC: what the call gives back as rows.
    InsertExecute {
        table: String,
        columns: Vec<String>,
        call: Box<Statement>,
    },
    /// CREATE TABLE of a temporary table.
    CreateTable(String, Vec<(String, SqlType)>),
    DropTable {
        name: String,
        if_exists: bool,
    },
    /// EXECUTE AS LOGIN, or USER.
    ExecuteAs {
        login: bool,
        name: Expr,
    },
    Revert,
    Kill(i64),
    Ddl(Box<Ddl>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    pub name: Option<String>,
    pub value: Expr,
    pub output: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Declaration {
    Scalar(String, SqlType, Option<Expr>),
    Table(String, Vec<(String, SqlType)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOption {
    XactAbort(bool),
    NoCount(bool),
    ImplicitTransactions(bool),
    LockTimeout(i64),
    /// Accepted, without effect on what the simulator shows.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Null,
    Literal(Value, SqlType),
    Variable(String),
    Column(Vec<String>),
    Function {
        name: String,
        arguments: Vec<Expr>,
        /// `COUNT(*)`.
        star: bool,
        distinct: bool,
    },
    /// `CAST`, `CONVERT` and their TRY_ forms.
    Convert {
        value: Box<Expr>,
        ty: SqlType,
        style: Option<Box<Expr>>,
        or_null: bool,
    },
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(When, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Negate(Box<Expr>),
    /// Operators of one precedence level, left to right; a list so that long concatenations stay shallow.
    Chain(Box<Expr>, Vec<(char, Expr)>),
    Scalar(Box<Query>),
    Collate(Box<Expr>, String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum When {
    Equals(Expr),
    Holds(Cond),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cond {
    All(Vec<Cond>),
    Any(Vec<Cond>),
    Not(Box<Cond>),
    Compare(Compare, Expr, Expr),
    In(Expr, Vec<Expr>),
    InQuery(Expr, Box<Query>),
    Exists(Box<Query>),
    Between(Expr, Expr, Expr),
    Like(Expr, Expr, Option<Expr>),
    IsNull(Expr),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Query {
    /// Branches of UNION ALL; true where UNION (distinct) joins the branch to those before.
    pub branches: Vec<(bool, Select)>,
    /// Expression and whether descending.
    pub order_by: Vec<(Expr, bool)>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    pub distinct: bool,
    pub top: Option<Expr>,
    pub items: Vec<Item>,
    pub from: Option<Source>,
    pub filter: Option<Cond>,
    pub group_by: Vec<Expr>,
    pub having: Option<Cond>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Star(Option<String>),
    Value(Expr, Option<String>),
    Assign(String, Expr),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Named(Vec<String>, Option<String>),
    TableVariable(String, Option<String>),
    /// A table-valued function: name, arguments, alias.
    Function(String, Vec<Expr>, String),
    Derived(Box<Query>, String, Vec<String>),
    Values(Vec<Vec<Expr>>, String, Vec<String>),
    Join {
        left: Box<Source>,
        right: Box<Source>,
        outer: bool,
        on: Option<Cond>,
    },
    /// CROSS or OUTER APPLY: the right side sees the left one.
    Apply {
        left: Box<Source>,
        right: Box<Source>,
        outer: bool,
    },
}

/// Data definition and everything else that changes the instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Ddl {
    CreateLogin(CreateLogin),
    AlterLogin(String, AlterLogin),
    DropLogin(String),
    CreateUser {
        name: String,
        login: UserLogin,
    },
    AlterUser {
        name: String,
        login: Option<String>,
        new_name: Option<String>,
    },
    DropUser {
        name: String,
        if_exists: bool,
    },
    CreateCertificate(CreateCertificate),
    AlterCertificate(String, AlterCertificate),
    DropCertificate(String),
    BackupCertificate {
        name: String,
        path: String,
        private_key: Option<(String, String)>,
    },
    CreateMasterKey(Option<String>),
    OpenMasterKey(String),
    CloseMasterKey,
    DropMasterKey,
    AlterMasterKey(AlterMasterKey),
    CreateEndpoint(EndpointSpec),
    AlterEndpoint(EndpointSpec),
    DropEndpoint(String),
    Permission(PermissionChange),
    AlterAuthorization {
        class: SecurableClass,
        name: String,
        /// `None`: SCHEMA OWNER.
        owner: String,
    },
    RoleMember {
        server: bool,
        role: String,
        member: String,
        add: bool,
    },
    CreateRole {
        server: bool,
        name: String,
        owner: Option<String>,
    },
    RenameRole {
        server: bool,
        role: String,
        new_name: String,
    },
    DropRole {
        server: bool,
        name: String,
        if_exists: bool,
    },
    CreateTrigger(CreateTrigger),
    DropTrigger(String),
    /// `None`: ALL.
    EnableTrigger {
        name: Option<String>,
        on: bool,
    },
    CreateDatabase(String),
    DropDatabase(String),
    AlterDatabase(String, AlterDatabase),
    BackupDatabase {
        name: String,
        path: String,
        log: bool,
    },
    RestoreDatabase {
        name: String,
        path: Option<String>,
        no_recovery: bool,
        log: bool,
    },
}
