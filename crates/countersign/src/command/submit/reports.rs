//! The reports that are handed in: files, each in a slot of its own.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use countersign_wire::{MAX_REPORT, MAX_REPORT_WIRE, MAX_SLOT_NAME, MAX_SLOTS};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::failure::Failure;
use crate::files;

/// From here on compressing takes less time than sending what it spares, in bytes.
const WORTH_COMPRESSING: usize = 64 << 10;

/// A report as it is named on the command line.
#[derive(Clone, Debug)]
pub(super) struct ReportName {
    platform: Option<String>,
    path: PathBuf,
}

impl ReportName {
    /// A report about the whole image.
    pub(super) fn of(path: PathBuf) -> Self {
        Self { platform: None, path }
    }
}

impl FromStr for ReportName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let alone = |path: &str| Self::of(path.into());
        Ok(match text.split_once('=') {
            Some((platform, path)) if is_platform(platform) => Self {
                platform: Some(platform.to_owned()),
                ..alone(path)
            },
            _ => alone(text),
        })
    }
}

/// `os/architecture` or `os/architecture/variant`. A path has more to it, or less.
fn is_platform(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts.len(), 2 | 3) && ["linux", "windows"].contains(&parts[0]) && parts.iter().all(|part| word(part))
}

/// A report, ready to be sent.
pub(super) struct Report {
    path: PathBuf,
    slot: String,
    platform: Option<String>,
    bytes: Bytes,
    compressed: bool,
}

impl Report {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn slot(&self) -> &str {
        &self.slot
    }

    pub(super) fn platform(&self) -> Option<&str> {
        self.platform.as_deref()
    }

    /// What is sent.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }
}

/// Reads all of them before anything is asked of anybody.
pub(super) fn read(names: &[ReportName]) -> Result<Vec<Report>, Failure> {
    if names.len() > MAX_SLOTS {
        let found = names.len();
        return Err(Failure::misuse(anyhow::anyhow!(
            "{found} reports are named, and a submission has {MAX_SLOTS} at most"
        )));
    }
    let mut slots = BTreeSet::new();
    names.iter().map(|name| report(name, &mut slots)).collect()
}

fn report(name: &ReportName, slots: &mut BTreeSet<String>) -> Result<Report, Failure> {
    let whole = files::read(&name.path, MAX_REPORT as u64)?;
    let compressed = whole.len() >= WORTH_COMPRESSING;
    let bytes = if compressed { gzip(&whole)? } else { whole };
    if bytes.len() > MAX_REPORT_WIRE {
        return Err(Failure::misuse(anyhow::anyhow!(
            "`{}` has {} bytes as sent, and the service takes {MAX_REPORT_WIRE}",
            name.path.display(),
            bytes.len()
        )));
    }
    Ok(Report {
        slot: slot(name, slots),
        path: name.path.clone(),
        platform: name.platform.clone(),
        bytes: bytes.into(),
        compressed,
    })
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map_err(Failure::misuse)
}

/// The file's name, as far as a slot may have it, and told apart where two are the same.
fn slot(name: &ReportName, slots: &mut BTreeSet<String>) -> String {
    let file = name.path.file_name().unwrap_or_default().to_string_lossy();
    let platform = name
        .platform
        .as_deref()
        .map(|platform| format!("{platform}-"))
        .unwrap_or_default();
    let plain: String = format!("{platform}{file}")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(MAX_SLOT_NAME - 3)
        .collect();
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let mut candidates = std::iter::once(plain.clone()).chain(numbered);
    let free = candidates.find(|candidate| slots.insert(candidate.clone()));
    free.unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_told_from_a_path() {
        for (text, platform, path) in [
            ("trivy.json", None, "trivy.json"),
            ("linux/arm64=trivy.json", Some("linux/arm64"), "trivy.json"),
            ("linux/arm/v7=a=b.json", Some("linux/arm/v7"), "a=b.json"),
            ("out/x=y.json", None, "out/x=y.json"),
            ("/linux/amd64=x", None, "/linux/amd64=x"),
        ] {
            let Ok(name) = text.parse::<ReportName>();
            assert_eq!(name.platform.as_deref(), platform, "{text}");
            assert_eq!(name.path, Path::new(path), "{text}");
        }
    }

    #[test]
    fn two_files_of_one_name_have_slots_of_their_own() {
        let mut slots = BTreeSet::new();
        let mut of = |text: &str| {
            let Ok(name) = text.parse::<ReportName>();
            slot(&name, &mut slots)
        };
        assert_eq!(of("a/report.sarif"), "report.sarif");
        assert_eq!(of("b/report.sarif"), "report.sarif-2");
        assert_eq!(of("linux/arm64=c/report.sarif"), "linux-arm64-report.sarif");
        assert_eq!(of("what is this?.json"), "what-is-this-.json");
        assert_eq!(of(&"x".repeat(100)).len(), MAX_SLOT_NAME - 3);
    }
}
