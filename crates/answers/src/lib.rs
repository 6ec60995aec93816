//! One typed answer a question: to be serialised, printed, or used as it is.
