//! The names.

use std::fmt;
use std::str::FromStr;

/// The name is none of a behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBehaviour(String);

impl fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no behaviour; `--list` names them all", self.0)
    }
}

impl std::error::Error for UnknownBehaviour {}

macro_rules! behaviours {
    ($($variant:ident $name:literal $sentence:literal)*) => {
        /// One way to misbehave. The name is stable; the sentence says what is done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Behaviour {
            $(#[doc = $sentence] $variant,)*
        }

        impl Behaviour {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, in kebab-case.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it does.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }
    };
}

behaviours! {
    Honest "honest" "Every answer is what it should be."

    MovedTag "moved-tag" "A tag names one image when it is asked for first, and an unsigned one ever after."
    HeadUnlikeGet "head-unlike-get" "HEAD of a tag names an unsigned image, GET gives the signed one."
    LyingDigestInHead "lying-digest-in-head" "HEAD of any tag states the digest of the signed image."
    LyingDigestInGet "lying-digest-in-get" "GET of an unsigned image's tag states the digest of the signed one, and HEAD is not allowed."
    FallbackTagIsTheImage "fallback-tag-is-the-image" "There is no referrers API, and the tag in its stead is the image itself."
    SignatureTagIsTheImage "signature-tag-is-the-image" "The tags for signatures and attestations are the image itself."
    SignatureOfAnother "signature-of-another" "What lies beside the image is a good signature of another image."

    ContentLengthTooLong "content-length-too-long" "Manifests and blobs claim a thousand bytes more than they have."
    ContentLengthTooShort "content-length-too-short" "Manifests and blobs claim ten bytes, and send all that they have."
    TwoContentLengths "two-content-lengths" "Manifests and blobs have two lengths."
    TwoContentTypes "two-content-types" "Manifests have two media types."
    WrongMediaTypes "wrong-media-types" "Manifests are served as the other kind of document."
    OtherManifestForDigest "other-manifest-for-digest" "A manifest that is asked for by digest is another one."
    OtherBlobForDigest "other-blob-for-digest" "A blob has as many bytes as it should, and other ones."
    DiesInBody "dies-in-body" "The connection ends in the middle of each manifest and blob."

    EndlessManifest "endless-manifest" "Manifests have no end."
    EndlessBlob "endless-blob" "Blobs have no end."
    EndlessReferrers "endless-referrers" "The list of referrers has no end."
    EndlessReferrersPages "endless-referrers-pages" "The list of referrers has page after page, each with a thousand that nobody asked for."
    ReferrersPagesElsewhere "referrers-pages-elsewhere" "The next page of the list of referrers is at another host."
    HundredThousandSignatureLayers "hundred-thousand-signature-layers" "The signature tag holds a hundred thousand signatures, the good one last."
    TenThousandSignatureLayers "ten-thousand-signature-layers" "The signature tag holds nearly ten thousand signatures, the good one last."
    FiveHundredSignatureLayers "five-hundred-signature-layers" "The signature tag holds five hundred signatures, the good one last."
    TenThousandReferrers "ten-thousand-referrers" "The image has nearly ten thousand referrers: junk, a hundred bundles by others, the good one last."
    TenThousandBundles "ten-thousand-bundles" "The image has nearly ten thousand referrers, all of them bundles by others but for the last."
    ManyEndlessManifests "many-endless-manifests" "The image has three hundred referrers whose manifests have no end, and the good one."
    ManyEndlessBlobs "many-endless-blobs" "The image has three hundred bundles that have no end, and the good one."
    ManyLargeBundles "many-large-bundles" "The image has a gibibyte of bundles, 16 MiB each, before the good one."

    RedirectBlobsElsewhere "redirect-blobs-elsewhere" "Blobs are at another host, which has them."
    RedirectManifestsElsewhere "redirect-manifests-elsewhere" "Manifests and lists are at another host, which has them."
    RedirectToAnotherPort "redirect-to-another-port" "Blobs are at another port of the same host, which has them."
    RedirectToHttp "redirect-to-http" "Everything is at another port, without TLS."
    RedirectToLocalhost "redirect-to-localhost" "Everything is at a port of `localhost`."
    RedirectToLinkLocal "redirect-to-link-local" "Everything is where clouds keep the keys of the machine."
    RedirectToMappedLinkLocal "redirect-to-mapped-link-local" "The same place, written as an IPv6 address."
    RedirectToPrivateNetwork "redirect-to-private-network" "Everything is at an address of a private network."
    RedirectToFile "redirect-to-file" "Everything is a file of the client's machine."
    RedirectWithPassword "redirect-with-password" "Everything is at another host, for a user that the URL names."
    RedirectLoop "redirect-loop" "Everything is somewhere else on this server, and there again."

    RealmElsewhere "realm-elsewhere" "Tokens are to be had at another host."
    RealmLinkLocal "realm-link-local" "Tokens are to be had where clouds keep the keys of the machine."
    RealmLocalhost "realm-localhost" "Tokens are to be had at a port of `localhost`."
    RealmHttp "realm-http" "Tokens are to be had at another port, without TLS."
    RealmWithPassword "realm-with-password" "The realm names a user and a password."
    RealmFile "realm-file" "The realm is a file of the client's machine."
    RealmRedirects "realm-redirects" "The token service sends on to another host."
    TokenOfAGibibyte "token-of-a-gibibyte" "The answer of the token service has a gibibyte."
    TokenWithNewlines "token-with-newlines" "The token holds a line break and another header."
    UnauthorizedForever "unauthorized-forever" "No credential and no token is good enough."
    ForbiddenForever "forbidden-forever" "Everything is forbidden."

    SlowBody "slow-body" "Manifests and blobs come byte by byte, and never wholly (slow loris)."
    SlowHeaders "slow-headers" "The head of each answer comes byte by byte, and never wholly."
    Silent "silent" "Requests are taken, and nothing is answered."
    HangsUp "hangs-up" "Connections are closed when they are asked for something."
    ThrottledForever "throttled-forever" "Everything is refused with 429, to be tried again at once."
    ThrottledForAYear "throttled-for-a-year" "Everything is refused with 429, to be tried again in a year."
    BrokenForever "broken-forever" "Everything fails with 500."
    InterimForever "interim-forever" "Each answer is preceded by interim ones, without end."

    GzipBomb "gzip-bomb" "Manifests, lists and blobs are a gibibyte, compressed to seven megabytes."
    GzipBombToken "gzip-bomb-token" "The answer of the token service is a gibibyte, compressed to seven megabytes."
    DeeplyNestedJson "deeply-nested-json" "Manifests and lists nest a hundred thousand levels deep."
    DuplicateKeys "duplicate-keys" "The signature tag's manifest has `layers` twice."
    AmbiguousManifest "ambiguous-manifest" "The signature tag's manifest is an index as well."
    ForeignUrls "foreign-urls" "Signatures are to be had from URLs that the manifest names, and not from the registry."
    HugeLayerClaims "huge-layer-claims" "Signatures say that they have a tebibyte each."
    HugeAnnotations "huge-annotations" "The good signature stands among annotations of three megabytes."
    HundredThousandHeaders "hundred-thousand-headers" "Each answer has a hundred thousand headers."
    EndlessHeaders "endless-headers" "The head of each answer has no end."
    NotHttp "not-http" "What is answered is no HTTP."

    Http2EndlessHeaders "http2-endless-headers" "The headers of each answer go on in CONTINUATION frames without end."
    Http2EmptyFrames "http2-empty-frames" "The body of each answer is empty DATA frames without end."
    Http2Interim "http2-interim-forever" "Each answer is preceded by interim ones, without end."
    Http2Pings "http2-pings" "Each request is answered with PING frames without end."
    Http2Resets "http2-resets" "Each request is reset."
}

impl Behaviour {
    /// Whether it is one of HTTP/2, which is spoken over TLS alone.
    pub fn is_http2(self) -> bool {
        matches!(
            self,
            Self::Http2EndlessHeaders
                | Self::Http2EmptyFrames
                | Self::Http2Interim
                | Self::Http2Pings
                | Self::Http2Resets
        )
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.iter().find(|behaviour| behaviour.name() == name);
        named.copied().ok_or_else(|| UnknownBehaviour(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_that_leads_back() {
        let names: BTreeSet<_> = Behaviour::ALL.iter().map(|behaviour| behaviour.name()).collect();
        assert_eq!(names.len(), Behaviour::ALL.len());
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.name().parse(), Ok(*behaviour));
            assert!(behaviour.sentence().ends_with('.'), "{behaviour}");
        }
        assert!("polite".parse::<Behaviour>().is_err());
    }
}
