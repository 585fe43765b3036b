//! What each code means and what to do about it: the text of `docs/reasons.md`.
//!
//! To add a code, add it here, and say `COUNTERSIGN_BLESS=1 cargo test -p countersign-policy`. Codes are never renamed.

use super::code::codes;

codes! {
    ImageUnsigned = "image.unsigned", Denied, OfPolicy {
        title: "The image is not signed",
        meaning: "The policy asks for a signature of this image by a key, and none was found in any place where it could \
         be: neither under a signature tag, nor as a referrer, nor in a bundle. All of these places answered; \
         none of them is merely out of reach. An attestation is not a signature.",
        remedy: "sign the image (`countersign sign IMAGE --key KEY`, or `cosign sign`), and push the signature beside it",
        example: "no signatures found; one by key sha256:91a2… is needed",
    }
    ImageUnpinned = "image.unpinned", Denied, Bare {
        title: "The image is named by a tag",
        meaning: "A tag can be moved between judging and running, so that only a digest is judged. The mutating webhook \
         puts the digest in; this object reached the validating one without, because the mutating webhook is not \
         registered for this kind of object, because somebody changed the object after it, or because the tag \
         could not be resolved there.",
        remedy: "name the image by digest (`name:tag@sha256:…`), or register the mutating webhook, which does that",
        example: "`ghcr.io/acme/app:v1` must be an image digest",
    }
    ImageNotFound = "image.not_found", Denied, Bare {
        title: "The registry has no such image",
        meaning: "The registry answered, and said that it does not have this tag or digest. It may also say so of a \
         repository that it does not let us see.",
        remedy: "push the image, or correct its name; if it is private, let the cluster read it with a pull secret",
        example: "`ghcr.io/acme/app:v9` was not found",
    }
    ImageUnparsable = "image.unparsable", Denied, Bare {
        title: "The name of the image is not one",
        meaning: "The text cannot be read as an image reference, so that nobody can say which image would run.",
        remedy: "write a reference such as `registry.example.com/team/app:v1`: repositories are in lower case",
        example: "could not parse reference: `ghcr.io/Acme/app`",
    }
    SignatureWrongKey = "signature.wrong_key", Denied, OfPolicy {
        title: "The image is signed by another key",
        meaning: "There are signatures of this image, and none of them is by the key that the policy names. Typical: a \
         signature by a key that was since replaced, or the key of another team or stage.",
        remedy: "sign the image with the key that the policy names, or add an authority for the key that signed it",
        example: "no matching signatures: 2 signatures were found, none of them by key \
         sha256:91a2…",
    }
    SignatureWrongImage = "signature.wrong_image", Denied, OfPolicy {
        title: "The signature is for another image",
        meaning: "The key that the policy names did sign something that lies beside this image, and it names another \
         digest. Somebody copied a signature from one image to another, or rebuilt the image after signing.",
        remedy: "sign this digest; and find out who put the signature there, as it cannot come about by signing",
        example: "no matching signatures: key sha256:91a2… signed sha256:0b1c…, and not this image",
    }
    SignatureUnreadable = "signature.unreadable", Denied, OfPolicy {
        title: "What is stored as a signature cannot be read",
        meaning: "Something lies where a signature should, and it is not one: not the JSON that it should be, larger than \
         is read, of an unknown version, or not what its digest says.",
        remedy: "look at it with `countersign tree IMAGE`, and sign the image again",
        example: "no matching signatures: what is stored as a signature cannot be read",
    }
    SignatureTooMany = "signature.too_many", Denied, OfPolicy {
        title: "There are more signatures than are looked at",
        meaning: "Beside the image lie more signatures than are tried, and none of those that were tried is by the key \
         that the policy names. Nobody can make us verify without end.",
        remedy: "delete the signatures that nobody needs, or let the policy look elsewhere with `source.oci`",
        example: "no matching signatures: there are more signatures than are looked at",
    }
    SignatureIdentity = "signature.identity", Denied, OfPolicy {
        title: "The image is signed by another identity",
        meaning: "There are signatures of this image with certificates that are believed, and none of them names an identity \
         that the policy believes; or there are only signatures by keys, without certificates. The message lists the \
         identities that are expected and those that were found, and says of each whether its issuer or its subject is \
         the difference. Issuer and subject have to match together, on one certificate.",
        remedy: "let the workflow or person that the policy names sign the image, or add the identity that signed it to \
         `identities`",
        example: "no matching signatures: none of the expected identities matched what was in the certificate, got \
         subjects [https://github.com/acme/app/.github/workflows/test.yaml@refs/heads/main] with issuer \
         https://token.actions.githubusercontent.com",
    }
    SignatureCertificate = "signature.certificate", Denied, OfPolicy {
        title: "The signer's certificate is not believed",
        meaning: "The signature is by the key in its certificate, and no certificate authority of the trust root vouches for \
         that certificate at the time when it was used: it is of another authority, it had expired by then, it is not \
         for signing, or the authority itself was not believed then.",
        remedy: "sign with a certificate of the authority that the policy's trust root has (`trustRootRef`), or add that \
         authority to the trust root",
        example: "no matching signatures: the certificate does not count: the certificate is valid from \
         2026-01-31T12:00:00Z to 2026-01-31T12:10:00Z, and was used at 2026-01-31T12:12:07Z",
    }
    SignatureSct = "signature.sct", Denied, OfPolicy {
        title: "The signer's certificate is in no log of certificates",
        meaning: "A certificate has to come with the promise of a certificate transparency log of the trust root (a signed \
         certificate timestamp, RFC 6962), so that its authority cannot issue in secret. There is none, or it is not of \
         a log that is believed.",
        remedy: "sign with a certificate authority that logs what it issues; if yours has no such log, say \
         `insecureIgnoreSCT: true` in `keyless`",
        example: "no matching signatures: the certificate does not count: the certificate is in no certificate transparency \
         log of the trust root: there is no signed certificate timestamp, embedded or detached",
    }
    SignatureLog = "signature.log", Denied, OfPolicy {
        title: "The signature is in no transparency log that is believed",
        meaning: "The policy demands an entry in a transparency log beside the signature, and there is none; or there is one, \
         and it is about something else, by a log that the trust root does not have, or not what the log promised. No \
         log is ever asked: the entry has to come with the signature.",
        remedy: "sign with a transparency log (cosign does without being told), and see that the policy's trust root has \
         that log (`ctlog.trustRootRef`)",
        example: "no matching signatures: the signature is in 0 of the logs, and 1 are wanted",
    }
    SignatureTimestamp = "signature.timestamp", Denied, OfPolicy {
        title: "Nobody proves when the signature was made",
        meaning: "Certificates for signing live for minutes, so that it has to be proved when they were used: by the promise \
         of a transparency log, or by a timestamp authority (RFC 3161). There is no such proof, or it is not by an \
         authority of the trust root, or about something else. A policy can also demand a timestamp.",
        remedy: "sign with a transparency log or a timestamp authority that the policy's trust root has",
        example: "no matching signatures: no log and no timestamp proves when the signature was made",
    }
    AttestationMissing = "attestation.missing", Denied, OfPolicy {
        title: "An attestation is missing",
        meaning: "The policy asks for an attestation of a certain type by a certain key, and there is none. The message \
         lists the types that this key did attest. Types are compared as texts: `https://spdx.dev/Document` is \
         not `https://spdx.dev/Document/v2.3`.",
        remedy: "attest it (`countersign attest IMAGE --key KEY --type TYPE --predicate FILE`, or `cosign attest`)",
        example: "no matching attestations with type https://slsa.dev/provenance/v1, checked the following predicateTypes: \
         \"https://spdx.dev/Document\" (by key sha256:91a2…)",
    }
    AttestationWrongKey = "attestation.wrong_key", Denied, OfPolicy {
        title: "The attestation is by another key",
        meaning: "There is an attestation of the type that the policy asks for, and it is not by the key that the policy \
         names.",
        remedy: "attest it with the key that the policy names, or add an authority for the key that attested it",
        example: "no matching attestations with type https://spdx.dev/Document, there are 2, \
         none of them by key sha256:91a2…",
    }
    AttestationWrongImage = "attestation.wrong_image", Denied, OfPolicy {
        title: "The attestation is about another image",
        meaning: "The key that the policy names attested something that lies beside this image, and its subject is another \
         digest: it was copied from another image, or the image was rebuilt.",
        remedy: "attest this digest; and find out who put the attestation there, as it cannot come about by attesting",
        example: "no matching attestations with type https://spdx.dev/Document, key sha256:91a2… attested sha256:0b1c…, \
         and not this image",
    }
    AttestationUnreadable = "attestation.unreadable", Denied, OfPolicy {
        title: "What is stored as an attestation cannot be read",
        meaning: "Something lies where an attestation should, and it is not one: not an in-toto statement in a DSSE \
         envelope or bundle, or larger than is read.",
        remedy: "look at it with `countersign tree IMAGE`, and attest again",
        example: "no matching attestations with type https://spdx.dev/Document, what is stored as \
         attestations cannot be read",
    }
    AttestationIdentity = "attestation.identity", Denied, OfPolicy {
        title: "The attestation is by another identity",
        meaning: "There is an attestation of the type that the policy asks for, its certificate is believed, and it names no \
         identity that the policy believes; or it is by a key, without a certificate.",
        remedy: "let the workflow or person that the policy names attest it, or add the identity that attested it to \
         `identities`",
        example: "no matching attestations with type https://slsa.dev/provenance/v1, none of the expected identities matched \
         what was in the certificate, got subjects [me@example.com] with issuer https://accounts.example.com",
    }
    AttestationCertificate = "attestation.certificate", Denied, OfPolicy {
        title: "The certificate of the attestation is not believed",
        meaning: "As `signature.certificate`, of an attestation of the type that the policy asks for.",
        remedy: "attest with a certificate of the authority that the policy's trust root has (`trustRootRef`), or add that \
         authority to the trust root",
        example: "no matching attestations with type https://spdx.dev/Document, the certificate does not count: the \
         certificate is valid from 2026-01-31T12:00:00Z to 2026-01-31T12:10:00Z, and was used at 2026-01-31T12:12:07Z",
    }
    AttestationSct = "attestation.sct", Denied, OfPolicy {
        title: "The certificate of the attestation is in no log of certificates",
        meaning: "As `signature.sct`, of an attestation of the type that the policy asks for.",
        remedy: "attest with a certificate authority that logs what it issues; if yours has no such log, say \
         `insecureIgnoreSCT: true` in `keyless`",
        example: "no matching attestations with type https://spdx.dev/Document, the certificate does not count: the \
         certificate is in no certificate transparency log of the trust root",
    }
    AttestationLog = "attestation.log", Denied, OfPolicy {
        title: "The attestation is in no transparency log that is believed",
        meaning: "As `signature.log`, of an attestation of the type that the policy asks for.",
        remedy: "attest with a transparency log, and see that the policy's trust root has that log (`ctlog.trustRootRef`)",
        example: "no matching attestations with type https://spdx.dev/Document, the signature is in 0 of the logs, and 1 are \
         wanted",
    }
    AttestationTimestamp = "attestation.timestamp", Denied, OfPolicy {
        title: "Nobody proves when the attestation was made",
        meaning: "As `signature.timestamp`, of an attestation of the type that the policy asks for.",
        remedy: "attest with a transparency log or a timestamp authority that the policy's trust root has",
        example: "no matching attestations with type https://spdx.dev/Document, no log and no timestamp proves when the \
         signature was made",
    }
    PolicyNoneMatched = "policy.none_matched", Denied, Bare {
        title: "No policy governs the image",
        meaning: "No glob of any policy matches the image (or `match` leaves the object out), and the settings keep out \
         what no policy governs. That is the default.",
        remedy: "add a policy whose `images` match it, and try it with `countersign policy test`; `policy check` tells \
         which globs never match",
        example: "no matching policies for docker.io/library/nginx@sha256:5f70…",
    }
    PolicyStaticFail = "policy.static_fail", Denied, OfPolicy {
        title: "The policy keeps its images out",
        meaning: "The policy has `static: {action: fail}`: whatever matches it is kept out, and nothing is looked at.",
        remedy: "use another image, or talk to whoever wrote the policy",
        example: "disallowed by static policy: this registry is being retired",
    }
    PolicyUnreadable = "policy.unreadable", Undecided, OfPolicy {
        title: "A policy cannot be read",
        meaning: "A document that may have been meant as a policy cannot be understood, and no older form of it is known. \
         It does not drop out of force: the images that it may govern are kept out until it is mended. If not \
         even its globs can be read, these are all images.",
        remedy: "mend the document: `countersign policy check FILE` says what is wrong with it, with line and column",
        example: "the policy cannot be read: policies/team.yaml:12:9: unknown field: spec.image; the fields known here are \
         `authorities`, `images`, `match`, `mode`, `policy`",
    }
    PolicyUnsupported = "policy.unsupported", Undecided, OfPolicy {
        title: "The policy asks for what this version cannot check",
        meaning: "A constraint that a policy states is never skipped. An authority with a constraint that this version \
         cannot check can neither be satisfied nor count as refused. Another authority of the same policy that is \
         satisfied still lets the image in.",
        remedy: "take the constraint out, or add an authority with a public key; `countersign policy check FILE` lists \
         what is not supported",
        example: "the policy asks for a key in a KMS (`spec.authorities[0].key.kms`), which this version cannot check",
    }
    PolicyTrustRoot = "policy.trust_root", Undecided, OfPolicy {
        title: "A trust root is not at hand",
        meaning: "The policy rests on a TrustRoot that is not there, cannot be read, or could not be obtained from its \
         repository. The policy stays in force: whether a signature counts cannot be told until the trust root is there.",
        remedy: "put the TrustRoot beside the policies, or mend it: `countersign policy check FILE` says what is wrong with it; where \
         it could not be obtained, the door's log says why, and its metric `countersign_trust_root_usable` when it is there",
        example: "the trust root that the policy names (`spec.authorities[0].keyless.trustRootRef`) is not at hand: there is no \
         TrustRoot `my-sigstore`",
    }
    RegistryDenied = "registry.denied", Undecided, OfPolicy {
        title: "The registry does not let us read",
        meaning: "The registry refused to answer (status 401 or 403), so that it is not known what lies there. A private \
         repository of signatures (`source.oci`) needs credentials of its own.",
        remedy: "let the cluster read the repository: a pull secret of the workload (`imagePullSecrets`), or credentials \
         for countersign itself",
        example: "could not tell whether ghcr.io/acme/app@sha256:5f70… is signed by key sha256:91a2…: signature tag \
         `sha256-5f70….sig` in ghcr.io/acme/app: the registry refused access (status 401)",
    }
    RegistryUnreachable = "registry.unreachable", Undecided, OfPolicy {
        title: "The registry cannot be reached",
        meaning: "No connection could be had: the name does not resolve, nothing listens, or TLS fails (the message says \
         which). Whether the image is signed is not known; it is not unsigned.",
        remedy: "try again; if it lasts, look at DNS, proxies, network policies and certificates between countersign and \
         the registry",
        example: "could not tell whether ghcr.io/acme/app@sha256:5f70… is signed by key sha256:91a2…: referrers in \
         ghcr.io/acme/app: the registry cannot be reached: connection refused",
    }
    RegistryThrottled = "registry.throttled", Undecided, OfPolicy {
        title: "The registry asked us to wait",
        meaning: "The registry has a limit on requests (status 429), and it is reached.",
        remedy: "wait as long as the message says; give countersign credentials of its own, or a mirror, if it happens \
         often",
        example: "could not tell whether docker.io/acme/app@sha256:5f70… is signed by key sha256:91a2…: referrers in \
         docker.io/acme/app: the registry asked to be left alone for a while, 30 s",
    }
    RegistryUnavailable = "registry.unavailable", Undecided, OfPolicy {
        title: "The registry is not available",
        meaning: "The registry answered that it cannot answer now (status 5xx).",
        remedy: "try again; if it lasts, look at the health of the registry",
        example: "could not tell whether ghcr.io/acme/app@sha256:5f70… is signed by key sha256:91a2…: referrers in \
         ghcr.io/acme/app: the registry is not available (status 503)",
    }
    RegistryTimeout = "registry.timeout", Undecided, OfPolicy {
        title: "The registry did not answer in time",
        meaning: "An answer did not come within the time that the API server gives us. What was started goes on, so that \
         the next try is quicker.",
        remedy: "try again; if it lasts, raise `timeoutSeconds` of the webhook, or move the registry nearer",
        example: "could not tell whether ghcr.io/acme/app@sha256:5f70… is signed by key sha256:91a2…: referrers in \
         ghcr.io/acme/app: no answer within 8.9 s",
    }
    RegistryContent = "registry.content", Denied, Bare {
        title: "The registry answered with something else",
        meaning: "What the registry sent is not what was asked for: other bytes than the digest says, a manifest that can \
         be read in two ways, or more than is read. Asking again does not help.",
        remedy: "push the image again; if it happens with good images, look for a proxy or mirror that changes what it \
         passes on",
        example: "`ghcr.io/acme/app:v1` is not an image: it has both `layers` and `manifests`",
    }
    ReviewMalformed = "review.malformed", Denied, Bare {
        title: "The review cannot be understood",
        meaning: "What was posted is no AdmissionReview in version v1, or the object in it cannot be read.",
        remedy: "look at what sends it: the webhook is for the API server, with `admissionReviewVersions: [v1]`",
        example: "the review has no `request.uid`",
    }
    ReviewUnknownKind = "review.unknown_kind", Denied, Bare {
        title: "The kind of object is not known",
        meaning: "The webhook was asked about a kind of object of which it does not know where images are in it. What \
         cannot be looked through is not let in.",
        remedy: "take the kind out of the `rules` of the webhook configuration, or use a kind that is known: Pods, and \
         everything built in that makes Pods",
        example: "`Widget` in `example.com/v1` is not known, so its images cannot be found",
    }
    ReviewTooLarge = "review.too_large", Denied, Bare {
        title: "The review is too large",
        meaning: "The request is larger than is read.",
        remedy: "make the object smaller; the API server itself takes no object over about 3 MiB",
        example: "the review has more than 8388608 bytes",
    }
    ServerNotReady = "server.not_ready", Undecided, Bare {
        title: "The policies have not been read yet",
        meaning: "countersign has just started. Before it has read its policies it lets nothing in.",
        remedy: "try again in a moment; if it lasts, look at the readiness and the log of countersign",
        example: "policies have not been read yet",
    }
    ServerBusy = "server.busy", Undecided, Bare {
        title: "Too much to judge at once",
        meaning: "There is a limit on how much is judged at the same time, and on how much waits for it. Over that, \
         requests are turned away at once, so that none waits in vain.",
        remedy: "try again; if it happens often, run more replicas",
        example: "too many requests at once",
    }
    ServerDeadline = "server.deadline", Undecided, Bare {
        title: "The time for the answer ran out",
        meaning: "The API server waits a certain time (`timeoutSeconds`), and it ran out before every image was judged. \
         What was started goes on, so that the next try finds it done.",
        remedy: "try again; if it lasts, raise `timeoutSeconds` of the webhook",
        example: "no answer within 9.0 s",
    }
    ServerFault = "server.fault", Undecided, Bare {
        title: "countersign itself made a mistake",
        meaning: "Something happened that should not. The request is refused, others are not harmed, and the log has the \
         details.",
        remedy: "try again, and report it with what the log says",
        example: "judging ended unexpectedly",
    }
}
