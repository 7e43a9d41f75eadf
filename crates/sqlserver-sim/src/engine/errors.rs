//! SQL Server's error numbers with their texts, as values that statements raise.
//!
//! Wording is the engine's own template with the names filled in. No decision when to raise which lives here.

use crate::protocol::Message;

/// How far an error reaches when nothing catches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The statement ends, the batch goes on.
    Statement,
    /// The batch ends.
    Batch,
    /// Found while compiling: the batch ends, and a TRY of the same scope cannot catch it.
    Compile,
    /// THROW: ends the batch, takes no transaction back by itself.
    Thrown,
    /// RAISERROR: like `Statement`, and SET XACT_ABORT does not look at it.
    RaisedByUser,
}

/// One failure; several messages where SQL Server sends several (5011 then 5069).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    pub messages: Vec<Message>,
    pub reach: Reach,
}

/// What everything in the engine that can fail returns.
pub type Outcome<T> = Result<T, Raise>;

impl Raise {
    /// An error with state 1 whose line is filled in by the statement that raised it.
    pub fn new(number: i32, class: u8, text: impl Into<String>) -> Self {
        Self {
            messages: vec![message(number, class, 1, text)],
            reach: Reach::Statement,
        }
    }

    pub fn with_state(mut self, state: u8) -> Self {
        for message in &mut self.messages {
            message.state = state;
        }
        self
    }

    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub fn compile(number: i32, class: u8, text: impl Into<String>) -> Self {
        Self::new(number, class, text).reaching(Reach::Compile)
    }

    pub fn then(mut self, number: i32, class: u8, text: impl Into<String>) -> Self {
        self.messages.push(message(number, class, 1, text));
        self
    }

    pub fn at_line(mut self, line: u32) -> Self {
        for message in &mut self.messages {
            if message.line == 0 {
                message.line = line;
            }
        }
        self
    }

    /// The message ERROR_NUMBER() and its siblings speak of: the last one.
    pub fn last(&self) -> Message {
        self.messages
            .last()
            .cloned()
            .unwrap_or_else(|| message(50000, 16, 1, ""))
    }
}

/// A message with a given state; line 0 until a statement claims it.
pub fn message(number: i32, class: u8, state: u8, text: impl Into<String>) -> Message {
    Message {
        number,
        state,
        class,
        text: text.into(),
        line: 0,
        procedure: String::new(),
    }
}

/// 15151, with one wording for missing and for forbidden.
pub fn cannot(verb: &str, noun: &str, name: &str) -> Raise {
    Raise::new(
        15151,
        16,
        format!(
            "Cannot {verb} the {noun} '{name}', because it does not exist or you do not have permission."
        ),
    )
}

/// 15247.
pub fn no_permission() -> Raise {
    Raise::new(
        15247,
        16,
        "User does not have permission to perform this action.",
    )
}

/// 102 or 156, depending on what the text near the error is.
pub fn syntax(near: &str, keyword: bool, line: u32) -> Raise {
    let (number, text) = if keyword {
        (156, format!("Incorrect syntax near the keyword '{near}'."))
    } else {
        (102, format!("Incorrect syntax near '{near}'."))
    };
    Raise::compile(number, 15, text).at_line(line)
}

/// 207.
pub fn no_column(name: &str) -> Raise {
    Raise::compile(207, 16, format!("Invalid column name '{name}'."))
}

/// 208.
pub fn no_object(name: &str) -> Raise {
    Raise::compile(208, 16, format!("Invalid object name '{name}'."))
}

/// 15345.
pub fn bad_owner(noun: &str) -> Raise {
    Raise::new(
        15345,
        16,
        format!(
            "An entity of type {noun} cannot be owned by a role, a group, or by principals mapped to certificates or asymmetric keys."
        ),
    )
}

/// 15208.
pub fn bad_certificate_file() -> Raise {
    Raise::new(
        15208,
        16,
        "The certificate, asymmetric key, or private key file is not valid or does not exist; or you do not have permissions for it.",
    )
    .with_state(6)
}

/// 15297.
pub fn bad_certificate_data() -> Raise {
    Raise::new(
        15297,
        16,
        "The certificate, asymmetric key, or private key data is invalid.",
    )
}

/// 262 on a database.
pub fn denied_in_database(permission: &str, database: &str, class: u8) -> Raise {
    Raise::new(
        262,
        class,
        format!("{permission} permission denied in database '{database}'."),
    )
}
