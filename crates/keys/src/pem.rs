//! PEM framing (RFC 7468): which block of a file is the key, and what a file is that holds none.
//!
//! Laxer than the RFC about line lengths and surrounding text, as the programs are that people's files come from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_image::text::excerpt;
use zeroize::Zeroizing;

/// The most bytes that a key file may have. An RSA key of 8192 bits in cosign's form takes about 9 KiB.
pub const MAX_KEY_FILE: usize = 64 * 1024;

/// The most characters of a file that an error repeats.
pub(crate) const MAX_QUOTED: usize = 40;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// What kind of private key a PEM block says it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// cosign's: scrypt and secretbox around PKCS#8.
    CosignEncrypted,
    /// RFC 5208 / RFC 5958, in the clear.
    Pkcs8,
    /// RFC 5915.
    Sec1,
    /// RFC 8017, appendix A.1.2.
    Pkcs1,
}

/// The key's block: its form and its decoded body.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) form: Form,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why a file is no private key that can be read here: what it is instead, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPrivateKey {
    /// Larger than [`MAX_KEY_FILE`].
    #[error("a file of {found} bytes is no key file: at most {limit} bytes are read")]
    TooLarge {
        /// The file's size in bytes.
        found: usize,
        /// [`MAX_KEY_FILE`].
        limit: usize,
    },
    /// Not text with a PEM block in it.
    #[error("no `-----BEGIN …-----` line found: a private key is expected in PEM form")]
    NoPem,
    /// Binary DER, as some programs write it.
    #[error(
        "this looks like a key in binary DER form: turn it into PEM with `openssl pkey -inform DER -in FILE -out FILE.pem`"
    )]
    Der,
    /// A block that never ends.
    #[error("the `{label}` block has no `-----END {label}-----` line: the file is cut short")]
    Unfinished {
        /// The block's label.
        label: String,
    },
    /// A body that is not base64.
    #[error("the body of the `{label}` block is not base64")]
    Body {
        /// The block's label.
        label: String,
        /// What the decoder found.
        source: base64::DecodeError,
    },
    /// The public half.
    #[error(
        "this is a public key (`{label}`), which verifies and cannot sign: use the private key it belongs to, \
         for cosign `cosign.key` in place of `cosign.pub`"
    )]
    PublicKey {
        /// `PUBLIC KEY` or `RSA PUBLIC KEY`.
        label: String,
    },
    /// A certificate, or a request for one.
    #[error("this is a certificate (`{label}`), which holds only a public key: use the private key it was made for")]
    Certificate {
        /// The block's label.
        label: String,
    },
    /// PKCS#8 encrypted the way OpenSSL does (RFC 8018).
    #[error(
        "this is a PKCS#8 key under a password (`ENCRYPTED PRIVATE KEY`), a form that is not read here: decrypt it with \
         `openssl pkey -in FILE -out PLAIN.pem`; `cosign import-key-pair --key PLAIN.pem` puts it under a password again"
    )]
    EncryptedPkcs8,
    /// OpenSSL's encryption from before PKCS#8, announced by a `Proc-Type` header (RFC 1421).
    #[error(
        "this `{label}` block is under a password in OpenSSL's old form, which is not read here: decrypt it with \
         `openssl pkey -in FILE -out PLAIN.pem`; `cosign import-key-pair --key PLAIN.pem` puts it under a password again"
    )]
    EncryptedTraditional {
        /// The block's label.
        label: String,
    },
    /// OpenSSH's own form.
    #[error(
        "this is an OpenSSH key (`OPENSSH PRIVATE KEY`), a form that is not read here: generate a key for signing with \
         `countersign key generate`, or turn a copy of an RSA or ECDSA one into PKCS#8 with `ssh-keygen -p -m PKCS8 -f COPY`"
    )]
    OpenSsh,
    /// A label of something else.
    #[error(
        "`{label}` is no private key that can be read here: expected `ENCRYPTED SIGSTORE PRIVATE KEY`, \
         `ENCRYPTED COSIGN PRIVATE KEY`, `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`"
    )]
    Unknown {
        /// The block's label.
        label: String,
    },
}

/// The first block of `file` that is not `EC PARAMETERS`, which OpenSSL writes before a SEC1 key.
///
/// # Errors
/// [`NotAPrivateKey`] where that block is none, or where there is none.
pub(crate) fn key_block(file: &[u8]) -> Result<Block, NotAPrivateKey> {
    if file.len() > MAX_KEY_FILE {
        return Err(NotAPrivateKey::TooLarge {
            found: file.len(),
            limit: MAX_KEY_FILE,
        });
    }
    let Ok(text) = std::str::from_utf8(file) else {
        return Err(not_text(file));
    };
    let mut rest = text;
    loop {
        let (label, body, after) = next_block(rest)?;
        if label != "EC PARAMETERS" {
            let form = form(label, body)?;
            return Ok(Block {
                form,
                body: decode(label, body)?,
            });
        }
        rest = after;
    }
}

fn not_text(file: &[u8]) -> NotAPrivateKey {
    const SEQUENCE: u8 = 0x30;
    if file.first() == Some(&SEQUENCE) {
        NotAPrivateKey::Der
    } else {
        NotAPrivateKey::NoPem
    }
}

/// The label, the undecoded body, and what follows the block.
fn next_block(text: &str) -> Result<(&str, &str, &str), NotAPrivateKey> {
    let (_, opened) = text.split_once(BEGIN).ok_or(NotAPrivateKey::NoPem)?;
    let (label, rest) = opened.split_once(DASHES).ok_or(NotAPrivateKey::NoPem)?;
    if label.contains(['\n', '\r']) {
        return Err(NotAPrivateKey::NoPem);
    }
    let end = format!("{END}{label}{DASHES}");
    let (body, after) = rest
        .split_once(&end)
        .ok_or_else(|| NotAPrivateKey::Unfinished { label: shorten(label) })?;
    Ok((label, body, after))
}

fn form(label: &str, body: &str) -> Result<Form, NotAPrivateKey> {
    let owned = || shorten(label);
    let form = match label {
        // cosign wrote the second label before it was sigstore's; what is inside is the same.
        "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => Form::CosignEncrypted,
        "PRIVATE KEY" => Form::Pkcs8,
        "EC PRIVATE KEY" => Form::Sec1,
        "RSA PRIVATE KEY" => Form::Pkcs1,
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(NotAPrivateKey::PublicKey { label: owned() }),
        "CERTIFICATE"
        | "TRUSTED CERTIFICATE"
        | "X509 CERTIFICATE"
        | "CERTIFICATE REQUEST"
        | "NEW CERTIFICATE REQUEST" => {
            return Err(NotAPrivateKey::Certificate { label: owned() });
        }
        "ENCRYPTED PRIVATE KEY" => return Err(NotAPrivateKey::EncryptedPkcs8),
        "OPENSSH PRIVATE KEY" => return Err(NotAPrivateKey::OpenSsh),
        _ => return Err(NotAPrivateKey::Unknown { label: owned() }),
    };
    if body.contains("Proc-Type:") {
        return Err(NotAPrivateKey::EncryptedTraditional { label: owned() });
    }
    Ok(form)
}

fn decode(label: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, NotAPrivateKey> {
    let compact: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|character| !character.is_whitespace()).collect());
    let bytes = STANDARD.decode(compact.as_bytes());
    bytes.map(Zeroizing::new).map_err(|source| NotAPrivateKey::Body {
        label: shorten(label),
        source,
    })
}

/// One block in lines of 64 characters, as RFC 7468 asks writers for.
pub(crate) fn encode(label: &str, body: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(body));
    let mut text = format!("{BEGIN}{label}{DASHES}\n");
    for line in encoded.as_bytes().chunks(64) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text.push_str(&format!("{END}{label}{DASHES}\n"));
    text
}

/// A label is whatever stands in the file, and is repeated in an error.
fn shorten(label: &str) -> String {
    excerpt(label, MAX_QUOTED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(file: impl AsRef<[u8]>) -> NotAPrivateKey {
        key_block(file.as_ref()).expect_err("this is no private key")
    }

    fn labelled(label: &str) -> String {
        encode(label, b"some body")
    }

    #[test]
    fn what_is_no_private_key_is_called_by_its_name() {
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
            assert_eq!(
                refusal(labelled(label)),
                NotAPrivateKey::PublicKey {
                    label: label.to_owned()
                }
            );
        }
        for label in ["CERTIFICATE", "CERTIFICATE REQUEST"] {
            assert_eq!(
                refusal(labelled(label)),
                NotAPrivateKey::Certificate {
                    label: label.to_owned()
                }
            );
        }
        assert_eq!(
            refusal(labelled("ENCRYPTED PRIVATE KEY")),
            NotAPrivateKey::EncryptedPkcs8
        );
        assert_eq!(refusal(labelled("OPENSSH PRIVATE KEY")), NotAPrivateKey::OpenSsh);
        assert_eq!(
            refusal(labelled("PGP MESSAGE")),
            NotAPrivateKey::Unknown {
                label: "PGP MESSAGE".to_owned()
            }
        );
        assert_eq!(refusal(""), NotAPrivateKey::NoPem);
        assert_eq!(
            refusal("-----BEGIN \nPRIVATE KEY-----\n-----END PRIVATE KEY-----"),
            NotAPrivateKey::NoPem
        );
        assert_eq!(refusal([0x30, 0x82, 0xff, 0xff]), NotAPrivateKey::Der);
        assert_eq!(refusal([0xff, 0xfe]), NotAPrivateKey::NoPem);
        let unfinished = NotAPrivateKey::Unfinished {
            label: "PRIVATE KEY".to_owned(),
        };
        assert_eq!(
            refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
            unfinished
        );
        assert!(matches!(
            refusal("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n"),
            NotAPrivateKey::Body { label, .. } if label == "PRIVATE KEY"
        ));
        let limit = MAX_KEY_FILE;
        assert_eq!(
            refusal(vec![b' '; limit + 1]),
            NotAPrivateKey::TooLarge {
                found: limit + 1,
                limit
            }
        );
    }

    #[test]
    fn a_traditionally_encrypted_key_is_named_before_its_body_is_read() {
        let file = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert_eq!(
            refusal(file),
            NotAPrivateKey::EncryptedTraditional {
                label: "EC PRIVATE KEY".to_owned()
            }
        );
    }

    #[test]
    fn a_key_is_found_behind_text_and_curve_parameters_whatever_the_line_ends() {
        let file = format!(
            "my key\n{}{}",
            encode("EC PARAMETERS", b"prime256v1"),
            encode("EC PRIVATE KEY", b"key")
        );
        for file in [file.clone(), file.replace('\n', "\r\n"), file.replace('\n', " \n")] {
            let block = key_block(file.as_bytes()).unwrap();
            assert_eq!((block.form, block.body.as_slice()), (Form::Sec1, b"key".as_slice()));
        }
    }

    #[test]
    fn only_the_first_key_counts() {
        let file = format!("{}{}", labelled("PUBLIC KEY"), labelled("PRIVATE KEY"));
        assert!(matches!(refusal(file), NotAPrivateKey::PublicKey { .. }));
    }

    proptest! {
        #[test]
        fn any_body_comes_back(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let text = encode("PRIVATE KEY", &body);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            let block = key_block(text.as_bytes()).unwrap();
            prop_assert_eq!(block.body.as_slice(), body.as_slice());
        }

        #[test]
        fn no_text_makes_it_panic(text in "(-----BEGIN |PRIVATE KEY|-----|\n|AAAA|-----END |é|[ -~])*") {
            key_block(text.as_bytes()).ok();
        }
    }
}
