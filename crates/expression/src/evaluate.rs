//! Asking a condition, step by step.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use countersign_image::text::excerpt;
use serde_json::Value;

use crate::error::EvaluationError;
use crate::meaning::{Loop, Node, Operator, Search};
use crate::value::Val;

type Result<T> = std::result::Result<T, EvaluationError>;

pub(crate) fn holds(condition: &Node, variables: &BTreeMap<&str, Value>, limit: u64) -> Result<bool> {
    let mut asked = Asked {
        variables,
        elements: Vec::new(),
        left: limit,
        limit,
    };
    match asked.value(condition)? {
        Val::Bool(bool) => Ok(bool),
        other => Err(EvaluationError::NotBool { found: other.name() }),
    }
}

struct Asked<'a> {
    variables: &'a BTreeMap<&'a str, Value>,
    /// The elements of the loops that are under way, innermost last.
    elements: Vec<(&'a str, Val<'a>)>,
    left: u64,
    limit: u64,
}

impl<'a> Asked<'a> {
    fn step(&mut self, count: usize) -> Result<()> {
        let count = count as u64;
        // What is out of steps stays so: no `||` goes on after it.
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(EvaluationError::Steps { limit: self.limit })
    }

    fn value(&mut self, node: &'a Node) -> Result<Val<'a>> {
        self.step(1)?;
        Ok(match node {
            Node::Null => Val::Null,
            Node::Bool(bool) => Val::Bool(*bool),
            Node::Int(whole) => Val::Int(*whole),
            Node::Float(float) => Val::Float(*float),
            Node::Text(text) => Val::Text(text),
            Node::List(elements) => {
                let values = elements.iter().map(|element| self.value(element));
                Val::List(values.collect::<Result<Rc<[_]>>>()?)
            }
            Node::Name(name) => self.named(name)?,
            Node::Field { of, name } => {
                let of = self.value(of)?;
                field(&of, name)?.ok_or_else(|| missing(name))?
            }
            Node::Has { of, name } => {
                let of = self.value(of)?;
                Val::Bool(field(&of, name)?.is_some())
            }
            Node::Index { of, at } => self.index(of, at)?,
            Node::Not(inner) => Val::Bool(!self.bool(inner, "!")?),
            Node::Negate(inner) => match self.value(inner)? {
                Val::Int(whole) => whole_number(whole.checked_neg(), "-")?,
                Val::Float(float) => Val::Float(-float),
                other => return Err(not_there("-", &other)),
            },
            Node::And(left, right) => self.either(left, right, false)?,
            Node::Or(left, right) => self.either(left, right, true)?,
            Node::If {
                condition,
                then,
                otherwise,
            } => match self.bool(condition, "?")? {
                true => self.value(then)?,
                false => self.value(otherwise)?,
            },
            Node::Binary { operator, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(*operator, &left, &right)?
            }
            Node::Size(inner) => self.size(inner)?,
            Node::Search { kind, text, part } => self.search(*kind, text, part)?,
            Node::Matches { text, pattern } => match self.value(text)? {
                Val::Text(text) => {
                    self.step(text.len())?;
                    Val::Bool(pattern.is_match(text))
                }
                other => return Err(not_there("matches", &other)),
            },
            Node::Loop {
                kind,
                range,
                element,
                body,
            } => self.each(*kind, range, element, body)?,
        })
    }

    fn named(&self, name: &str) -> Result<Val<'a>> {
        let element = self.elements.iter().rev().find(|(own, _)| *own == name);
        if let Some((_, value)) = element {
            return Ok(value.clone());
        }
        let variable = self.variables.get(name).map(Val::of);
        variable.ok_or_else(|| EvaluationError::Unset {
            name: excerpt(name, 60),
        })
    }

    fn bool(&mut self, node: &'a Node, operation: &str) -> Result<bool> {
        match self.value(node)? {
            Val::Bool(bool) => Ok(bool),
            other => Err(not_there(operation, &other)),
        }
    }

    /// `||` where `decides` is true, `&&` where it is false: one side that decides is enough, whatever is wrong with the
    /// other.
    fn either(&mut self, left: &'a Node, right: &'a Node, decides: bool) -> Result<Val<'a>> {
        let operation = if decides { "||" } else { "&&" };
        let first = self.bool(left, operation);
        if first == Ok(decides) {
            return Ok(Val::Bool(decides));
        }
        let second = self.bool(right, operation);
        if self.left == 0 {
            return Err(EvaluationError::Steps { limit: self.limit });
        }
        match (first, second) {
            (_, Ok(bool)) if bool == decides => Ok(Val::Bool(decides)),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(_)) => Ok(Val::Bool(!decides)),
        }
    }

    fn index(&mut self, of: &'a Node, at: &'a Node) -> Result<Val<'a>> {
        let (of, at) = (self.value(of)?, self.value(at)?);
        match (&of, &at) {
            (Val::Object(_), Val::Text(name)) => field(&of, name)?.ok_or_else(|| missing(name)),
            (Val::List(_) | Val::Array(_), Val::Int(index)) => {
                let found = usize::try_from(*index).ok().and_then(|index| of.element(index));
                found.ok_or_else(|| EvaluationError::Index {
                    index: i64::try_from(*index).unwrap_or(i64::MAX),
                    length: of.length().unwrap_or_default(),
                })
            }
            (Val::List(_) | Val::Array(_), _) => Err(not_there("[…]", &at)),
            _ => Err(not_there("[…]", &of)),
        }
    }

    fn size(&mut self, inner: &'a Node) -> Result<Val<'a>> {
        let value = self.value(inner)?;
        let size = match &value {
            Val::Text(text) => {
                self.step(text.len() / 16)?;
                Some(text.chars().count())
            }
            other => other.length(),
        };
        let size = size.ok_or_else(|| not_there("size", &value))?;
        Ok(Val::Int(size as i128))
    }

    fn search(&mut self, kind: Search, text: &'a Node, part: &'a Node) -> Result<Val<'a>> {
        let (text, part) = (self.value(text)?, self.value(part)?);
        let (text, part) = match (text, part) {
            (Val::Text(text), Val::Text(part)) => (text, part),
            (Val::Text(_), other) | (other, _) => return Err(not_there(kind.name(), &other)),
        };
        self.step((text.len() + part.len()) / 16)?;
        Ok(Val::Bool(match kind {
            Search::Contains => text.contains(part),
            Search::StartsWith => text.starts_with(part),
            Search::EndsWith => text.ends_with(part),
        }))
    }

    fn each(&mut self, kind: Loop, range: &'a Node, element: &'a str, body: &'a Node) -> Result<Val<'a>> {
        let range = self.value(range)?;
        // Nothing is copied of a list, however often it is gone through.
        let range = match range {
            Val::List(_) => range,
            Val::Array(list) => {
                self.step(list.len())?;
                range
            }
            Val::Object(object) => {
                self.step(object.len())?;
                Val::List(object.keys().map(|key| Val::Text(key)).collect())
            }
            other => return Err(not_there("all, exists or filter", &other)),
        };
        let (mut trouble, mut count, mut kept) = (None, 0usize, Vec::new());
        for at in 0..range.length().unwrap_or_default() {
            let Some(value) = range.element(at) else { break };
            self.elements.push((element, value.clone()));
            let held = self.bool(body, "a condition");
            self.elements.pop();
            if self.left == 0 {
                return Err(EvaluationError::Steps { limit: self.limit });
            }
            match (kind, held) {
                (Loop::All, Ok(false)) => return Ok(Val::Bool(false)),
                (Loop::Exists, Ok(true)) => return Ok(Val::Bool(true)),
                // Another element may decide.
                (Loop::All | Loop::Exists, Err(error)) => trouble = trouble.or(Some(error)),
                (Loop::ExistsOne | Loop::Filter, Err(error)) => return Err(error),
                (Loop::ExistsOne, Ok(true)) => count += 1,
                (Loop::Filter, Ok(true)) => kept.push(value),
                (_, Ok(_)) => {}
            }
        }
        match (trouble, kind) {
            (Some(error), _) => Err(error),
            (None, Loop::All) => Ok(Val::Bool(true)),
            (None, Loop::Exists) => Ok(Val::Bool(false)),
            (None, Loop::ExistsOne) => Ok(Val::Bool(count == 1)),
            (None, Loop::Filter) => Ok(Val::List(kept.into())),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>> {
        let ordered = |holds: fn(Ordering) -> bool| {
            let order = left.order(right);
            let order = order.ok_or_else(|| not_there(operator.name(), right))?;
            Ok(Val::Bool(holds(order)))
        };
        if let (Val::Text(one), Val::Text(other)) = (left, right) {
            self.step(one.len().min(other.len()) / 16)?;
        }
        match operator {
            Operator::Equal => Ok(Val::Bool(self.equal(left, right)?)),
            Operator::NotEqual => Ok(Val::Bool(!self.equal(left, right)?)),
            Operator::Less => ordered(Ordering::is_lt),
            Operator::LessOrEqual => ordered(Ordering::is_le),
            Operator::Greater => ordered(Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(Ordering::is_ge),
            Operator::In => self.is_in(left, right),
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                calculated(operator, left, right)
            }
        }
    }

    fn is_in(&mut self, value: &Val<'a>, within: &Val<'a>) -> Result<Val<'a>> {
        if let (Val::Object(object), Val::Text(name)) = (within, value) {
            return Ok(Val::Bool(object.contains_key(*name)));
        }
        let (Val::List(_) | Val::Array(_)) = within else {
            return Err(not_there("in", within));
        };
        for at in 0..within.length().unwrap_or_default() {
            self.step(1)?;
            let element = within.element(at).unwrap_or(Val::Null);
            if self.equal(value, &element)? {
                return Ok(Val::Bool(true));
            }
        }
        Ok(Val::Bool(false))
    }

    /// Values of two types are not equal, but for numbers.
    fn equal(&mut self, one: &Val<'a>, other: &Val<'a>) -> Result<bool> {
        self.step(1)?;
        match (one, other) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::Text(one), Val::Text(other)) => {
                self.step(one.len().min(other.len()) / 16)?;
                Ok(one == other)
            }
            (Val::List(_) | Val::Array(_), Val::List(_) | Val::Array(_)) => {
                let length = one.length().unwrap_or_default();
                if Some(length) != other.length() {
                    return Ok(false);
                }
                for at in 0..length {
                    let (one, other) = (one.element(at), other.element(at));
                    let (Some(one), Some(other)) = (one, other) else {
                        return Ok(false);
                    };
                    if !self.equal(&one, &other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Val::Object(one), Val::Object(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (name, value) in *one {
                    let Some(others) = other.get(name) else {
                        return Ok(false);
                    };
                    if !self.equal(&Val::of(value), &Val::of(others))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(one.order(other) == Some(Ordering::Equal)),
        }
    }
}

fn field<'a>(of: &Val<'a>, name: &str) -> Result<Option<Val<'a>>> {
    match of {
        Val::Object(object) => Ok(object.get(name).map(Val::of)),
        other => Err(not_there(&format!(".{}", excerpt(name, 60)), other)),
    }
}

fn calculated<'a>(operator: Operator, left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>> {
    let name = operator.name();
    match (left, right) {
        (Val::Int(left), Val::Int(right)) => {
            let result = match operator {
                Operator::Add => left.checked_add(*right),
                Operator::Subtract => left.checked_sub(*right),
                Operator::Multiply => left.checked_mul(*right),
                Operator::Divide => left.checked_div(*right),
                _ => left.checked_rem(*right),
            };
            whole_number(result, name)
        }
        (Val::Float(left), Val::Float(right)) if operator != Operator::Remainder => {
            let result = match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                _ => left / right,
            };
            Some(Val::Float(result))
                .filter(|_| result.is_finite())
                .ok_or_else(|| EvaluationError::Arithmetic {
                    operation: name.to_owned(),
                })
        }
        (Val::Int(_) | Val::Float(_), other) | (other, _) => Err(not_there(name, other)),
    }
}

/// CEL's whole numbers have 64 bits.
fn whole_number<'a>(result: Option<i128>, operation: &str) -> Result<Val<'a>> {
    let fits = |whole: &i128| i64::try_from(*whole).is_ok() || u64::try_from(*whole).is_ok();
    let result = result.filter(fits).map(Val::Int);
    result.ok_or_else(|| EvaluationError::Arithmetic {
        operation: operation.to_owned(),
    })
}

fn not_there(operation: &str, found: &Val<'_>) -> EvaluationError {
    EvaluationError::Type {
        operation: operation.to_owned(),
        found: found.name(),
    }
}

fn missing(name: &str) -> EvaluationError {
    EvaluationError::Missing {
        name: excerpt(name, 60),
    }
}
