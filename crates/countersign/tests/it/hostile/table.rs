//! What every behaviour must come to.

use countersign_hostile::Behaviour as B;
use countersign_hostile::Face::{Public, Tls};
use countersign_hostile::Stock::{Bundled, Tagged, Unsigned};

use super::row::Expected::{Admitted, Denied, Undecided};
use super::row::{Row, row};

const UNSIGNED: super::row::Expected = Denied("image.unsigned");
const UNREADABLE: super::row::Expected = Denied("signature.unreadable");
const TOO_MANY: super::row::Expected = Denied("signature.too_many");
const CONTENT: super::row::Expected = Denied("registry.content");
const UNREACHABLE: super::row::Expected = Undecided("registry.unreachable");
const TIMEOUT: super::row::Expected = Undecided("registry.timeout");
const REFUSED: super::row::Expected = Undecided("registry.denied");

/// What was judged is what the tag was resolved to, once.
pub(crate) const NAMES: &[Row] = &[
    row(B::Honest, Tagged, Admitted),
    row(B::Honest, Bundled, Admitted),
    row(B::Honest, Unsigned, UNSIGNED),
    row(B::Honest, Tagged, Admitted).basic(),
    row(B::Honest, Bundled, Admitted).met(Tls),
    row(B::Honest, Tagged, Admitted).met(Public),
    row(B::MovedTag, Tagged, Admitted),
    row(B::MovedTag, Bundled, Admitted),
    row(B::HeadUnlikeGet, Tagged, UNSIGNED),
    row(B::LyingDigestInHead, Tagged, Admitted).other(),
    row(B::LyingDigestInGet, Tagged, UNSIGNED).other(),
    row(B::LyingDigestInGet, Tagged, Admitted),
    row(B::FallbackTagIsTheImage, Tagged, Admitted),
    row(B::FallbackTagIsTheImage, Unsigned, UNSIGNED),
    row(B::SignatureTagIsTheImage, Unsigned, UNSIGNED),
    row(B::SignatureTagIsTheImage, Tagged, UNSIGNED),
    row(B::SignatureTagIsTheImage, Bundled, Admitted),
    row(B::SignatureOfAnother, Unsigned, Denied("signature.wrong_image")),
];

pub(crate) const BYTES: &[Row] = &[
    row(B::ContentLengthTooLong, Tagged, UNREACHABLE).requests(40),
    row(B::ContentLengthTooLong, Bundled, UNREADABLE).requests(40),
    row(B::ContentLengthTooShort, Tagged, UNREADABLE),
    row(B::ContentLengthTooShort, Bundled, UNREADABLE),
    row(B::TwoContentLengths, Tagged, UNREACHABLE),
    row(B::TwoContentTypes, Tagged, UNREADABLE),
    row(B::WrongMediaTypes, Tagged, UNREADABLE),
    row(B::WrongMediaTypes, Bundled, UNREADABLE),
    row(B::OtherManifestForDigest, Bundled, UNREADABLE),
    row(B::OtherBlobForDigest, Tagged, UNREADABLE),
    row(B::OtherBlobForDigest, Bundled, UNREADABLE),
    row(B::DiesInBody, Tagged, UNREACHABLE).requests(40),
    row(B::DiesInBody, Bundled, UNREACHABLE).requests(40),
    row(B::GzipBomb, Tagged, UNREADABLE).says("compressed"),
    row(B::GzipBomb, Bundled, UNREADABLE).says("compressed"),
    row(B::DeeplyNestedJson, Tagged, UNREADABLE),
    row(B::DeeplyNestedJson, Bundled, UNREADABLE),
    row(B::DuplicateKeys, Tagged, UNREADABLE).says("twice"),
    row(B::AmbiguousManifest, Tagged, UNREADABLE).says("both"),
    row(B::ForeignUrls, Tagged, UNREADABLE),
    row(B::HugeLayerClaims, Tagged, UNREADABLE).says("larger than"),
    row(B::HugeAnnotations, Tagged, Admitted),
];

pub(crate) const ENDLESS: &[Row] = &[
    row(B::EndlessManifest, Tagged, UNREADABLE).says("larger than"),
    row(B::EndlessManifest, Bundled, UNREADABLE).says("larger than"),
    row(B::EndlessBlob, Tagged, UNREADABLE).says("larger than"),
    row(B::EndlessBlob, Bundled, UNREADABLE).says("larger than"),
    row(B::EndlessReferrers, Bundled, UNREADABLE).says("larger than"),
    row(B::EndlessReferrers, Tagged, Admitted),
    row(B::EndlessReferrersPages, Bundled, Admitted).requests(1000),
    row(B::EndlessReferrersPages, Unsigned, TOO_MANY).requests(1000),
    row(B::ReferrersPagesElsewhere, Bundled, Admitted),
    row(B::ReferrersPagesElsewhere, Unsigned, UNREADABLE),
    row(B::HundredThousandSignatureLayers, Tagged, UNREADABLE).says("larger than"),
    row(B::TenThousandSignatureLayers, Tagged, TOO_MANY).requests(1000),
    row(B::FiveHundredSignatureLayers, Tagged, Admitted).requests(1000),
    row(B::TenThousandReferrers, Bundled, Admitted).requests(1000),
    row(B::TenThousandBundles, Bundled, TOO_MANY).requests(1000),
    row(B::ManyEndlessManifests, Bundled, TOO_MANY).requests(1000),
    row(B::ManyEndlessBlobs, Bundled, TOO_MANY).requests(1000),
    row(B::ManyLargeBundles, Bundled, Admitted)
        .requests(200)
        .with_full_budget(),
];

pub(crate) const WAYS: &[Row] = &[
    row(B::RedirectBlobsElsewhere, Tagged, Admitted).anonymous_elsewhere(),
    row(B::RedirectBlobsElsewhere, Bundled, Admitted)
        .basic()
        .anonymous_elsewhere(),
    row(B::RedirectBlobsElsewhere, Bundled, Admitted)
        .met(Tls)
        .anonymous_elsewhere(),
    row(B::RedirectBlobsElsewhere, Tagged, Admitted)
        .met(Public)
        .anonymous_elsewhere(),
    row(B::RedirectManifestsElsewhere, Bundled, Admitted).anonymous_elsewhere(),
    row(B::RedirectManifestsElsewhere, Tagged, Admitted)
        .basic()
        .anonymous_elsewhere(),
    row(B::RedirectToAnotherPort, Tagged, Admitted).anonymous_elsewhere(),
    row(B::RedirectToAnotherPort, Tagged, Admitted)
        .basic()
        .anonymous_elsewhere(),
    row(B::RedirectToHttp, Tagged, CONTENT)
        .met(Tls)
        .says("from https to http"),
    row(B::RedirectToHttp, Tagged, CONTENT)
        .met(Tls)
        .basic()
        .says("from https to http"),
    row(B::RedirectToHttp, Tagged, CONTENT)
        .met(Public)
        .says("address of this machine"),
    row(B::RedirectToLocalhost, Tagged, CONTENT)
        .met(Public)
        .says("address of this machine"),
    row(B::RedirectToLinkLocal, Tagged, CONTENT).says("its link"),
    row(B::RedirectToLinkLocal, Tagged, CONTENT).met(Tls).says("its link"),
    row(B::RedirectToLinkLocal, Tagged, CONTENT)
        .met(Public)
        .says("its link"),
    row(B::RedirectToMappedLinkLocal, Tagged, CONTENT)
        .met(Public)
        .says("its link"),
    row(B::RedirectToPrivateNetwork, Tagged, CONTENT)
        .met(Public)
        .says("private network"),
    row(B::RedirectToFile, Tagged, CONTENT).says("not an http or https URL"),
    row(B::RedirectWithPassword, Tagged, CONTENT).says("holds a user or password"),
    row(B::RedirectLoop, Tagged, CONTENT).says("redirects more than 3 times"),
];

pub(crate) const LOGINS: &[Row] = &[
    row(B::RealmElsewhere, Tagged, REFUSED),
    row(B::RealmElsewhere, Tagged, REFUSED).met(Tls),
    row(B::RealmElsewhere, Tagged, CONTENT).met(Public),
    row(B::RealmLinkLocal, Tagged, CONTENT).says("its link"),
    row(B::RealmLinkLocal, Tagged, CONTENT).met(Tls).says("its link"),
    row(B::RealmLinkLocal, Tagged, CONTENT).met(Public).says("its link"),
    row(B::RealmLocalhost, Tagged, CONTENT)
        .met(Tls)
        .says("address of this machine"),
    row(B::RealmLocalhost, Tagged, CONTENT)
        .met(Public)
        .says("address of this machine"),
    row(B::RealmHttp, Tagged, CONTENT).met(Tls).says("from https to http"),
    row(B::RealmWithPassword, Tagged, CONTENT).says("holds a user or password"),
    row(B::RealmFile, Tagged, CONTENT).says("not an http or https URL"),
    row(B::RealmRedirects, Tagged, CONTENT).says("credentials do not follow"),
    row(B::RealmRedirects, Tagged, CONTENT)
        .met(Tls)
        .says("credentials do not follow"),
    row(B::TokenOfAGibibyte, Tagged, CONTENT).says("larger than"),
    row(B::TokenWithNewlines, Tagged, REFUSED).says("no header can carry"),
    row(B::GzipBombToken, Tagged, CONTENT).says("compressed"),
    row(B::UnauthorizedForever, Tagged, REFUSED).says("401"),
    row(B::UnauthorizedForever, Tagged, REFUSED).basic().says("401"),
    row(B::ForbiddenForever, Tagged, REFUSED).says("403"),
];

pub(crate) const PACE: &[Row] = &[
    row(B::SlowBody, Tagged, TIMEOUT).until_the_deadline(),
    row(B::SlowBody, Bundled, TIMEOUT).until_the_deadline(),
    row(B::SlowHeaders, Tagged, TIMEOUT).until_the_deadline(),
    row(B::Silent, Tagged, TIMEOUT).until_the_deadline(),
    row(B::Silent, Tagged, TIMEOUT).until_the_deadline().met(Tls),
    row(B::HangsUp, Tagged, UNREACHABLE),
    row(B::ThrottledForever, Tagged, Undecided("registry.throttled")),
    row(B::ThrottledForAYear, Tagged, Undecided("registry.throttled")).requests(1),
    row(B::BrokenForever, Tagged, Undecided("registry.unavailable")).says("500"),
    row(B::InterimForever, Tagged, CONTENT).says("interim (1xx)"),
    row(B::EndlessHeaders, Tagged, UNREACHABLE),
    row(B::HundredThousandHeaders, Tagged, UNREACHABLE),
    row(B::NotHttp, Tagged, UNREACHABLE),
];

pub(crate) const HTTP2: &[Row] = &[
    row(B::Http2EndlessHeaders, Tagged, UNREACHABLE).met(Tls),
    row(B::Http2EmptyFrames, Tagged, UNREACHABLE).met(Tls),
    row(B::Http2Interim, Tagged, TIMEOUT).until_the_deadline().met(Tls),
    row(B::Http2Pings, Tagged, TIMEOUT).until_the_deadline().met(Tls),
    row(B::Http2Resets, Tagged, UNREACHABLE).met(Tls),
];

pub(crate) fn all() -> Vec<Row> {
    [NAMES, BYTES, ENDLESS, WAYS, LOGINS, PACE, HTTP2].concat()
}
