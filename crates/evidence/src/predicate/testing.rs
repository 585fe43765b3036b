//! How tests ended: in-toto's test result, version 0.1 (`spec/predicates/test-result.md` of `in-toto/attestation`).

use countersign_image::json;
use serde::Deserialize;

use super::material::Material;

/// How a run of tests ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// How the whole run ended.
    pub result: TestOutcome,
    /// What the run was configured with.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub configuration: Vec<Material>,
    /// Where more can be read. Nothing here is fetched.
    #[serde(default)]
    pub url: Option<String>,
    /// The names of the tests that passed.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub passed_tests: Vec<String>,
    /// The names of those that warned.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub warned_tests: Vec<String>,
    /// The names of those that failed.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub failed_tests: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestOutcome {
    /// All is well.
    Passed,
    /// Something is to be looked at.
    Warned,
    /// Something is wrong.
    Failed,
}
