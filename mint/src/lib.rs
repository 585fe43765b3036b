//! A private Sigstore in memory: an authority, a certificate transparency log, a time authority, transparency logs of
//! signatures, and the trust root that believes them, for tests. It makes what it should make and, piece by piece, what nobody should make.
//!
//! ```
//! use countersign_mint::{Key, Kind, San, Sigstore};
//!
//! let sigstore = Sigstore::new();
//! let key = Key::new(Kind::P256);
//! let certificate = sigstore.certify(sigstore.leaf(&key, &[San::Email("jane@example.com")]));
//! let signature = key.sign(b"message");
//! let token = sigstore.time.stamp(&signature, sigstore.now);
//! let trusted_root = sigstore.trusted_root().to_json();
//! # let _ = (certificate, token, trusted_root);
//! ```
#![expect(clippy::unwrap_used, reason = "it is for tests, which stop at the first surprise")]

mod authority;
mod certificate;
mod der;
mod key;
mod log;
mod promised;
pub mod rekor;
mod time;
mod trusted_root;

pub use authority::Authority;
pub use certificate::{Extension, San, Spec, oid};
pub use der::{element, explicit, integer, name, object_identifier, octets, sequence, set, utf8};
pub use key::{Hash, Key, Kind};
pub use log::CtLog;
pub use promised::{pem, pem_of_key};
pub use rekor::Rekor;
pub use time::{Stamp, TimeAuthority};
pub use trusted_root::TrustedRoot;

use jiff::{Timestamp, ToSpan as _};

/// A private Sigstore, whose clock stands still.
pub struct Sigstore {
    /// The moment around which everything is valid.
    pub now: Timestamp,
    /// The authority that issues: an intermediate below a root.
    pub authority: Authority,
    /// The log that promises to log certificates.
    pub ct_log: CtLog,
    /// The authority that signs times.
    pub time: TimeAuthority,
    /// The log of signatures that promises.
    pub rekor: Rekor,
    /// The log of signatures that does not.
    pub tiles: Rekor,
}

impl Sigstore {
    /// A new one, with keys of its own.
    #[expect(clippy::new_without_default, reason = "each is another: there is no usual one")]
    pub fn new() -> Self {
        Self::of_kinds([
            Kind::P384,
            Kind::P384,
            Kind::P256,
            Kind::P384,
            Kind::P384,
            Kind::P256,
            Kind::Ed25519,
        ])
    }

    /// One that is always the same for a number, and makes always the same.
    pub fn fixed(number: u8) -> Self {
        let seed = |key: u8| number.wrapping_mul(7).wrapping_add(key);
        Self::of_kinds([1, 2, 3, 4, 5, 6, 7].map(|key| Kind::Fixed(seed(key))))
    }

    /// The kinds of key: root, intermediate, certificate transparency log, root of times, time authority, logs.
    fn of_kinds(kinds: [Kind; 7]) -> Self {
        let now: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        let root = Authority::root("mint root", kinds[0], now);
        Self {
            now,
            authority: root.below("mint intermediate", kinds[1], oid::CODE_SIGNING, now),
            ct_log: CtLog::new("https://ctfe.mint.example", kinds[2], now - 1000.hours()),
            time: TimeAuthority::of_kinds("https://time.mint.example", [kinds[3], kinds[4]], now),
            rekor: Rekor::v1_with("rekor.mint.example", Key::new(kinds[5])),
            tiles: Rekor::v2_with("tiles.mint.example", Key::new(kinds[6])),
        }
    }

    /// What Fulcio would write into a certificate for a key: valid from now for ten minutes.
    pub fn leaf(&self, key: &Key, names: &[San<'_>]) -> Spec {
        self.authority.leaf(key, names, self.now)
    }

    /// The certificate, with the log's promise in it.
    pub fn certify(&self, spec: Spec) -> Vec<u8> {
        self.authority.issue_logged(spec, &[&self.ct_log], self.now)
    }

    /// The trust root that believes whoever issues and signs times, and no log of signatures.
    pub fn trusted_root(&self) -> TrustedRoot {
        let from = self.now - 1000.hours();
        let mut root = TrustedRoot::new();
        root.authority("https://fulcio.mint.example", &self.authority.chain(), from, None);
        root.ct_log(&self.ct_log.base_url, &self.ct_log.key, from, None);
        root.time_authority(&self.time.uri, &self.time.chain, from, None);
        root
    }

    /// The trust root that believes all of it.
    pub fn trusted_root_with_logs(&self) -> TrustedRoot {
        let mut root = self.trusted_root();
        for log in [&self.rekor, &self.tiles] {
            root.log(&log.base_url(), &log.key, &log.id(), self.now - 1000.hours(), None);
        }
        root
    }
}
