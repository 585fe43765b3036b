//! Answers that never come, come slowly, or go on for ever.

use super::What;
use crate::behaviour::Behaviour;
use crate::reply::{Manner, Reply};

/// A year, in seconds.
const YEAR: &str = "31536000";

/// What is done in the place of any answer at all.
pub(super) fn instead(behaviour: Behaviour) -> Option<Reply> {
    let ok = |manner| Some(Reply::new(200).manner(manner));
    match behaviour {
        Behaviour::Silent => ok(Manner::Silence),
        Behaviour::HangsUp => ok(Manner::HangUp),
        Behaviour::SlowHeaders => ok(Manner::DrippingHead),
        Behaviour::EndlessHeaders => ok(Manner::EndlessHead),
        Behaviour::InterimForever => ok(Manner::Interim),
        Behaviour::NotHttp => ok(Manner::Raw(b"220 mail.example ESMTP\r\n")),
        Behaviour::HundredThousandHeaders => {
            let header = |number: usize| (format!("X-{number}"), "x".to_owned());
            let headers = (0..100_000).map(header).collect();
            Some(Reply {
                headers,
                ..Reply::new(200)
            })
        }
        Behaviour::ThrottledForever => Some(Reply::new(429).with("Retry-After", "0")),
        Behaviour::ThrottledForAYear => Some(Reply::new(429).with("Retry-After", YEAR)),
        Behaviour::BrokenForever => Some(Reply::new(500)),
        Behaviour::ForbiddenForever => Some(Reply::new(403)),
        _ => None,
    }
}

/// How a good answer is given.
pub(super) fn changed(behaviour: Behaviour, asked: &What, reply: Reply) -> Reply {
    let (manifest, blob) = (asked.is_manifest(), asked.is_blob());
    match behaviour {
        Behaviour::EndlessManifest if manifest => reply.manner(Manner::Padded(None)),
        Behaviour::EndlessBlob if blob => reply.manner(Manner::Padded(None)),
        Behaviour::EndlessReferrers if asked.is_referrers() => reply.manner(Manner::Padded(None)),
        Behaviour::SlowBody if manifest || blob => reply.manner(Manner::DrippingBody),
        Behaviour::DiesInBody if manifest || blob => reply.manner(Manner::Half),
        Behaviour::ContentLengthTooLong if manifest || blob => {
            let length = reply.body.len() + 1000;
            reply.manner(Manner::Claiming(length))
        }
        Behaviour::ContentLengthTooShort if manifest || blob => reply.manner(Manner::Claiming(10)),
        _ => reply,
    }
}
