//! Conditions, as gates write them: expressions in CEL (the Common Expression Language) over declared variables, which come to
//! yes or no within a number of steps that is fixed before they run.
//!
//! The language is CEL's own, read by the `cel` crate. What is evaluated is a part of it, by an evaluator of ours that counts
//! its steps and copies nothing: the crate's own has no bound on what an expression costs. Left out is what builds new
//! values (`map`, maps, messages, addition of lists or texts), and what reads a clock.
//!
//! This crate is pure: no clock, no environment, no files, no sockets.
#![warn(missing_docs)]

mod declared;
mod error;
mod evaluate;
mod meaning;
mod read;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use countersign_image::text::excerpt;
use serde_json::Value;

pub use declared::{Declared, Type};
pub use error::{ConditionError, EvaluationError};

/// The longest condition, in bytes.
pub const MAX_BYTES: usize = 4_096;
/// The most operators, calls and names of one condition.
pub const MAX_NODES: usize = 500;
/// The most signs of one condition, where `&&` is two: a chain of them is a tree as deep as it is long.
pub const MAX_OPERATORS: usize = 120;
/// How deep parentheses, calls, lists and choices nest: the grammar takes 150 KB of stack for each in a debug build.
pub const MAX_NESTING: usize = 8;
/// How deep `all`, `exists`, `exists_one` and `filter` nest within each other.
pub const MAX_LOOPS: usize = 3;
/// The steps that one evaluation may take.
pub const MAX_STEPS: u64 = 5_000_000;

/// A condition that was read, and whose names and types are right.
#[derive(Clone)]
pub struct Condition {
    text: String,
    meaning: Arc<meaning::Node>,
}

impl Condition {
    /// Reads a condition over variables that are declared; the names of anything else are refused here, and not when it is
    /// asked.
    pub fn parse(text: &str, declared: &Declared) -> Result<Self, ConditionError> {
        read::condition(text, declared).map(|meaning| Self {
            text: text.to_owned(),
            meaning: Arc::new(meaning),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for these variables.
    ///
    /// # Errors
    /// Where a field is not there, a type is another one, a number does not fit, or it would take more than [`MAX_STEPS`]
    /// steps. Whoever asks takes that for a no.
    pub fn holds(&self, variables: &BTreeMap<&str, Value>) -> Result<bool, EvaluationError> {
        self.holds_within(variables, MAX_STEPS)
    }

    /// As [`Condition::holds`], within another number of steps.
    ///
    /// # Errors
    /// As there.
    pub fn holds_within(&self, variables: &BTreeMap<&str, Value>, steps: u64) -> Result<bool, EvaluationError> {
        evaluate::holds(&self.meaning, variables, steps)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Condition({:?})", excerpt(&self.text, 200))
    }
}

/// Two are one where their texts are.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}
