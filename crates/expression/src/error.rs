//! Why a text is no condition, and why one could not be asked.

use thiserror::Error;

use crate::{MAX_BYTES, MAX_LOOPS, MAX_NESTING, MAX_NODES, MAX_OPERATORS};

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConditionError {
    /// It is empty, or too long.
    #[error("a condition has from 1 to {MAX_BYTES} bytes, and this one has {found}")]
    Length {
        /// The length, in bytes.
        found: usize,
    },
    /// It nests too deep.
    #[error("the condition nests deeper than {MAX_NESTING} parentheses, calls, lists and choices")]
    Nesting,
    /// It is too large.
    #[error("the condition has more than {MAX_NODES} operators, calls and names, or more than {MAX_OPERATORS} signs")]
    Size,
    /// Its loops nest too deep.
    #[error("`all`, `exists`, `exists_one` and `filter` nest deeper than {MAX_LOOPS}")]
    Loops,
    /// It is not CEL.
    #[error("the condition is not CEL: {detail}")]
    Syntax {
        /// What is wrong, shortened.
        detail: String,
    },
    /// It names a variable that there is not.
    #[error("`{name}` is no variable here; {known} are")]
    UnknownVariable {
        /// The name, shortened.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It names a field that there is not.
    #[error("`{name}` is no field of {of}; {known} are")]
    UnknownField {
        /// The name, shortened.
        name: String,
        /// Of what.
        of: String,
        /// Those that there are.
        known: String,
    },
    /// It calls what is not there.
    #[error("`{name}` is not there in conditions; {known} are")]
    UnknownFunction {
        /// The name, shortened.
        name: String,
        /// Those that there are.
        known: &'static str,
    },
    /// A part of CEL that conditions do without.
    #[error("conditions have no {what}")]
    LeftOut {
        /// What.
        what: &'static str,
    },
    /// It, or a part of it, is of another type than is needed there.
    #[error("{place} is {found}, and has to be {expected}")]
    Type {
        /// Where.
        place: String,
        /// What is needed.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A regular expression that is none, or too large.
    #[error("the pattern `{pattern}` is not read: {detail}")]
    Pattern {
        /// The pattern, shortened.
        pattern: String,
        /// What is wrong, shortened.
        detail: String,
    },
}

/// Why a condition came to neither yes nor no.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// It would take more steps than it may.
    #[error("it takes more than {limit} steps")]
    Steps {
        /// The limit.
        limit: u64,
    },
    /// A field is not there.
    #[error("there is no `{name}`; ask `has(…)` first where it may be missing")]
    Missing {
        /// Its name, shortened.
        name: String,
    },
    /// A variable was not given.
    #[error("the variable `{name}` is not known")]
    Unset {
        /// Its name.
        name: String,
    },
    /// Something is of another type than it has to be there.
    #[error("`{operation}` is not there for {found}")]
    Type {
        /// What was to be done.
        operation: String,
        /// With what.
        found: &'static str,
    },
    /// A number that does not fit, or a division by zero.
    #[error("`{operation}` has no result")]
    Arithmetic {
        /// What was to be done.
        operation: String,
    },
    /// An element beyond the end of a list.
    #[error("a list of {length} has no element {index}")]
    Index {
        /// Which.
        index: i64,
        /// How many there are.
        length: usize,
    },
    /// It came to something else than yes or no.
    #[error("it comes to {found}, and not to yes or no")]
    NotBool {
        /// To what.
        found: &'static str,
    },
}
