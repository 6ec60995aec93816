//! The schema of results/, its reader and writer, and the vocabulary that every crate shares.
