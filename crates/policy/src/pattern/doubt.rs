//! Globs that do not do what they look like.
//!
//! Sound but not complete: a glob that is said never to match never matches (a property test holds that), and some that
//! never match are not noticed.

use super::Glob;
use crate::lint::LintCode;

/// Something that the author of a glob probably did not mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub(crate) code: LintCode,
    pub(crate) message: String,
    pub(crate) advice: String,
}

/// What names end in: algorithm and the number of hex digits.
const ENDINGS: [(&str, usize); 2] = [("@sha256:", 64), ("@sha512:", 128)];

/// What is doubtful about a glob that says which images a policy governs.
pub(crate) fn doubts(glob: &Glob) -> Option<Doubt> {
    only_docker_hub(glob.as_str()).or_else(|| never_matches(glob.as_str()))
}

/// Where a policy lets its images in without looking, a glob that goes on in the middle of a word lets strangers in too.
pub(crate) fn open_ended(glob: &Glob) -> Option<Doubt> {
    let text = glob.as_str();
    let open = text.match_indices('*').map(|(index, _)| &text[..index]);
    let before = open
        .into_iter()
        .find(|before| before.ends_with(|last: char| last.is_ascii_alphanumeric()))?;
    Some(Doubt {
        code: LintCode::GlobOpenEnded,
        message: format!(
            "`{text}` also matches names that go on after `{before}` as in `{before}-of-somebody-else`, and this policy lets \
             its images in without looking"
        ),
        advice: format!("end the word with a slash or `@`: `{before}/**` or `{before}@*`"),
    })
}

fn only_docker_hub(text: &str) -> Option<Doubt> {
    let what = match text {
        "*" => "Docker Hub's official images (`index.docker.io/library/*`)",
        "*/*" => "Docker Hub's `user/image` (`index.docker.io/*/*`)",
        _ => return None,
    };
    Some(Doubt {
        code: LintCode::GlobHubOnly,
        message: format!("`{text}` means {what} and nothing else"),
        advice: "write `**` to mean every image, or write the host out".to_owned(),
    })
}

fn never_matches(text: &str) -> Option<Doubt> {
    let (why, instead) = no_host(text).or_else(|| tag(text)).or_else(|| no_digest(text))?;
    Some(Doubt {
        code: LintCode::GlobNeverMatches,
        message: format!("`{text}` never matches: {why}"),
        advice: format!("write `{instead}`"),
    })
}

/// Names begin with a host, and Docker Hub's is `index.docker.io`.
fn no_host(text: &str) -> Option<(String, String)> {
    let (head, rest) = text.split_once('/').unwrap_or((text, ""));
    if head.contains("**") {
        return None;
    }
    let why = "names are held against it with their host, which for Docker Hub is `index.docker.io`".to_owned();
    if !text.contains('/') {
        let literal = text.split('*').next().unwrap_or_default();
        let is_host = literal.contains('.') && !literal.ends_with('.') && !literal.contains(':');
        let instead = if is_host {
            format!("{literal}/**")
        } else {
            format!("index.docker.io/library/{}", with_digest(text))
        };
        return Some((why, instead));
    }
    if head.contains('*') {
        return None;
    }
    if matches!(head, "docker.io" | "registry-1.docker.io") {
        let library = if rest.contains(['/', '*']) { "" } else { "library/" };
        return Some((why, format!("index.docker.io/{library}{}", with_digest(rest))));
    }
    let is_host = head.contains(['.', ':']) || head == "localhost";
    (!is_host).then(|| (why, format!("index.docker.io/{}", with_digest(text))))
}

/// A colon is only in a host with a port and in a digest.
fn tag(text: &str) -> Option<(String, String)> {
    let colon = text.match_indices(':').map(|(index, _)| index).find(|index| {
        let before = &text[..*index];
        let run = before.rsplit('*').next().unwrap_or_default();
        let in_digest = ENDINGS
            .iter()
            .any(|(ending, _)| suffixes_agree(run, &ending[..ending.len() - 1]));
        before.contains('/') && !in_digest
    })?;
    let why = "tags are taken off before names are held against it".to_owned();
    Some((why, format!("{}@*", &text[..colon])))
}

/// Names end in a digest.
fn no_digest(text: &str) -> Option<(String, String)> {
    let tail = text.rsplit('*').next().unwrap_or_default();
    if tail.is_empty() || ENDINGS.iter().any(|(ending, digits)| ends_like(tail, ending, *digits)) {
        return None;
    }
    let why = "names are held against it with their digest, `…@sha256:…`".to_owned();
    Some((why, with_digest(text)))
}

fn with_digest(text: &str) -> String {
    let untagged = match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => text,
    };
    if untagged.ends_with('*') {
        untagged.to_owned()
    } else {
        format!("{untagged}@*")
    }
}

/// Whether some name of this algorithm ends in `tail`.
fn ends_like(tail: &str, ending: &str, digits: usize) -> bool {
    let split = tail.len().saturating_sub(digits);
    let (front, hex) = tail.split_at(split);
    let is_hex = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex && suffixes_agree(front, ending)
}

/// Whether one text can end as the other does: the shorter of them is the end of the longer.
fn suffixes_agree(one: &str, other: &str) -> bool {
    one.ends_with(other) || other.ends_with(one)
}
