//! The signing configuration as written: protobuf's JSON, which allows two spellings of a field's name and of a number.

use countersign_image::json;
use countersign_image::text::excerpt;
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::{MAX_SERVICES, Selector, SigningConfigError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningConfig {
    #[serde(alias = "media_type")]
    pub(super) media_type: String,
    #[serde(default, alias = "ca_urls", deserialize_with = "json::null_is_default")]
    pub(super) ca_urls: Vec<Service>,
    #[serde(default, alias = "rekor_tlog_urls", deserialize_with = "json::null_is_default")]
    pub(super) rekor_tlog_urls: Vec<Service>,
    #[serde(alias = "rekor_tlog_config")]
    pub(super) rekor_tlog_config: Option<Configuration>,
    #[serde(default, alias = "tsa_urls", deserialize_with = "json::null_is_default")]
    pub(super) tsa_urls: Vec<Service>,
    #[serde(alias = "tsa_config")]
    pub(super) tsa_config: Option<Configuration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    #[serde(default)]
    url: String,
    #[serde(default, alias = "major_api_version")]
    major_api_version: u32,
    #[serde(alias = "valid_for")]
    valid_for: Option<TimeRange>,
    #[serde(default)]
    operator: String,
}

#[derive(Deserialize)]
struct TimeRange {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    selector: Option<Enum>,
    #[serde(default)]
    count: u32,
}

/// A value of an enumeration, by name or by number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Enum {
    Name(String),
    Number(i64),
}

pub(super) fn services(list: &'static str, written: Vec<Service>) -> Result<Vec<super::Service>, SigningConfigError> {
    if written.len() > MAX_SERVICES {
        return Err(SigningConfigError::TooMany {
            list,
            found: written.len(),
        });
    }
    let numbered = written.into_iter().enumerate();
    numbered.map(|(index, service)| service.read(list, index + 1)).collect()
}

impl Service {
    fn read(self, list: &'static str, position: usize) -> Result<super::Service, SigningConfigError> {
        let refused = |field, found: &str, expected| SigningConfigError::Service {
            list,
            position,
            field,
            found: excerpt(found, 200),
            expected,
        };
        let url = Url::parse(&self.url).ok().filter(|url| {
            let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
            ["http", "https"].contains(&url.scheme()) && url.has_host() && bare
        });
        let url = url.ok_or_else(|| refused("url", &self.url, "an `https` URL with a host and no login"))?;
        let time = |field, text: &str| {
            text.parse::<Timestamp>()
                .map_err(|_| refused(field, text, "a time of RFC 3339"))
        };
        let window = self.valid_for.unwrap_or(TimeRange { start: None, end: None });
        let start = time("validFor.start", window.start.as_deref().unwrap_or_default())?;
        let end = window.end.map(|end| time("validFor.end", &end)).transpose()?;
        if self.operator.is_empty() {
            return Err(refused("operator", "", "a name"));
        }
        Ok(super::Service {
            url,
            version: self.major_api_version,
            start,
            end,
            operator: self.operator,
        })
    }
}

/// A selector is wanted where there is something to select.
pub(super) fn selector(
    list: &'static str,
    written: Option<Configuration>,
    services: &[super::Service],
) -> Result<Selector, SigningConfigError> {
    if services.is_empty() {
        return Ok(Selector::Any);
    }
    let count = written.as_ref().map_or(0, |written| written.count);
    let name = match written.and_then(|written| written.selector) {
        None => String::new(),
        Some(Enum::Name(name)) => name,
        Some(Enum::Number(number)) => number.to_string(),
    };
    match name.as_str() {
        "ALL" | "1" => Ok(Selector::All),
        "ANY" | "2" => Ok(Selector::Any),
        "EXACT" | "3" if count > 0 => Ok(Selector::Exactly(usize::try_from(count).unwrap_or(usize::MAX))),
        _ => Err(SigningConfigError::Selector {
            list,
            found: excerpt(&name, 40),
        }),
    }
}
