//! Bradley-Terry and its relatives: fits, and the policies they imply.
