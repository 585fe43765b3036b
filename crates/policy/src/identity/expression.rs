//! Go's regular expressions, as policy-controller reads them, by an engine that reads a few texts otherwise.
//!
//! Both engines promise time linear in the text. Where the same text means something else to them, it is either put in
//! words that mean to ours what Go reads (`\d`, `\w`, `\s` and `\b` know ASCII only in Go), or refused (`&&` in a class is
//! an intersection here and two characters there): an expression never matches more here than it does there.

use std::sync::Arc;

use regex_automata::meta::{Config, Regex};
use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSet, ClassSetBinaryOpKind, ClassSetItem, Flag,
    FlagsItemKind,
};
use thiserror::Error;

/// The longest expression that is read, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 8 * 1024;
/// How deep an expression may be nested.
const MAX_NESTING: u32 = 100;
/// The most memory that a compiled expression may need, in bytes.
const MAX_COMPILED: usize = 4 << 20;
/// The most memory that matching may keep from one name for the next, in bytes.
const MAX_CACHED: usize = 256 << 10;
/// The highest count of a repetition that Go reads.
const MAX_REPEAT: u32 = 1000;

/// Where in a name an expression may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchoring {
    /// Anywhere, as a ClusterImagePolicy reads it.
    Anywhere,
    /// The whole name.
    Whole,
}

/// A regular expression over names.
#[derive(Clone)]
pub struct Expression {
    written: String,
    anchoring: Anchoring,
    compiled: Arc<Regex>,
    anchored: bool,
}

/// Why a text is not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// It is longer than is read.
    #[error("it has {found} bytes, and {MAX_EXPRESSION_BYTES} are the most")]
    TooLong {
        /// Its length, in bytes.
        found: usize,
    },
    /// It is not in the syntax of regular expressions.
    #[error("{0}")]
    Syntax(String),
    /// policy-controller's engine reads it otherwise than ours, or not at all.
    #[error("{what} means something else, or nothing, in the syntax of RE2; write it in another way")]
    NotRe2 {
        /// What.
        what: &'static str,
    },
    /// It needs more memory than it may have.
    #[error("it is too large to compile")]
    TooLarge,
}

impl Expression {
    /// Reads an expression in the syntax of RE2.
    pub fn parse(written: &str, anchoring: Anchoring) -> Result<Self, ExpressionError> {
        if written.len() > MAX_EXPRESSION_BYTES {
            return Err(ExpressionError::TooLong { found: written.len() });
        }
        let mut tree = ast::parse::ParserBuilder::new()
            .nest_limit(MAX_NESTING)
            .build()
            .parse(written)
            .map_err(|error| ExpressionError::Syntax(error.kind().to_string()))?;
        as_re2(&mut tree)?;
        let text = print(&tree)?;
        let text = match anchoring {
            Anchoring::Anywhere => text,
            Anchoring::Whole => format!(r"\A(?:{text})\z"),
        };
        let compiled = Regex::builder()
            .configure(
                Config::new()
                    .nfa_size_limit(Some(MAX_COMPILED))
                    .hybrid_cache_capacity(MAX_CACHED)
                    .onepass(false)
                    .dfa(false)
                    .utf8_empty(true),
            )
            .syntax(
                regex_automata::util::syntax::Config::new()
                    .nest_limit(MAX_NESTING * 2)
                    .utf8(false),
            )
            .build(&text)
            .map_err(|error| match error.syntax_error() {
                Some(error) => ExpressionError::Syntax(last_line(&error.to_string()).to_owned()),
                None => ExpressionError::TooLarge,
            })?;
        Ok(Self {
            written: written.to_owned(),
            anchoring,
            compiled: Arc::new(compiled),
            anchored: is_anchored(&text),
        })
    }

    /// Whether the expression matches a name: anywhere in it, or the whole of it.
    pub fn matches(&self, name: &str) -> bool {
        self.compiled.is_match(name)
    }

    /// The expression as it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether whatever it matches is the whole of a name.
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        (&self.written, self.anchoring) == (&other.written, other.anchoring)
    }
}

impl Eq for Expression {}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{}/ ({:?})", self.written, self.anchoring)
    }
}

fn is_anchored(text: &str) -> bool {
    let parsed = regex_automata::util::syntax::parse_with(
        text,
        &regex_automata::util::syntax::Config::new()
            .nest_limit(MAX_NESTING * 2)
            .utf8(false),
    );
    parsed.is_ok_and(|parsed| {
        let properties = parsed.properties();
        let begins = properties.look_set_prefix().contains(regex_syntax::hir::Look::Start);
        let ends = properties.look_set_suffix().contains(regex_syntax::hir::Look::End);
        begins && ends
    })
}

/// The parser draws the pattern with a caret under the mistake; the sentence comes last.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

fn print(tree: &Ast) -> Result<String, ExpressionError> {
    let mut text = String::new();
    ast::print::Printer::new()
        .print(tree, &mut text)
        .map_err(|error| ExpressionError::Syntax(error.to_string()))?;
    Ok(text)
}

/// Puts into an expression what Go reads in it.
fn as_re2(tree: &mut Ast) -> Result<(), ExpressionError> {
    let not_re2 = |what| Err(ExpressionError::NotRe2 { what });
    match tree {
        Ast::Empty(_) | Ast::Dot(_) | Ast::Literal(_) | Ast::ClassUnicode(_) => Ok(()),
        Ast::Flags(flags) => check_flags(&flags.flags),
        Ast::Assertion(assertion) => match assertion.kind {
            AssertionKind::StartLine | AssertionKind::EndLine | AssertionKind::StartText | AssertionKind::EndText => {
                Ok(())
            }
            AssertionKind::WordBoundary | AssertionKind::NotWordBoundary => {
                *tree = parsed(match assertion.kind {
                    AssertionKind::WordBoundary => r"(?-u:\b)",
                    _ => r"(?-u:\B)",
                })?;
                Ok(())
            }
            _ => not_re2("a boundary of half a word"),
        },
        Ast::ClassPerl(class) => {
            *tree = parsed(ascii(class))?;
            Ok(())
        }
        Ast::ClassBracketed(class) => class_as_re2(&mut class.kind),
        Ast::Repetition(repetition) => {
            if let ast::RepetitionKind::Range(range) = &repetition.op.kind
                && highest(range) > MAX_REPEAT
            {
                return not_re2("a repetition of more than 1000");
            }
            as_re2(&mut repetition.ast)
        }
        Ast::Group(group) => {
            if let ast::GroupKind::NonCapturing(flags) = &group.kind {
                check_flags(flags)?;
            }
            as_re2(&mut group.ast)
        }
        Ast::Alternation(list) => list.asts.iter_mut().try_for_each(as_re2),
        Ast::Concat(list) => list.asts.iter_mut().try_for_each(as_re2),
    }
}

fn highest(range: &ast::RepetitionRange) -> u32 {
    match range {
        ast::RepetitionRange::Exactly(count) | ast::RepetitionRange::AtLeast(count) => *count,
        ast::RepetitionRange::Bounded(least, most) => *least.max(most),
    }
}

fn check_flags(flags: &ast::Flags) -> Result<(), ExpressionError> {
    let known = |item: &ast::FlagsItem| match item.kind {
        FlagsItemKind::Negation => true,
        FlagsItemKind::Flag(flag) => matches!(
            flag,
            Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed
        ),
    };
    if flags.items.iter().all(known) {
        Ok(())
    } else {
        Err(ExpressionError::NotRe2 {
            what: "a flag other than `i`, `m`, `s` and `U`",
        })
    }
}

fn class_as_re2(set: &mut ClassSet) -> Result<(), ExpressionError> {
    match set {
        ClassSet::Item(item) => item_as_re2(item),
        ClassSet::BinaryOp(operation) => Err(ExpressionError::NotRe2 {
            what: match operation.kind {
                ClassSetBinaryOpKind::Intersection => "`&&` in a class",
                ClassSetBinaryOpKind::Difference => "`--` in a class",
                ClassSetBinaryOpKind::SymmetricDifference => "`~~` in a class",
            },
        }),
    }
}

fn item_as_re2(item: &mut ClassSetItem) -> Result<(), ExpressionError> {
    match item {
        ClassSetItem::Empty(_)
        | ClassSetItem::Literal(_)
        | ClassSetItem::Range(_)
        | ClassSetItem::Ascii(_)
        | ClassSetItem::Unicode(_) => Ok(()),
        ClassSetItem::Bracketed(_) => Err(ExpressionError::NotRe2 {
            what: "a `[` in a class without `\\` before it",
        }),
        ClassSetItem::Perl(class) => {
            if let Ast::ClassBracketed(ascii) = &parsed(ascii(class))? {
                *item = ClassSetItem::Bracketed(ascii.clone());
            }
            Ok(())
        }
        ClassSetItem::Union(union) => union.items.iter_mut().try_for_each(item_as_re2),
    }
}

/// What Go reads in `\d` and its like.
fn ascii(class: &ClassPerl) -> &'static str {
    match (&class.kind, class.negated) {
        (ClassPerlKind::Digit, false) => r"[0-9]",
        (ClassPerlKind::Digit, true) => r"[^0-9]",
        (ClassPerlKind::Space, false) => r"[\t\n\f\r\x20]",
        (ClassPerlKind::Space, true) => r"[^\t\n\f\r\x20]",
        (ClassPerlKind::Word, false) => r"[0-9A-Za-z_]",
        (ClassPerlKind::Word, true) => r"[^0-9A-Za-z_]",
    }
}

fn parsed(text: &str) -> Result<Ast, ExpressionError> {
    ast::parse::Parser::new()
        .parse(text)
        .map_err(|error| ExpressionError::Syntax(error.to_string()))
}
