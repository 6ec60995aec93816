//! Owns results/: versioned schema, writer, reader, renderers.
