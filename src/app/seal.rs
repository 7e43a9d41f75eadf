//! The seal key of this process, and whether it is the database's.

use std::path::Path;

use anyhow::{Context, bail};
use tracing::{info, warn};

use crate::store::Store;
use crate::store::seal::SealKey;
use crate::store::seal_keys::{self, Joined};

/// Where the key comes from.
pub(super) struct Source<'a> {
    pub path: &'a Path,
    /// A process that keeps everything in its own data directory makes one at its first start.
    pub made_here: bool,
    /// Names a key that nobody has any more.
    pub lost: Option<&'a str>,
}

/// The key that is there; before anything is started, because it may be unfit.
///
/// # Errors
/// When there is none and none may be made, or it is no key.
pub(super) fn read(source: &Source<'_>) -> anyhow::Result<Option<SealKey>> {
    if source.made_here && !source.path.exists() {
        return Ok(None);
    }
    let key = SealKey::from_file(source.path)
        .context("the seal key cannot be used; `mirrorgate seal-key FILE` makes one")?;
    Ok(Some(key))
}

/// The key, once the database has said that it is one of its own; made here where neither has any.
///
/// # Errors
/// When the database's secrets are sealed with other keys.
pub(super) async fn settle(
    store: &Store,
    key: Option<SealKey>,
    source: &Source<'_>,
) -> anyhow::Result<SealKey> {
    let path = source.path.display();
    let mut tx = store.begin().await?;
    let key = match key {
        Some(key) => key,
        None => {
            let known = seal_keys::known(&mut tx).await?;
            let given_up = known.iter().all(|id| source.lost == Some(id));
            if !given_up {
                bail!(
                    "{path} is not there, and the stored passwords are sealed with key {}: put it back, or its copy. {}",
                    known.join(", "),
                    when_lost(&known)
                );
            }
            let made = SealKey::create_file(source.path)?;
            info!(
                "made the seal key {path}: keep a copy, without it the stored passwords cannot be opened"
            );
            made
        }
    };
    match seal_keys::join(&mut tx, key.key_id(), source.lost).await? {
        Joined::Foreign(known) => bail!(
            "{path} is key {}, and the stored passwords are sealed with key {}: all processes on one database need the same. {}",
            key.key_id(),
            known.join(", "),
            when_lost(&known)
        ),
        Joined::First if source.lost.is_some() => warn!(
            "key {} is the database's now: passwords that were sealed with another one have to be given again, and instances PUT again",
            key.key_id()
        ),
        Joined::First | Joined::Known => {}
    }
    tx.commit().await?;
    Ok(key)
}

fn when_lost(known: &[String]) -> String {
    format!(
        "If that key is lost for good, start once with --seal-key-lost {}; then give each credential its password again, and PUT each instance again",
        known.first().map_or("ID", String::as_str)
    )
}
