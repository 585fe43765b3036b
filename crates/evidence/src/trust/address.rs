//! Addresses as names: two ways to write one are one witness.

/// An address in the one way that counts (RFC 3986, section 6.2.2 and 6.2.3): without the scheme, the host in small letters
/// and without a dot at its end, no port that goes without saying, no `/` at the end.
pub(super) fn counted(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (String::new(), address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => ":80",
        _ => ":443",
    };
    let host = authority.strip_suffix(usual).unwrap_or(&authority);
    let host = host.strip_suffix(':').unwrap_or(host).trim_end_matches('.');
    format!("{host}{}", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_address_counts_as_one_however_it_is_written() {
        for written in [
            "https://time.example/tsa",
            "HTTPS://Time.Example/tsa",
            "https://time.example:443/tsa/",
            "http://time.example:80/tsa",
            "https://time.example./tsa//",
            "time.example/tsa",
            "https://time.example:/tsa",
        ] {
            assert_eq!(counted(written), "time.example/tsa", "{written}");
        }
        for written in [
            "https://time.example/TSA",
            "https://time.example:8443/tsa",
            "https://time.example",
            "https://other.example/tsa",
            "https://time.example/tsa?v=2",
        ] {
            assert_ne!(counted(written), "time.example/tsa", "{written}");
        }
        // The subject of a certificate stands for an authority without an address.
        assert_ne!(counted("O=one, CN=time"), counted("O=two, CN=time"));
    }
}
