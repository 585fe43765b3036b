//! Who is let in, and where the others are sent for a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::ways::link_local;
use crate::behaviour::Behaviour;
use crate::bomb;
use crate::log::Seen;
use crate::registry::{HostileRegistry, Login, Scene};
use crate::reply::{Manner, Reply};

/// The path of the registry's own token service.
const TOKENS: &str = "/token";

/// The answer of a token service.
pub(crate) fn token(token: &str) -> Reply {
    let body = json!({ "token": token, "expires_in": 300 });
    Reply::ok("application/json", body.to_string())
}

/// What those are told who may not see more.
pub(super) fn gate(scene: &Scene, seen: &Seen) -> Option<Reply> {
    let (user, password) = (HostileRegistry::USER, HostileRegistry::PASSWORD);
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let shown = seen.header("authorization");
    if seen.path == TOKENS {
        return Some(if shown == Some(&basic) {
            tokens(scene)
        } else {
            Reply::new(401)
        });
    }
    let wanted = match scene.login {
        Login::Basic => basic,
        Login::Bearer => format!("Bearer {}", HostileRegistry::TOKEN),
    };
    if shown == Some(&wanted) && scene.behaviour != Behaviour::UnauthorizedForever {
        return None;
    }
    let challenge = match scene.login {
        Login::Basic => "Basic realm=\"hostile\"".to_owned(),
        Login::Bearer => format!("Bearer realm=\"{}\",service=\"hostile\"", realm(scene)),
    };
    Some(Reply::new(401).with("WWW-Authenticate", challenge))
}

fn realm(scene: &Scene) -> String {
    let Scene { scheme, own, .. } = scene;
    match scene.behaviour {
        Behaviour::RealmElsewhere => format!("{}/token", scene.elsewhere),
        Behaviour::RealmLinkLocal => link_local(scheme),
        Behaviour::RealmLocalhost => format!("{scheme}://localhost:{}/token", scene.neighbour_port),
        Behaviour::RealmHttp => format!("http://127.0.0.1:{}/token", scene.neighbour_port),
        Behaviour::RealmWithPassword => format!("{scheme}://user:password@{own}{TOKENS}"),
        Behaviour::RealmFile => "file:///etc/passwd".to_owned(),
        _ => format!("{scheme}://{own}{TOKENS}"),
    }
}

fn tokens(scene: &Scene) -> Reply {
    let good = token(HostileRegistry::TOKEN);
    match scene.behaviour {
        Behaviour::RealmRedirects => Reply::redirect(format!("{}/token", scene.elsewhere)),
        Behaviour::TokenOfAGibibyte => good.manner(Manner::Padded(Some(1 << 30))),
        Behaviour::TokenWithNewlines => token("token\r\nX-Injected: yes"),
        Behaviour::GzipBombToken => good.bytes(bomb::gibibyte()).with("Content-Encoding", "gzip"),
        _ => good,
    }
}
