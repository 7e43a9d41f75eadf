//! Running batches: sessions, control flow, transactions, procedures, log-ins.

mod batch;
pub mod call;
mod change;
mod check;
mod commit;
mod execute;
pub mod facts;
mod faulty;
mod lock_procedure;
pub mod locks;
pub mod login;
mod parameters;
mod procedure;
mod race;
mod raise;
mod select;
pub mod session;
mod settings;
mod statement;
mod system_procedure;
mod temporary;
mod transaction;
mod trigger;
