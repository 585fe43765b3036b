//! A token as it is shown: a JSON Web Signature (RFC 7515) in compact form. Nothing of it is believed before a key has signed it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_image::json;
use countersign_image::text::excerpt;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::keys::Key;
use crate::refused::{Code, Refused};

/// The longest token that is read, in bytes. Those of the large issuers have about 2,000.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest header, in bytes of JSON. One with a chain of certificates in it is none of ours.
const MAX_HEADER: usize = 2 * 1024;
/// How deep claims nest. Those of Kubernetes have three levels.
const MAX_DEPTH: usize = 8;
/// The longest name of a key, in bytes.
const MAX_KEY_ID: usize = 256;
/// The longest claim that is used, in bytes.
const MAX_CLAIM: usize = 1024;
/// What is repeated of a claim, in characters.
const REPEATED: usize = 120;

/// With what a token may be signed. What is not here does not exist for us, `none` and HMAC first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedWith {
    Rs256,
    Es256,
    EdDsa,
}

impl SignedWith {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A token that was read, and that anybody may have written.
pub(crate) struct Shown<'a> {
    /// Header and claims, as they were signed.
    message: &'a str,
    signature: &'a str,
    signed_with: SignedWith,
    key_id: Option<String>,
    kind: Option<String>,
    issuer: String,
    claims: Map<String, Value>,
}

impl<'a> Shown<'a> {
    /// Reads a token. What is in its header besides `alg`, `kid`, `typ` and `crit` is not looked at: no key that a token brings
    /// along (`jwk`, `jku`, `x5u`, `x5c`) is ever used.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refused> {
        if text.len() > MAX_TOKEN_BYTES {
            let found = text.len();
            return Err(Refused::new(
                Code::TooLarge,
                format!("it has {found} bytes, and the limit is {MAX_TOKEN_BYTES}"),
            ));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("expected three parts with dots between"));
        };
        let header = object(header, "header", MAX_HEADER)?;
        let signed_with = signed_with(&header)?;
        let (key_id, kind) = (word(&header, "kid")?, word(&header, "typ")?);
        let claims = object(claims, "claims", MAX_TOKEN_BYTES)?;
        if URL_SAFE_NO_PAD.decode(signature).map_or(true, |bytes| bytes.is_empty()) {
            return Err(malformed("its signature is empty, or no base64url"));
        }
        let Some(Value::String(issuer)) = claims.get("iss") else {
            return Err(Refused::new(Code::Claim, "it has no `iss`"));
        };
        Ok(Self {
            message: &text[..text.len() - signature.len() - 1],
            signature,
            signed_with,
            key_id,
            kind,
            issuer: issuer.clone(),
            claims,
        })
    }

    pub(crate) fn unverified_issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn unverified_kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    pub(crate) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    pub(crate) fn signed_with(&self) -> SignedWith {
        self.signed_with
    }

    /// Whether it comes from the time before Kubernetes bound its tokens: it was read out of a secret.
    pub(crate) fn is_legacy_secret(&self) -> bool {
        self.claims
            .keys()
            .any(|name| name.starts_with("kubernetes.io/serviceaccount/"))
    }

    /// The only way to claims.
    pub(crate) fn signed_by(self, key: &Key) -> Result<Claims, Refused> {
        let is_signed = key.has_signed(self.message.as_bytes(), self.signature, self.signed_with);
        if !is_signed {
            return Err(Refused::new(Code::Signature, "its issuer's key did not sign it"));
        }
        Ok(Claims {
            claims: self.claims,
            digest: aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.message.as_bytes()),
        })
    }
}

/// What an issuer has signed.
pub(crate) struct Claims {
    claims: Map<String, Value>,
    digest: aws_lc_rs::digest::Digest,
}

impl Claims {
    /// A claim as it is; none where it is absent or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).filter(|value| !value.is_null())
    }

    /// A claim by its name, or by a JSON pointer (RFC 6901).
    pub(crate) fn find(&self, name: &str) -> Result<Option<String>, Refused> {
        let found = match name.strip_prefix('/') {
            None => self.get(name),
            Some(path) => {
                let mut steps = path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
                let first = steps.next().and_then(|step| self.claims.get(&step));
                steps.fold(first, |value, step| value.and_then(|value| value.get(&step)))
            }
        };
        found.map_or(Ok(None), |value| written(name, value))
    }

    /// A claim that issuers write as text or as a whole number; none where it is absent, `null` or empty.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<String>, Refused> {
        self.get(name).map_or(Ok(None), |value| written(name, value))
    }

    /// The same, where it has to be there.
    pub(crate) fn text(&self, name: &str) -> Result<String, Refused> {
        self.optional(name)?.ok_or_else(|| missing(name))
    }

    /// A number that an issuer gave: it is no name that could become another's.
    pub(crate) fn number(&self, name: &str) -> Result<String, Refused> {
        let found = self.text(name)?;
        if is_number(&found) {
            return Ok(found);
        }
        Err(Refused::new(
            Code::Claim,
            format!("expected a number as `{name}`, found `{}`", repeated(&found)),
        ))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.optional(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refused::new(
                Code::Claim,
                format!("expected `true` or `false` as `{name}`, found `{}`", repeated(other)),
            )),
        }
    }

    /// The digest of a commit: SHA-1 or SHA-256 in hexadecimal.
    pub(crate) fn commit(&self, name: &str) -> Result<String, Refused> {
        let found = self.text(name)?;
        let is_hex = found.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && matches!(found.len(), 40 | 64) {
            return Ok(found);
        }
        Err(Refused::new(
            Code::Claim,
            format!("expected a commit as `{name}`, found `{}`", repeated(&found)),
        ))
    }

    /// By what it is known again: `jti`, or the digest of what was signed.
    pub(crate) fn token_id(&self) -> Result<String, Refused> {
        Ok(self
            .optional("jti")?
            .unwrap_or_else(|| format!("sha256:{}", hex::encode(self.digest))))
    }
}

/// For the fuzzer: what is read is read once more by other means, and no refusal repeats the token.
///
/// # Panics
/// Where a promise is broken.
pub fn examine(text: &str) {
    match Shown::read(text) {
        Ok(shown) => {
            assert!(text.len() <= MAX_TOKEN_BYTES);
            let whole = format!("{}.{}", shown.message, shown.signature);
            assert_eq!(whole, text, "what is checked is what was shown");
            // The library reads more of a header than we do, and so refuses some in which nothing that we use is wrong.
            if let Ok(header) = jsonwebtoken::decode_header(text) {
                assert_eq!(header.alg, shown.signed_with.algorithm());
                assert_eq!(header.kid, shown.key_id);
            }
            let claims: Map<String, Value> =
                jsonwebtoken::dangerous::insecure_decode_claims(text).expect("the same claims");
            assert_eq!(claims, shown.claims);
        }
        Err(refused) => {
            let told = refused.to_string();
            assert!(told.chars().count() < 400, "short: {told}");
            assert!(told.chars().all(countersign_image::text::prints), "{told:?}");
        }
    }
}

/// Whether it is a number as issuers give them.
pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A claim of a stranger's, made fit to be repeated.
pub(crate) fn repeated(text: &str) -> String {
    excerpt(text, REPEATED)
}

pub(crate) fn missing(name: &str) -> Refused {
    Refused::new(Code::Claim, format!("it has no `{}`", repeated(name)))
}

fn malformed(what: &str) -> Refused {
    Refused::new(Code::Malformed, what)
}

fn object(part: &str, name: &str, limit: usize) -> Result<Map<String, Value>, Refused> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| malformed(&format!("its {name} is no base64url")))?;
    if bytes.len() > limit {
        let found = bytes.len();
        return Err(malformed(&format!(
            "its {name} has {found} bytes, and the limit is {limit}"
        )));
    }
    // Nothing of the parser's words is repeated: they may hold what was read.
    let object: Map<String, Value> = json::strict(&bytes)
        .map_err(|_| malformed(&format!("its {name} is no JSON object that every reader reads alike")))?;
    if object.values().any(|value| !is_shallow(value, MAX_DEPTH - 1)) {
        return Err(malformed(&format!("its {name} nests deeper than {MAX_DEPTH} levels")));
    }
    Ok(object)
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => false,
        Value::Array(values) => values.iter().all(|value| is_shallow(value, levels - 1)),
        Value::Object(values) => values.values().all(|value| is_shallow(value, levels - 1)),
        _ => true,
    }
}

fn signed_with(header: &Map<String, Value>) -> Result<SignedWith, Refused> {
    let name = match header.get("alg") {
        Some(Value::String(name)) => name.as_str(),
        _ => return Err(malformed("its header has no `alg`")),
    };
    let signed_with = SignedWith::of(name).ok_or_else(|| {
        let found = repeated(name);
        Refused::new(
            Code::Algorithm,
            format!("expected `RS256`, `ES256` or `EdDSA`, found `{found}`"),
        )
    })?;
    // RFC 7515, section 4.1.11; `b64` (RFC 7797) changes what is signed, and belongs into `crit`.
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(Refused::new(
            Code::Critical,
            "its header has `crit` or `b64`, and no extension is known here",
        ));
    }
    Ok(signed_with)
}

fn word(header: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(word)) if word.len() <= MAX_KEY_ID => Ok(Some(word.clone())),
        Some(_) => Err(malformed(&format!("the `{name}` of its header is no short text"))),
    }
}

fn written(name: &str, value: &Value) -> Result<Option<String>, Refused> {
    let wrong = |what: &str| Err(Refused::new(Code::Claim, format!("`{}` is {what}", repeated(name))));
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if text.len() > MAX_CLAIM => wrong("longer than any that an issuer writes"),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Number(number) if number.is_u64() => Ok(Some(number.to_string())),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => wrong("neither a text nor a whole number"),
    }
}
