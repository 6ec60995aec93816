//! Preference data in: matrix, comparison and policy files.
