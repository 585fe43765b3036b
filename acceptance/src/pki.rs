//! Keys and certificates of a throw-away cluster: one authority, what it vouches for, and files for the programs to read.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

/// A certificate and its key, as PEM files.
#[derive(Clone)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path) -> Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = subject("countersign acceptance", None);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("cannot make a key for the authority")?;
        let issuer = CertifiedIssuer::self_signed(parameters, key).context("cannot make the authority")?;
        write(&folder.join("authority.pem"), &issuer.pem())?;
        Ok(Self {
            issuer,
            folder: folder.to_owned(),
        })
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// For a server on loopback, which Kubernetes may also call by the names given.
    pub fn serving(&self, name: &str, hosts: &[&str]) -> Result<Files> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = subject(name, None);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        for host in ["localhost"].iter().chain(hosts) {
            let host = (*host)
                .try_into()
                .with_context(|| format!("`{host}` is no host name"))?;
            parameters.subject_alt_names.push(SanType::DnsName(host));
        }
        self.issue(name, parameters)
    }

    /// For a client: Kubernetes reads its user from the common name and its groups from the organisation.
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Files> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = subject(user, group);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(user, parameters)
    }

    fn issue(&self, name: &str, parameters: CertificateParams) -> Result<Files> {
        let key = KeyPair::generate().with_context(|| format!("cannot make a key for {name}"))?;
        let certificate = parameters.signed_by(&key, &self.issuer);
        let certificate = certificate.with_context(|| format!("cannot make a certificate for {name}"))?;
        let stem = name.replace(':', "-");
        let files = Files {
            certificate: self.folder.join(format!("{stem}.pem")),
            key: self.folder.join(format!("{stem}.key")),
        };
        write(&files.certificate, &certificate.pem())?;
        write(&files.key, &key.serialize_pem())?;
        Ok(files)
    }
}

/// The pair that service account tokens are signed and checked with: the private half, then the public one.
pub fn service_accounts(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let pair = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
    let pair = pair.context("cannot make a key for service accounts")?;
    let (private, public) = (folder.join("service-accounts.key"), folder.join("service-accounts.pub"));
    write(&private, &pair.serialize_pem())?;
    write(&public, &pair.public_key_pem())?;
    Ok((private, public))
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
