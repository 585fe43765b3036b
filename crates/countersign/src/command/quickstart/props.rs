//! The files of the story: what the door reads from disk, as it would anywhere, and what somebody who stays wants to hold.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_evidence::PublicKey;
use countersign_keys::{Password, PrivateKey};
use countersign_policy::Settings;
use countersign_registry::{CacheConfig, Credentials};
use countersign_server::record::Recorder;
use countersign_server::serve::AdmissionPlan;
use jiff::Timestamp;

use super::certificate::Certificates;
use super::shop::Shop;
use super::stage::AT_ONCE;
use crate::failure::Failure;
use crate::files::unwritable;

const CERTIFICATE: &str = "tls.crt";
const CERTIFICATE_KEY: &str = "tls.key";
const PRIVATE_KEY: &str = "shop.key";
const PUBLIC_KEY: &str = "shop.pub";
const POLICY: &str = "policy.yaml";

pub(super) struct Props {
    directory: PathBuf,
}

impl Props {
    pub(super) fn write(
        directory: &Path,
        (public, private): (&PublicKey, Option<&PrivateKey>),
        certificates: &Certificates,
        registry: SocketAddr,
    ) -> Result<Self, Failure> {
        let public = public.to_pem();
        if let Some(private) = private {
            let path = directory.join(PRIVATE_KEY);
            let pem = private.to_cosign_pem(&Password::new(String::new()));
            std::fs::write(&path, pem).map_err(|error| unwritable(&path, error))?;
        }
        for (name, text) in [
            (CERTIFICATE, certificates.certificate_pem.as_str()),
            (CERTIFICATE_KEY, &certificates.key_pem),
            (PUBLIC_KEY, &public),
            (POLICY, &policy(&public, registry)),
        ] {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
        }
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    pub(super) fn plan(&self, listen: SocketAddr, shop: &Shop) -> Result<AdmissionPlan, Failure> {
        Ok(AdmissionPlan {
            listen,
            admin: None,
            certificate: self.directory.join(CERTIFICATE),
            key: self.directory.join(CERTIFICATE_KEY),
            policies: vec![self.policy_file()],
            settings: Settings::deny_unmatched(),
            roots: None,
            client: shop.client(),
            credentials: Credentials::anonymous(),
            cache: CacheConfig::standard(),
            denials: None,
            // The story is what is printed here; its records would only interrupt it.
            recorder: Recorder::to(std::io::sink())
                .map_err(|error| Failure::misuse(error).context("records cannot be written"))?,
            drain: AT_ONCE,
            clock: Timestamp::now,
        })
    }

    pub(super) fn policy_file(&self) -> PathBuf {
        self.directory.join(POLICY)
    }

    pub(super) fn public_key_file(&self) -> PathBuf {
        self.directory.join(PUBLIC_KEY)
    }

    pub(super) fn private_key_file(&self) -> PathBuf {
        self.directory.join(PRIVATE_KEY)
    }
}

/// The policy of the story, as it is printed and as it is read.
pub(super) fn policy(public_key_pem: &str, registry: SocketAddr) -> String {
    let key: String = public_key_pem.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: signed-by-the-shop
spec:
  images:
  - glob: \"{registry}/shop/**\"
  authorities:
  - name: shop-key
    key:
      data: |
{key}"
    )
}
