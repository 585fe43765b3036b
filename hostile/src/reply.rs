//! An answer, and how it is given.

use bytes::Bytes;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) manner: Manner,
}

/// How an answer is given.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// As it should be.
    Whole,
    /// With this `Content-Length`, whatever the body has; then the connection ends.
    Claiming(usize),
    /// The head and half of the body; then the connection ends.
    Half,
    /// The head, the body, and then blanks: so many of them, or without end.
    Padded(Option<u64>),
    /// The head at once, then a byte every tenth of a second, without end.
    DrippingBody,
    /// A byte of the head every tenth of a second, without end.
    DrippingHead,
    /// Headers without end.
    EndlessHead,
    /// `103 Early Hints` without end.
    Interim,
    /// Never.
    Silence,
    /// The connection ends.
    HangUp,
    /// These bytes, and the connection ends.
    Raw(&'static [u8]),
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            manner: Manner::Whole,
        }
    }

    pub(crate) fn ok(media_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..Self::new(200)
        }
        .with("Content-Type", media_type)
    }

    pub(crate) fn redirect(location: impl Into<String>) -> Self {
        Self::new(307).with("Location", location)
    }

    /// With one more header; nothing that is there goes.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn replaced(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).with(name, value)
    }

    /// With other bytes, and no word about their digest.
    pub(crate) fn bytes(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self.without("Docker-Content-Digest")
        }
    }

    pub(crate) fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }
}
