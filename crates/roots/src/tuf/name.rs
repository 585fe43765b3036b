//! Names of files in a repository. They come out of its metadata and of a policy's source: none may lead anywhere else.

/// The longest name, in bytes.
const MAX_NAME: usize = 512;

/// Whether a name of metadata is one: the client percent-encodes a role's name, so nothing else can be in it.
pub(super) fn is_metadata(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);
    name.len() <= MAX_NAME && name.ends_with(".json") && name.bytes().all(plain)
}

/// Whether a name of a target, or of the folder of targets, stays below where it is looked for.
pub(crate) fn is_relative(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    name.len() <= MAX_NAME
        && !name.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\')
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_repository() {
        for name in ["trusted_root.json", "a/b/c.pem", "targets", "ab..cd/e", "..."] {
            assert!(is_relative(name), "{name}");
        }
        let long = "a".repeat(MAX_NAME + 1);
        for name in [
            "", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "a\\..\\b", "a\nb", "a\0b", &long,
        ] {
            assert!(!is_relative(name), "{name:?}");
        }
    }

    #[test]
    fn metadata_has_one_plain_name() {
        for name in ["root.json", "12.root.json", "3.a%2Fb.json", "1...json"] {
            assert!(is_metadata(name), "{name}");
        }
        for name in [
            "",
            "root",
            "../root.json",
            "a/b.json",
            "a?b.json",
            "a#b.json",
            "//evil.json",
            "a\\b.json",
        ] {
            assert!(!is_metadata(name), "{name}");
        }
    }
}
