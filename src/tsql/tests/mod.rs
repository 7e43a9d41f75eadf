//! What the tests of this layer share: hostile names, and the corpus of everything mirrorgate can emit.

mod corpus;
pub(crate) mod hostile;
