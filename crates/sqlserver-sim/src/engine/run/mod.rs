//! Running batches: sessions, control flow, transactions, procedures, log-ins.

pub mod call;
mod check;
pub mod facts;
mod faulty;
pub mod locks;
pub mod login;
mod procedure;
mod raise;
mod select;
pub mod session;
mod settings;
mod statement;
mod system_procedure;
mod temporary;
mod transaction;
mod trigger;
