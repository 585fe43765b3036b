//! What was found, beside what is wanted: as a table in a terminal, as JSON, and as Markdown between the marks of a document.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Wanted {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// This number and no other.
    Exactly(f64),
}

impl Wanted {
    fn met(self, found: f64) -> bool {
        match self {
            Self::AtLeast(bound) => found >= bound,
            Self::AtMost(bound) => found <= bound,
            Self::Exactly(number) => (found - number).abs() < f64::EPSILON,
        }
    }
}

/// One line of a result.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The figure: a ratio wherever one can be had.
    pub found: f64,
    /// Its unit; empty for ratios.
    pub unit: &'static str,
    /// What is wanted of it; nothing where it is only told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    /// Absolute figures and circumstances.
    pub beside: String,
}

impl Figure {
    /// A figure that is only told.
    #[must_use]
    pub fn told(what: impl Into<String>, found: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            found,
            unit,
            wanted: None,
            beside: String::new(),
        }
    }

    /// The same, of which something is wanted.
    #[must_use]
    pub fn wanted(self, wanted: Wanted) -> Self {
        Self {
            wanted: Some(wanted),
            ..self
        }
    }

    /// The same, with what belongs beside it.
    #[must_use]
    pub fn beside(self, beside: impl Into<String>) -> Self {
        Self {
            beside: beside.into(),
            ..self
        }
    }

    /// Whether it is as wanted; true where nothing is.
    #[must_use]
    pub fn met(&self) -> bool {
        self.wanted.is_none_or(|wanted| wanted.met(self.found))
    }

    fn cells(&self) -> [String; 4] {
        let shown = |number: f64| with_unit(number, self.unit);
        let wanted = match self.wanted {
            None => String::new(),
            Some(Wanted::AtLeast(bound)) => format!("≥ {}", shown(bound)),
            Some(Wanted::AtMost(bound)) => format!("≤ {}", shown(bound)),
            Some(Wanted::Exactly(number)) => shown(number),
        };
        let found = if self.met() {
            shown(self.found)
        } else {
            format!("{} (missed)", shown(self.found))
        };
        [self.what.clone(), found, wanted, self.beside.clone()]
    }
}

fn with_unit(number: f64, unit: &str) -> String {
    let text = if number.fract() == 0.0 || number.abs() >= 1000.0 {
        format!("{number:.0}")
    } else if number.abs() >= 100.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    };
    if unit.is_empty() {
        text
    } else {
        format!("{text} {unit}")
    }
}

/// The figures of one scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// The scenario's name, as on the command line.
    pub scenario: &'static str,
    /// Its figures, in the order in which they were found.
    pub figures: Vec<Figure>,
}

/// The word above each column.
const COLUMNS: [&str; 4] = ["what", "found", "wanted", "beside"];

impl Results {
    /// Whether everything is as wanted.
    #[must_use]
    pub fn met(&self) -> bool {
        self.figures.iter().all(Figure::met)
    }

    /// For a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let rows: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned))
            .chain(self.figures.iter().map(Figure::cells))
            .collect();
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        };
        let mut text = format!("{}\n", self.scenario);
        for [what, found, wanted, beside] in &rows {
            let (first, second, third) = (width(0), width(1), width(2));
            let line = format!("  {what:first$}  {found:second$}  {wanted:third$}  {beside}");
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// For a document.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|---|---|---|---|\n", COLUMNS.join(" | "));
        for figure in &self.figures {
            let _ = writeln!(text, "| {} |", figure.cells().join(" | "));
        }
        text
    }

    /// Replaces what stands between `<!-- figures: SCENARIO -->` and `<!-- end -->` in a document.
    ///
    /// # Errors
    /// Where the document cannot be read or written, or has no such marks.
    pub fn write_into(&self, document: &Path) -> Result<()> {
        let text = std::fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
        let replaced = replace_between(&text, self.scenario, &self.markdown());
        let replaced =
            replaced.with_context(|| format!("{} has no marks for `{}`", document.display(), self.scenario))?;
        std::fs::write(document, replaced).with_context(|| format!("cannot write {}", document.display()))
    }
}

fn replace_between(text: &str, scenario: &str, with: &str) -> Option<String> {
    let mark = format!("<!-- figures: {scenario} -->\n");
    let begin = text.find(&mark)? + mark.len();
    let end = begin + text[begin..].find("<!-- end -->")?;
    Some([&text[..begin], with, &text[end..]].concat())
}

/// The whole run as one JSON document.
pub fn json(results: &[Results]) -> Result<String> {
    let document = serde_json::json!({
        "apiVersion": "countersign.dev/v1alpha1", "kind": "Figures",
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "met": results.iter().all(Results::met),
        "results": results,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(found: f64, wanted: Wanted) -> Figure {
        Figure::told("rate", found, "/s").wanted(wanted)
    }

    #[test]
    fn a_figure_is_met_on_its_own_side_of_the_bound() {
        for (wanted, below, at, above) in [
            (Wanted::AtLeast(2.0), false, true, true),
            (Wanted::AtMost(2.0), true, true, false),
            (Wanted::Exactly(2.0), false, true, false),
        ] {
            let met = [1.0, 2.0, 3.0].map(|found| figure(found, wanted).met());
            assert_eq!(met, [below, at, above], "{wanted:?}");
        }
    }

    #[test]
    fn only_the_lines_between_the_marks_of_a_scenario_change() {
        let text = "a\n<!-- figures: warm -->\nold\n<!-- end -->\nb\n<!-- figures: cold -->\nkept\n<!-- end -->\n";
        let result = Results {
            scenario: "warm",
            figures: vec![figure(1.0, Wanted::AtLeast(2.0))],
        };
        let replaced = replace_between(text, result.scenario, &result.markdown()).unwrap();
        assert!(
            replaced.starts_with("a\n<!-- figures: warm -->\n| what |"),
            "{replaced}"
        );
        assert!(
            replaced.contains("| rate | 1 /s (missed) | ≥ 2 /s |  |\n<!-- end -->\nb\n"),
            "{replaced}"
        );
        assert!(replaced.ends_with("<!-- figures: cold -->\nkept\n<!-- end -->\n"));
        assert_eq!(replace_between(text, "burst", ""), None);
    }
}
