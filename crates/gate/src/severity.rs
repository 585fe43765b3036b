//! How bad a finding is, in one scale for every tool.

use serde::Deserialize;

/// How bad a finding is. What a tool does not rank has no severity at all: a gate says what it takes that for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// CVSS above 0.
    Low,
    /// CVSS from 4.0.
    Medium,
    /// CVSS from 7.0.
    High,
    /// CVSS from 9.0.
    Critical,
}

impl Severity {
    /// Its name, as gates write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Of a tool's word: Trivy's, Grype's, Semgrep's, OSV's, GitLab's.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "error" | "important" => Self::High,
            "medium" | "moderate" | "warning" => Self::Medium,
            "low" | "minor" => Self::Low,
            "info" | "informational" | "negligible" | "note" | "none" => Self::Info,
            _ => return None,
        })
    }

    /// Of a CVSS base score, by the bands of CVSS 3.1, section 5. Nothing of what is no score.
    pub fn of_score(score: f64) -> Option<Self> {
        match score {
            score if !(0.0..=10.0).contains(&score) => None,
            score if score >= 9.0 => Some(Self::Critical),
            score if score >= 7.0 => Some(Self::High),
            score if score >= 4.0 => Some(Self::Medium),
            score if score > 0.0 => Some(Self::Low),
            _ => Some(Self::Info),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_fall_into_the_bands_of_cvss() {
        for (score, expected) in [
            (10.0, Some(Severity::Critical)),
            (9.0, Some(Severity::Critical)),
            (8.9, Some(Severity::High)),
            (7.0, Some(Severity::High)),
            (6.9, Some(Severity::Medium)),
            (4.0, Some(Severity::Medium)),
            (3.9, Some(Severity::Low)),
            (0.1, Some(Severity::Low)),
            (0.0, Some(Severity::Info)),
            (-0.1, None),
            (10.1, None),
            (f64::NAN, None),
        ] {
            assert_eq!(Severity::of_score(score), expected, "{score}");
        }
    }

    #[test]
    fn a_word_that_ranks_nothing_is_no_severity() {
        for (word, expected) in [
            ("CRITICAL", Some(Severity::Critical)),
            ("Negligible", Some(Severity::Info)),
            ("MODERATE", Some(Severity::Medium)),
            ("WARNING", Some(Severity::Medium)),
            ("Unknown", None),
            ("", None),
        ] {
            assert_eq!(Severity::of_word(word), expected, "{word}");
        }
    }
}
