//! The grammar against what Docker's accepts and refuses, and the one step from a name to an image.

use proptest::prelude::*;

use super::{Part, Pinned, Reference, ReferenceError, Repository, Tag};
use crate::digest::{Digest, DigestError};

const HEX: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

fn sha256() -> String {
    format!("sha256:{HEX}")
}

fn sha512() -> String {
    format!("sha512:{HEX}{HEX}")
}

/// What is written, then host, path, tag and digest; `D` stands for a SHA-256 digest, `L` for a SHA-512 one, `-` for none.
const MEANINGS: &str = "
    nginx                             docker.io         library/nginx          -            -
    nginx:1.25                        docker.io         library/nginx          1.25         -
    library/nginx                     docker.io         library/nginx          -            -
    bitnami/redis:7                   docker.io         bitnami/redis          7            -
    a/b/c                             docker.io         a/b/c                  -            -
    docker.io/nginx                   docker.io         library/nginx          -            -
    index.docker.io/nginx             docker.io         library/nginx          -            -
    registry-1.docker.io/a/nginx      docker.io         a/nginx                -            -
    Index.Docker.IO/bitnami/redis     docker.io         bitnami/redis          -            -
    localhost/x                       localhost         x                      -            -
    LOCALHOST/x                       localhost         x                      -            -
    localhost                         docker.io         library/localhost      -            -
    localhost:5000                    docker.io         library/localhost      5000         -
    192.168.1.1:5000                  docker.io         library/192.168.1.1    5000         -
    localhost:5000/a/b:t              localhost:5000    a/b                    t            -
    host:5000/x:tag@D                 host:5000         x                      tag          D
    nginx@D                           docker.io         library/nginx          -            D
    ghcr.io/a/b@L                     ghcr.io           a/b                    -            L
    GHCR.IO/x/y                       ghcr.io           x/y                    -            -
    Host:80/x                         host:80           x                      -            -
    [::1]:5000/x                      [::1]:5000        x                      -            -
    [2001:DB8::1]/x:t                 [2001:db8::1]     x                      t            -
    xn--n3h.com/myimage:xn--n3h.com   xn--n3h.com       myimage                xn--n3h.com  -
    a.b/dock__er/x---x                a.b               dock__er/x---x         -            -
    foo_bar.com:8080                  docker.io         library/foo_bar.com    8080         -
    foo/foo_bar.com:8080              docker.io         foo/foo_bar.com        8080         -
    x:_under                          docker.io         library/x              _under       -
    x:UPPER.is-fine                   docker.io         library/x              UPPER.is-fine -
";

#[test]
fn names_mean_what_docker_means_by_them() {
    for line in MEANINGS.trim().lines() {
        let line = line
            .replace("@D", &format!("@{}", sha256()))
            .replace("@L", &format!("@{}", sha512()));
        let [written, host, path, tag, digest] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("five columns: {line}");
        };
        let some = |column| (column != "-").then_some(column);
        let digest = some(digest).map(|which| if which == "D" { sha256() } else { sha512() });
        let reference = Reference::parse(written).unwrap_or_else(|error| panic!("`{written}`: {error}"));
        assert_eq!(reference.repository().host(), host, "host of `{written}`");
        assert_eq!(reference.repository().path(), path, "path of `{written}`");
        assert_eq!(reference.tag().map(Tag::as_str), some(tag), "tag of `{written}`");
        assert_eq!(
            reference.digest().map(ToString::to_string),
            digest,
            "digest of `{written}`"
        );
        assert_eq!(reference.written(), written);
    }
}

#[test]
fn a_hash_is_a_path_where_a_host_stands_before_it() {
    assert_eq!(Reference::parse(HEX), Err(ReferenceError::LooksLikeHash));
    assert_eq!(
        Reference::parse(&format!("docker.io/{HEX}"))
            .unwrap()
            .repository()
            .path(),
        format!("library/{HEX}")
    );
}

/// What is written, then why it is refused.
const REFUSALS: &[(&str, &str)] = &[
    ("", "the name is empty"),
    (":tag", "the path at position 1 is empty"),
    ("nginx:", "the tag at position 7 is empty"),
    ("nginx@", "the digest at position 7 is empty"),
    ("docker/", "the path at position 8 is empty"),
    ("docker///docker", "the path at position 8 is empty"),
    ("a.b//docker", "the path at position 5 is empty"),
    ("host:/x", "the port at position 6 is empty"),
    (":80/x", "the host at position 1 is empty"),
    ("https://github.com/docker/docker", "the port at position 7 is empty"),
    ("Nginx", "the path must be in lower case, and `N` at position 1 is not"),
    (
        "docker/Docker",
        "the path must be in lower case, and `D` at position 8 is not",
    ),
    (
        "test:5000/Upper/lower:tag",
        "the path must be in lower case, and `U` at position 11 is not",
    ),
    // Docker takes this for a host, which in lower case would be a path.
    (
        "Docker/docker",
        "the path must be in lower case, and `D` at position 1 is not",
    ),
    ("ghcr.io/größe", "`ö` at position 11 cannot be there in the path"),
    ("ghcr.io/a b", "` ` at position 10 cannot be there in the path"),
    (" nginx", "` ` at position 1 cannot be there in the path"),
    ("nginx\n", "`\\n` at position 6 cannot be there in the path"),
    ("aa/asdf$$^/aa", "`$` at position 8 cannot be there in the path"),
    ("-docker/docker", "`-` at position 1 cannot be there in the path"),
    ("docker-/docker", "the path cannot end with `-` at position 7"),
    ("_docker/_docker", "`_` at position 1 cannot be there in the path"),
    ("x/dock..er", "`.` at position 8 cannot be there in the path"),
    ("x/dock_.er", "`.` at position 8 cannot be there in the path"),
    ("x/dock-.er", "`.` at position 8 cannot be there in the path"),
    ("x/dock___er", "`_` at position 9 cannot be there in the path"),
    ("dock..er/docker", "`.` at position 6 cannot be there in the host"),
    ("-docker.io/docker", "`-` at position 1 cannot be there in the host"),
    ("docker-.io/x", "`.` at position 8 cannot be there in the host"),
    ("docker.io-/x", "the host cannot end with `-` at position 10"),
    ("docker.io./x", "the host cannot end with `.` at position 10"),
    ("docker_io.com/x", "`_` at position 7 cannot be there in the host"),
    ("user:pw@host/x", "the digest at position 9 is wrong"),
    ("host:0/x", "the port at position 6 is not a number from 1 to 65535"),
    ("host:65536/x", "the port at position 6 is not a number from 1 to 65535"),
    ("host:+80/x", "the port at position 6 is not a number from 1 to 65535"),
    (
        "fc00::1:5000/debian",
        "the port at position 6 is not a number from 1 to 65535",
    ),
    ("nginx:a/b:c", "the port at position 7 is not a number from 1 to 65535"),
    ("[fc00::1]", "`[` at position 1 cannot be there in the path"),
    ("[fc00::1]:5000", "`[` at position 1 cannot be there in the path"),
    (
        "[fe80::1%eth0]:5000/debian",
        "the host at position 1 is not an IPv6 address in brackets",
    ),
    (
        "[2001:db8:3:4::192.0.2.33]:5000/debian",
        "the host at position 1 is not an IPv6 address in brackets",
    ),
    ("[::1/x", "the host at position 1 is not an IPv6 address in brackets"),
    ("[::1]x/y", "`x` at position 6 cannot be there in the host"),
    ("nginx:-a", "`-` at position 7 cannot be there in the tag"),
    ("nginx:a:b", "`:` at position 8 cannot be there in the tag"),
    ("repo@sha256:ffff", "the digest at position 6 is wrong"),
    ("repo@md5:ffff", "the digest at position 6 is wrong"),
];

#[test]
fn a_refusal_names_the_part_and_the_position() {
    for (written, expected) in REFUSALS {
        let found = Reference::parse(written).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), Some(*expected), "`{written}`");
    }
}

#[test]
fn every_part_has_a_length_limit() {
    use ReferenceError::{PartTooLong, TooLong};
    let (a255, a256) = ("a".repeat(255), "a".repeat(256));
    for fits in [
        format!("e.com/{a255}"),
        format!("x:{}", "a".repeat(128)),
        format!("{}.io/x", "a".repeat(256)),
    ] {
        assert!(Reference::parse(&fits).is_ok(), "`{fits}`");
    }
    for (written, expected) in [
        (
            "a".repeat(1025),
            TooLong {
                limit: 1024,
                found: 1025,
            },
        ),
        (
            format!("x:{}", "a".repeat(129)),
            PartTooLong {
                part: Part::Tag,
                limit: 128,
                found: 129,
            },
        ),
        (
            format!("e.com/{a256}"),
            PartTooLong {
                part: Part::Path,
                limit: 255,
                found: 256,
            },
        ),
        (
            format!("{}.io/x", "a".repeat(257)),
            PartTooLong {
                part: Part::Host,
                limit: 259,
                found: 260,
            },
        ),
        // With the namespace that Docker Hub leaves out.
        (
            "a".repeat(250),
            PartTooLong {
                part: Part::Path,
                limit: 255,
                found: 258,
            },
        ),
    ] {
        assert_eq!(Reference::parse(&written), Err(expected), "`{written}`");
    }
}

#[test]
fn a_wrong_digest_says_what_is_wrong_with_it() {
    let written = format!("repo@sha256:{}", HEX.to_uppercase());
    let source = DigestError::NotLowerHex { found: 'C', at: 8 };
    assert_eq!(
        Reference::parse(&written),
        Err(ReferenceError::Digest { at: 6, source })
    );
}

#[test]
fn a_repository_carries_neither_tag_nor_digest() {
    assert_eq!(
        Repository::parse("ghcr.io/a/b").map(|r| r.to_string()).as_deref(),
        Ok("ghcr.io/a/b")
    );
    assert_eq!(
        Repository::parse("ghcr.io/a/b:t"),
        Err(ReferenceError::NotARepository {
            part: Part::Tag,
            at: 13
        })
    );
    assert_eq!(
        Repository::parse(&format!("ghcr.io/a/b@{}", sha256())),
        Err(ReferenceError::NotARepository {
            part: Part::Digest,
            at: 13
        })
    );
}

#[test]
fn policies_know_docker_hub_by_another_name() {
    let name = |text: &str| Repository::parse(text).unwrap().policy_name();
    assert_eq!(name("nginx"), "index.docker.io/library/nginx");
    assert_eq!(name("ghcr.io/a/b"), "ghcr.io/a/b");
}

#[test]
fn loopback_is_this_machine_and_nothing_that_looks_like_it() {
    for name in [
        "localhost/x",
        "localhost:5000/x",
        "127.0.0.1/x",
        "127.8.9.1:1/x",
        "[::1]/x",
        "[::1]:5000/x",
    ] {
        assert!(Repository::parse(name).unwrap().is_loopback(), "{name}");
    }
    for name in [
        "nginx",
        "localhost.evil.com/x",
        "127.0.0.1.evil.com/x",
        "127.1/x",
        "[::2]/x",
        "128.0.0.1/x",
        "local:1/x",
    ] {
        assert!(!Repository::parse(name).unwrap().is_loopback(), "{name}");
    }
}

#[test]
fn a_pinned_keeps_the_name_that_its_author_wrote() {
    let digest: Digest = sha256().parse().unwrap();
    for (written, patched) in [
        ("nginx", "nginx:latest@DIGEST"),
        ("nginx:1.25", "nginx:1.25@DIGEST"),
        ("docker.io/library/nginx:1.25", "docker.io/library/nginx:1.25@DIGEST"),
        ("nginx@DIGEST", "nginx@DIGEST"),
        ("nginx:1.25@DIGEST", "nginx:1.25@DIGEST"),
        ("[::1]:5000/x", "[::1]:5000/x:latest@DIGEST"),
    ] {
        let fill = |text: &str| text.replace("DIGEST", &sha256());
        let pinned = Reference::parse(&fill(written)).unwrap().resolved(digest);
        assert_eq!(pinned.written(), fill(patched));
        let again = Reference::parse(&pinned.written()).unwrap().pinned().unwrap();
        assert_eq!(again, pinned, "what is patched in names the same image");
    }
}

#[test]
fn a_digest_in_the_name_wins() {
    let other = Digest::sha256(b"another image");
    let reference = Reference::parse(&format!("nginx:1@{}", sha256())).unwrap();
    assert_eq!(reference.resolved(other).digest().to_string(), sha256());
    assert_eq!(reference.pinned(), Some(reference.resolved(other)));
    assert_eq!(Reference::parse("nginx:1").unwrap().pinned(), None);
}

#[test]
fn a_pinned_is_the_same_whatever_tag_led_to_it() {
    let digest: Digest = sha256().parse().unwrap();
    let pinned = |name: &str| Reference::parse(name).unwrap().resolved(digest);
    assert_eq!(pinned("nginx:1"), pinned("docker.io/library/nginx:1.25"));
    assert_ne!(pinned("nginx:1"), pinned("bitnami/nginx:1"));
    assert_eq!(
        pinned("nginx:1").to_string(),
        format!("docker.io/library/nginx@{}", sha256())
    );
}

fn pinned_of(reference: &Reference) -> Pinned {
    reference.resolved(Digest::sha256(b"x"))
}

prop_compose! {
    fn name()(
        host in prop_oneof![
            Just(String::new()),
            "[a-zA-Z0-9]{1,5}\\.[a-z]{2,3}/",
            "[a-z]{1,8}:[1-9][0-9]{0,3}/",
            Just("localhost/".to_owned()),
            Just("[::1]:5000/".to_owned()),
        ],
        // The first word has no dot: without a host before it, it would be one.
        path in "[a-z0-9]{1,6}((_|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,6}(\\.[a-z0-9]{1,6}){0,2}){0,3}",
        tag in prop_oneof![Just(String::new()), ":[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,12}"],
        digest in prop_oneof![Just(String::new()), "@sha256:[0-9a-f]{64}", "@sha512:[0-9a-f]{128}"],
    ) -> String {
        format!("{host}{path}{tag}{digest}")
    }
}

proptest! {
    #[test]
    fn the_name_in_full_means_the_same(text in name()) {
        let reference = Reference::parse(&text).unwrap();
        let full = Reference::parse(&reference.to_string()).unwrap();
        prop_assert_eq!(&full, &reference);
        prop_assert_eq!(full.to_string(), reference.to_string());
        prop_assert_eq!(&Repository::parse(&reference.repository().to_string()).unwrap(), reference.repository());
        let written = pinned_of(&reference).written();
        prop_assert_eq!(Reference::parse(&written).unwrap().pinned().unwrap(), pinned_of(&reference));
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_reads_back(text in "[a-zA-Z0-9:/@._\\[\\]é -]{0,40}") {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(&Reference::parse(&reference.to_string()).unwrap(), &reference);
        }
    }
}
