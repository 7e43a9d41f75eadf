//! What stands under the names asked about, one row per hit.

use tiberius::Row;

use super::field::{self, Unreadable};
use super::principal;
use crate::domain::desired_state::PeerQuestion;
use crate::domain::observation::PeerNames;
use crate::tsql::sets;

/// One entry per question, in its order, nothing found yet.
pub(super) fn unanswered(questions: &[PeerQuestion]) -> Vec<PeerNames> {
    questions
        .iter()
        .map(|question| PeerNames {
            peer: question.peer,
            login: None,
            login_user: None,
            user: None,
            certificate_id: None,
            renewed_certificate_id: None,
        })
        .collect()
}

pub(super) fn answer(names: &mut [PeerNames], set: &str, row: &Row) -> Result<(), Unreadable> {
    let peer: i32 = field::need(row, set)?;
    let entry = names
        .iter_mut()
        .find(|entry| i32::try_from(entry.peer) == Ok(peer))
        .ok_or_else(|| format!("set {set} answers for a peer that was not asked about"))?;
    match set {
        sets::NAME_LOGIN => entry.login = principal::login(row)?,
        sets::NAME_LOGIN_USER => entry.login_user = principal::user(row)?,
        sets::NAME_USER => entry.user = principal::user(row)?,
        _ if field::need(row, "is_renewed")? => {
            entry.renewed_certificate_id = field::opt(row, "certificate_id")?;
        }
        _ => entry.certificate_id = field::opt(row, "certificate_id")?,
    }
    Ok(())
}
