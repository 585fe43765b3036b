//! What an image itself has to be.

use super::Submitted;
use super::outcome::{Code, Reason};
use super::weigh::reason;
use crate::document::{ImageDemands, UserDemand};
use crate::facts::Configuration;

/// The label, and the annotation of a manifest, that name the base image (OCI image annotations).
const BASE: &str = "org.opencontainers.image.base.name";

pub(super) fn ask(demands: &ImageDemands, submitted: &Submitted<'_>) -> Vec<Reason> {
    if demands.is_empty() {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    for platform in &demands.platforms {
        if !submitted.closure.platforms.contains_key(platform) {
            let what = format!("there is no image for `{}`", excerpt(platform));
            reasons.push(reason(Code::ImagePlatform, what));
        }
    }
    for platform in submitted.closure.platforms.keys() {
        match submitted.image.configurations.get(platform) {
            Some(configuration) => {
                let base = base(submitted, platform);
                let wanting = wanting(demands, configuration, base);
                let said = wanting
                    .into_iter()
                    .map(|(code, what)| reason(code, format!("{platform}: {what}")));
                reasons.extend(said);
            }
            None => {
                let what = format!("{platform}: nobody knows what the image is");
                reasons.push(reason(Code::ConfigurationMissing, what));
            }
        }
    }
    reasons
}

/// What a platform's image is built upon, by the word of its builder.
pub(crate) fn base<'a>(submitted: &'a Submitted<'_>, platform: &str) -> Option<&'a str> {
    let image = submitted.image;
    let annotation = image.bases.get(platform).map(String::as_str);
    annotation.or_else(|| image.configurations.get(platform)?.labels.get(BASE).map(String::as_str))
}

fn wanting(demands: &ImageDemands, image: &Configuration, base: Option<&str>) -> Vec<(Code, String)> {
    let mut wanting = Vec::new();
    if let Some(demand) = demands.user
        && !demand.accepts(&image.user)
    {
        let what = match image.user.as_str() {
            "" => "it names no user, and runs as root".to_owned(),
            user => format!("it runs as `{}`: {}", excerpt(user), demand.words()),
        };
        wanting.push((Code::ImageUser, what));
    }
    let starts = image.entrypoint.first().or(image.cmd.first());
    if !demands.entrypoint.is_empty() && !starts.is_some_and(|starts| demands.entrypoint.accept(starts)) {
        let starts = starts.map_or_else(|| "nothing".to_owned(), |starts| format!("`{}`", excerpt(starts)));
        wanting.push((Code::ImageEntrypoint, format!("it starts {starts}")));
    }
    for (name, globs) in &demands.labels {
        match image.labels.get(name) {
            Some(value) if globs.accept(value) => {}
            Some(value) => wanting.push((
                Code::ImageLabel,
                format!("its label `{}` is `{}`", excerpt(name), excerpt(value)),
            )),
            None => wanting.push((Code::ImageLabel, format!("it has no label `{}`", excerpt(name)))),
        }
    }
    if !demands.base.is_empty() && !base.is_some_and(|base| demands.base.accept(base)) {
        let what = match base {
            Some(base) => format!("it is built upon `{}`", excerpt(base)),
            None => format!("it does not say what it is built upon: `{BASE}` is neither an annotation nor a label"),
        };
        wanting.push((Code::ImageBase, what));
    }
    wanting
}

impl UserDemand {
    /// Whether a configuration's `User` is meant: `name`, `number`, or one of these with `:group`.
    fn accepts(self, user: &str) -> bool {
        let user = user.split(':').next().unwrap_or_default();
        let number: Option<u64> = user.parse().ok();
        match (self, number) {
            (_, Some(number)) => number != 0 && user.bytes().all(|byte| byte.is_ascii_digit()),
            (Self::NonRootNumber, None) => false,
            // A number that does not fit is read as another one by who runs it.
            (Self::NonRoot, None) => {
                !user.is_empty()
                    && user != "root"
                    && !user.starts_with(['+', '-'])
                    && !user.starts_with(|first: char| first.is_ascii_digit())
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NonRootNumber => "a number other than 0 is wanted",
            Self::NonRoot => "anybody but root is wanted",
        }
    }
}

fn excerpt(text: &str) -> String {
    countersign_image::text::excerpt(text, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_could_be_root_is_taken_for_root() {
        for (user, number, any) in [
            ("", false, false),
            ("0", false, false),
            ("00", false, false),
            ("0:1000", false, false),
            ("root", false, false),
            ("root:1000", false, false),
            (":1000", false, false),
            ("1000", true, true),
            ("1000:0", true, true),
            ("nobody", false, true),
            ("nobody:nogroup", false, true),
            ("+0", false, false),
            ("-1", false, false),
            ("18446744073709551616", false, false),
            ("0x0", false, false),
        ] {
            assert_eq!(
                (
                    UserDemand::NonRootNumber.accepts(user),
                    UserDemand::NonRoot.accepts(user)
                ),
                (number, any),
                "{user}"
            );
        }
    }
}
