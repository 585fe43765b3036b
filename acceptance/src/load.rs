//! Many who ask the API server for Pods at once, without a pause, and what each answer is held against.
//!
//! What is expected may change while requests are under way: a request that began and ended under one expectation has to
//! meet it, and one that saw it change has to meet the old one or the new.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use crate::plane::Plane;
use crate::wait::{self, SOON};

/// A set of answers.
pub type Answers = u8;
pub const ADMITTED: Answers = 1;
/// By us, in words of ours.
pub const DENIED: Answers = 2;
/// Turned away by us, as something could not be told.
pub const UNDECIDED: Answers = 4;
/// The API server could not ask us.
pub const FAILED: Answers = 8;

/// Wrong answers that are told in full.
const TOLD: usize = 5;

/// What somebody goes on asking for.
pub struct Question {
    pub name: &'static str,
    pub pod: Value,
    expected: AtomicU64,
    /// What is wrong with an answer of ours besides.
    look: fn(&str) -> Option<String>,
    asked: AtomicU64,
    answers: AtomicUsize,
}

impl Question {
    pub fn new(name: &'static str, pod: Value, expected: Answers) -> Self {
        Self {
            name,
            pod,
            expected: AtomicU64::new(expected.into()),
            look: |_| None,
            asked: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
        }
    }

    /// Every answer of ours is looked at so, too.
    pub fn looked_at(self, look: fn(&str) -> Option<String>) -> Self {
        Self { look, ..self }
    }

    /// From now on this is expected.
    pub fn expect(&self, answers: Answers) {
        let next = |now: u64| Some(((now >> 8) + 1) << 8 | u64::from(answers));
        // It never declines, so this never fails.
        self.expected
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .ok();
    }
}

/// What is going on.
pub struct Load<'q> {
    plane: &'q Plane,
    path: String,
    questions: &'q [Question],
    over: AtomicBool,
    wrong: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<(&'static str, Answers), usize>>,
}

impl<'q> Load<'q> {
    /// Asks all questions, each by one who does nothing else, for as long as `meanwhile` takes. No answer was wrong.
    pub fn during(
        plane: &'q Plane,
        namespace: &str,
        questions: &'q [Question],
        meanwhile: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        let load = Self {
            plane,
            // What is not stored needs no tidying, and the webhooks are asked all the same.
            path: format!("/api/v1/namespaces/{namespace}/pods?dryRun=All"),
            questions,
            over: AtomicBool::new(false),
            wrong: Mutex::default(),
            counts: Mutex::default(),
        };
        thread::scope(|scope| {
            let asking: Vec<_> = questions
                .iter()
                .map(|question| scope.spawn(|| load.ask_until_over(question)))
                .collect();
            let done = meanwhile(&load);
            load.over.store(true, Ordering::SeqCst);
            for each in asking {
                each.join().unwrap_or_else(|_| bail!("somebody who asked panicked"))?;
            }
            // What went wrong first explains what went wrong then.
            load.right()?;
            done
        })
    }

    /// Waits for so many more answers to each question; none was wrong.
    pub fn more(&self, number: usize) -> Result<()> {
        for question in self.questions {
            let enough = question.answers.load(Ordering::SeqCst) + number;
            wait::until(&format!("more answers to `{}`", question.name), SOON, || {
                self.right()?;
                Ok((question.answers.load(Ordering::SeqCst) >= enough).then_some(()))
            })?;
        }
        Ok(())
    }

    /// How many answers of this kind there were to a question.
    pub fn count(&self, question: &'static str, answer: Answers) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&(question, answer)).copied().unwrap_or_default()
    }

    fn right(&self) -> Result<()> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match wrong.len() {
            0 => Ok(()),
            number => bail!(
                "{number} wrong answers, the first of them:\n{}",
                wrong[..number.min(TOLD)].join("\n")
            ),
        }
    }

    fn ask_until_over(&self, question: &Question) -> Result<()> {
        while !self.over.load(Ordering::SeqCst) {
            let number = question.asked.fetch_add(1, Ordering::Relaxed);
            let mut pod = question.pod.clone();
            pod["metadata"]["name"] = Value::from(format!("{}-{number}", question.name));
            let before = question.expected.load(Ordering::SeqCst);
            let answer = self.plane.post(&self.path, &pod)?;
            let after = question.expected.load(Ordering::SeqCst);
            let found = what(answer.status, &answer.body)
                .ok_or_else(|| anyhow!("no answer of an API server: {}", answer.body))?;
            // A set in the lowest byte; which one is in the others.
            let expected = (before | after) & 0xff;
            let complaint = match (question.look)(&answer.body) {
                _ if u64::from(found) & expected == 0 => {
                    Some(format!("expected one of {expected:04b}, found {found:04b}"))
                }
                complaint if found == DENIED => complaint,
                _ => None,
            };
            if let Some(complaint) = complaint {
                let text = format!(
                    "{}-{number}: {complaint}: {} {}",
                    question.name, answer.status, answer.body
                );
                self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            }
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry((question.name, found)).or_default() += 1;
            drop(counts);
            question.answers.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

fn what(status: u16, body: &str) -> Option<Answers> {
    if status == 201 {
        return Some(ADMITTED);
    }
    let body: Value = serde_json::from_str(body).ok()?;
    let message = body["message"].as_str()?;
    let ours = message.contains("countersign.dev\" denied the request: ");
    Some(match (status, ours) {
        (400, true) => DENIED,
        (503, true) => UNDECIDED,
        _ => FAILED,
    })
}
