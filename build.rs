//! Recompiles when a migration is added: `sqlx::migrate!` embeds the folder, and cargo would not notice by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
