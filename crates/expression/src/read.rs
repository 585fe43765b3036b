//! Reading a condition: CEL's grammar, then what it means, with the type of each part.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::parser::Parser;
use countersign_image::text::excerpt;
use regex_automata::meta::Regex;

use crate::declared::{Declared, Type};
use crate::error::ConditionError;
use crate::meaning::{Loop, Node, Operator, Search};
use crate::{MAX_BYTES, MAX_LOOPS, MAX_NESTING, MAX_NODES, MAX_OPERATORS};

type Result<T> = std::result::Result<T, ConditionError>;

/// What conditions can call.
const FUNCTIONS: &str =
    "`size`, `has`, `contains`, `startsWith`, `endsWith`, `matches`, `all`, `exists`, `exists_one` and `filter`";
/// The longest pattern of `matches`, in bytes.
const MAX_PATTERN: usize = 256;
/// The most memory that a compiled pattern takes, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

pub(crate) fn condition(text: &str, declared: &Declared) -> Result<Node> {
    if text.trim().is_empty() || text.len() > MAX_BYTES {
        return Err(ConditionError::Length { found: text.len() });
    }
    bounded(text)?;
    let tree = tree(text)?;
    let mut reader = Reader {
        declared,
        elements: Vec::new(),
        nodes: 0,
    };
    let (node, kind) = reader.node(&tree)?;
    expect("the condition", &kind, &Type::Bool)?;
    Ok(node)
}

/// The grammar's reader recurses, with much of the stack for each level: what takes it deep is counted before.
fn bounded(text: &str) -> Result<()> {
    let (mut depth, mut deepest, mut choices, mut operators) = (0usize, 0usize, 0usize, 0usize);
    let mut rest = text;
    let (mut last, mut last_sign) = (' ', ' ');
    while let Some(character) = rest.chars().next() {
        match character {
            '\'' | '"' => rest = behind_text(rest, character, "rR".contains(last))?,
            _ if rest.starts_with("//") => rest = rest.find('\n').map_or("", |end| &rest[end..]),
            _ => rest = &rest[character.len_utf8()..],
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' => choices += 1,
            _ => {}
        }
        // The grammar's reader takes `!!x` for `!x` (cel 0.13.0), so that it is not let near it.
        if "!-".contains(character) && character == last_sign {
            return Err(ConditionError::LeftOut {
                what: "sign twice in a row, as in `!!`",
            });
        }
        if !character.is_whitespace() && !rest.is_empty() {
            last_sign = character;
        }
        operators += usize::from("+-*/%<>=!&|?:.[".contains(character));
        deepest = deepest.max(depth + choices);
        last = character;
    }
    if deepest > MAX_NESTING {
        return Err(ConditionError::Nesting);
    }
    if operators > MAX_OPERATORS {
        return Err(ConditionError::Size);
    }
    Ok(())
}

/// What stands behind a text that begins here.
fn behind_text(text: &str, quote: char, raw: bool) -> Result<&str> {
    let triple: String = [quote; 3].iter().collect();
    let (mut rest, end) = match text.strip_prefix(&triple) {
        Some(rest) => (rest, triple.as_str()),
        None => (&text[1..], &triple[..1]),
    };
    while !rest.starts_with(end) {
        let mut characters = rest.chars();
        match characters.next() {
            Some('\\') if !raw => {
                characters.next();
            }
            Some('\n' | '\r') if end.len() == 1 => break,
            Some(_) => {}
            None => break,
        }
        rest = characters.as_str();
    }
    rest.strip_prefix(end).ok_or_else(|| ConditionError::Syntax {
        detail: "a text has no end".to_owned(),
    })
}

fn tree(text: &str) -> Result<IdedExpr> {
    // The grammar is generated code over somebody's text: a panic of it is a text that is not read.
    let read = catch_unwind(AssertUnwindSafe(|| {
        Parser::new().parse(text).map_err(|errors| {
            let first = errors.errors.first();
            first.map_or_else(String::new, |error| {
                format!("line {}, column {}: {}", error.pos.0, error.pos.1, error.msg)
            })
        })
    }));
    let read = read.unwrap_or_else(|_| Err("it is beyond what the grammar reads".to_owned()));
    read.map_err(|detail| ConditionError::Syntax {
        detail: excerpt(&detail, 200),
    })
}

struct Reader<'a> {
    declared: &'a Declared,
    /// The elements of the loops around, innermost last.
    elements: Vec<(String, Type)>,
    nodes: usize,
}

impl Reader<'_> {
    fn node(&mut self, expression: &IdedExpr) -> Result<(Node, Type)> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(ConditionError::Size);
        }
        match &expression.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)?),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let elements = list.elements.iter().map(|element| self.node(element));
                let elements: Vec<(Node, Type)> = elements.collect::<Result<_>>()?;
                let first = elements.first().map_or(Type::Any, |(_, kind)| kind.clone());
                let is_one = elements.iter().all(|(_, kind)| *kind == first);
                let nodes = elements.into_iter().map(|(node, _)| node).collect();
                Ok((Node::List(nodes), Type::list(if is_one { first } else { Type::Any })))
            }
            Expr::Map(_) => Err(ConditionError::LeftOut { what: "maps" }),
            Expr::Struct(_) => Err(ConditionError::LeftOut { what: "messages" }),
            Expr::Unspecified => Err(ConditionError::LeftOut {
                what: "empty expressions",
            }),
        }
    }

    fn boxed(&mut self, expression: &IdedExpr) -> Result<(Box<Node>, Type)> {
        self.node(expression).map(|(node, kind)| (Box::new(node), kind))
    }

    fn name(&mut self, name: &str) -> Result<(Node, Type)> {
        let element = self.elements.iter().rev().find(|(own, _)| own == name);
        let kind = element
            .map(|(_, kind)| kind)
            .or_else(|| self.declared.variables.get(name));
        let kind = kind.cloned().ok_or_else(|| ConditionError::UnknownVariable {
            name: excerpt(name, 60),
            known: listed(self.declared.names()),
        })?;
        Ok((Node::Name(name.to_owned()), kind))
    }

    fn select(&mut self, select: &SelectExpr) -> Result<(Node, Type)> {
        let (of, kind) = self.boxed(&select.operand)?;
        let name = select.field.clone();
        let kind = field(&kind, &name)?;
        match select.test {
            true => Ok((Node::Has { of, name }, Type::Bool)),
            false => Ok((Node::Field { of, name }, kind)),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<(Node, Type)> {
        let args: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_NOT, [inner]) => {
                let inner = self.typed(inner, &Type::Bool, "behind `!`")?;
                Ok((Node::Not(inner), Type::Bool))
            }
            (operators::NEGATE, [inner]) => {
                let inner = self.typed(inner, &Type::Number, "behind `-`")?;
                Ok((Node::Negate(inner), Type::Number))
            }
            (name @ (operators::LOGICAL_AND | operators::LOGICAL_OR), [left, right]) => {
                let left = self.typed(left, &Type::Bool, "beside `&&` or `||`")?;
                let right = self.typed(right, &Type::Bool, "beside `&&` or `||`")?;
                let node = match name {
                    operators::LOGICAL_AND => Node::And(left, right),
                    _ => Node::Or(left, right),
                };
                Ok((node, Type::Bool))
            }
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                let condition = self.typed(condition, &Type::Bool, "before `?`")?;
                let ((then, one), (otherwise, other)) = (self.boxed(then)?, self.boxed(otherwise)?);
                let node = Node::If {
                    condition,
                    then,
                    otherwise,
                };
                Ok((node, if one == other { one } else { Type::Any }))
            }
            (operators::INDEX, [of, at]) => self.index(of, at),
            ("size", [inner]) => {
                let (inner, kind) = self.boxed(inner)?;
                match kind {
                    Type::Bool | Type::Number => Err(wrong_type("in `size`", "a list, a text or an object", &kind)),
                    _ => Ok((Node::Size(inner), Type::Number)),
                }
            }
            ("matches", [text, pattern]) => self.matches(text, pattern),
            (name, [left, right]) => match (search(name), operator(name)) {
                (Some(kind), _) if call.target.is_some() => {
                    let text = self.typed(left, &Type::Text, "before `contains` and the like")?;
                    let part = self.typed(right, &Type::Text, "in `contains` and the like")?;
                    Ok((Node::Search { kind, text, part }, Type::Bool))
                }
                (_, Some(operator)) => self.binary(operator, left, right),
                _ => Err(unknown(name)),
            },
            (name, _) => Err(unknown(name)),
        }
    }

    fn typed(&mut self, expression: &IdedExpr, expected: &Type, place: &str) -> Result<Box<Node>> {
        let (node, kind) = self.boxed(expression)?;
        expect(&format!("what is {place}"), &kind, expected)?;
        Ok(node)
    }

    fn index(&mut self, of: &IdedExpr, at: &IdedExpr) -> Result<(Node, Type)> {
        let ((of, kind), (at, by)) = (self.boxed(of)?, self.boxed(at)?);
        let kind = match &kind {
            Type::List(element) => {
                expect("what is in `[…]`", &by, &Type::Number)?;
                element.as_ref().clone()
            }
            Type::Map(value) => {
                expect("what is in `[…]`", &by, &Type::Text)?;
                value.as_ref().clone()
            }
            Type::Record(_) => match at.as_ref() {
                Node::Text(name) => field(&kind, name)?,
                _ => return Err(wrong_type("in `[…]` of an object", "a text that is written there", &by)),
            },
            Type::Any => Type::Any,
            other => return Err(wrong_type("before `[…]`", "a list or an object", other)),
        };
        Ok((Node::Index { of, at }, kind))
    }

    fn binary(&mut self, operator: Operator, left: &IdedExpr, right: &IdedExpr) -> Result<(Node, Type)> {
        let ((left, one), (right, other)) = (self.boxed(left)?, self.boxed(right)?);
        let place = format!("beside `{}`", operator.name());
        let result = match operator {
            Operator::Equal | Operator::NotEqual => {
                let is_null = matches!((left.as_ref(), right.as_ref()), (Node::Null, _) | (_, Node::Null));
                if !is_null && !alike(&one, &other) {
                    return Err(wrong_type(&place, one.name(), &other));
                }
                Type::Bool
            }
            Operator::In => {
                match &other {
                    Type::List(element) if alike(element, &one) => {}
                    Type::Map(_) | Type::Record(_) => expect("what is before `in`", &one, &Type::Text)?,
                    Type::Any => {}
                    Type::List(element) => return Err(wrong_type("before `in`", element.name(), &one)),
                    _ => return Err(wrong_type("behind `in`", "a list or an object", &other)),
                }
                Type::Bool
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let ordered = |kind: &Type| matches!(kind, Type::Number | Type::Text | Type::Any);
                if let Some(kind) = [&one, &other].into_iter().find(|kind| !ordered(kind)) {
                    return Err(wrong_type(&place, "a number or a text", kind));
                }
                if !alike(&one, &other) {
                    return Err(wrong_type(&place, one.name(), &other));
                }
                Type::Bool
            }
            Operator::Add if one == Type::Text || other == Type::Text => {
                return Err(ConditionError::LeftOut {
                    what: "addition of texts",
                });
            }
            _ => {
                for kind in [&one, &other] {
                    expect(&format!("what is {place}"), kind, &Type::Number)?;
                }
                Type::Number
            }
        };
        Ok((Node::Binary { operator, left, right }, result))
    }

    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Result<(Node, Type)> {
        let text = self.typed(text, &Type::Text, "before `matches`")?;
        let (pattern, kind) = self.node(pattern)?;
        let Node::Text(pattern) = pattern else {
            return Err(wrong_type("in `matches`", "a pattern that is written there", &kind));
        };
        let wrong = |detail: &str| ConditionError::Pattern {
            pattern: excerpt(&pattern, 60),
            detail: excerpt(detail, 200),
        };
        if pattern.len() > MAX_PATTERN {
            return Err(wrong(&format!("it has more than {MAX_PATTERN} bytes")));
        }
        let limits = Regex::config()
            .nfa_size_limit(Some(MAX_COMPILED))
            .onepass_size_limit(Some(MAX_COMPILED))
            .hybrid_cache_capacity(MAX_COMPILED);
        let compiled = Regex::builder().configure(limits).build(&pattern);
        let pattern = Box::new(compiled.map_err(|error| wrong(&error.to_string()))?);
        Ok((Node::Matches { text, pattern }, Type::Bool))
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Result<(Node, Type)> {
        if self.elements.len() >= MAX_LOOPS {
            return Err(ConditionError::Loops);
        }
        let (kind, body) = meant(comprehension)?;
        let (range, of) = self.boxed(&comprehension.iter_range)?;
        let element = match &of {
            Type::List(element) => element.as_ref().clone(),
            Type::Map(_) | Type::Record(_) => Type::Text,
            Type::Any => Type::Any,
            other => {
                return Err(wrong_type(
                    "before `all`, `exists` or `filter`",
                    "a list or an object",
                    other,
                ));
            }
        };
        let name = comprehension.iter_var.clone();
        self.elements.push((name.clone(), element.clone()));
        let body = self.typed(body, &Type::Bool, "in `all`, `exists` or `filter`");
        self.elements.pop();
        let node = Node::Loop {
            kind,
            range,
            element: name,
            body: body?,
        };
        Ok(match kind {
            Loop::Filter => (node, Type::list(element)),
            _ => (node, Type::Bool),
        })
    }
}

/// Which macro a comprehension was written as. The grammar has no other way to write one.
fn meant(comprehension: &ComprehensionExpr) -> Result<(Loop, &IdedExpr)> {
    let Expr::Call(step) = &comprehension.loop_step.expr else {
        return Err(ConditionError::LeftOut { what: "such loops" });
    };
    let is_element = |added: &IdedExpr| {
        let Expr::Call(add) = &added.expr else { return false };
        let [_, list] = add.args.as_slice() else { return false };
        let Expr::List(list) = &list.expr else { return false };
        matches!(list.elements.as_slice(), [one] if one.expr == Expr::Ident(comprehension.iter_var.clone()))
    };
    match (
        &comprehension.accu_init.expr,
        step.func_name.as_str(),
        step.args.as_slice(),
    ) {
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND, [_, body]) => Ok((Loop::All, body)),
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR, [_, body]) => Ok((Loop::Exists, body)),
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL, [body, _, _]) => Ok((Loop::ExistsOne, body)),
        (Expr::List(_), operators::CONDITIONAL, [body, added, _]) if is_element(added) => Ok((Loop::Filter, body)),
        _ => Err(ConditionError::LeftOut {
            what: "`map`: ask `exists`, `all` or `filter`",
        }),
    }
}

fn of_literal(literal: &LiteralValue) -> Result<(Node, Type)> {
    Ok(match literal {
        LiteralValue::Boolean(bool) => (Node::Bool(*bool.inner()), Type::Bool),
        LiteralValue::Int(whole) => (Node::Int((*whole.inner()).into()), Type::Number),
        LiteralValue::UInt(whole) => (Node::Int((*whole.inner()).into()), Type::Number),
        LiteralValue::Double(float) => (Node::Float(*float.inner()), Type::Number),
        LiteralValue::String(text) => (Node::Text(text.inner().to_owned()), Type::Text),
        LiteralValue::Null => (Node::Null, Type::Any),
        LiteralValue::Bytes(_) => return Err(ConditionError::LeftOut { what: "bytes" }),
    })
}

fn search(name: &str) -> Option<Search> {
    [Search::Contains, Search::StartsWith, Search::EndsWith]
        .into_iter()
        .find(|search| search.name() == name)
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        _ => return None,
    })
}

fn field(of: &Type, name: &str) -> Result<Type> {
    match of {
        Type::Any => Ok(Type::Any),
        Type::Map(value) => Ok(value.as_ref().clone()),
        Type::Record(fields) => fields.get(name).cloned().ok_or_else(|| ConditionError::UnknownField {
            name: excerpt(name, 60),
            of: of.name().to_owned(),
            known: listed(fields.keys().copied()),
        }),
        other => Err(wrong_type(
            &format!("before `.{}`", excerpt(name, 60)),
            "an object",
            other,
        )),
    }
}

/// Whether two can be equal.
fn alike(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::List(one), Type::List(other)) => alike(one, other),
        (Type::Map(_) | Type::Record(_), Type::Map(_) | Type::Record(_)) => true,
        _ => one == other,
    }
}

fn expect(place: &str, found: &Type, expected: &Type) -> Result<()> {
    if *found == Type::Any || found == expected {
        return Ok(());
    }
    Err(ConditionError::Type {
        place: place.to_owned(),
        expected: expected.name(),
        found: found.name(),
    })
}

fn wrong_type(place: &str, expected: &'static str, found: &Type) -> ConditionError {
    ConditionError::Type {
        place: format!("what is {place}"),
        expected,
        found: found.name(),
    }
}

fn unknown(name: &str) -> ConditionError {
    ConditionError::UnknownFunction {
        name: excerpt(name, 60),
        known: FUNCTIONS,
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
