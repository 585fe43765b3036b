//! Answers that send on to somewhere else.

use super::What;
use crate::behaviour::Behaviour;
use crate::log::Seen;
use crate::registry::Scene;
use crate::reply::Reply;

/// Where clouds keep the keys of the machine.
pub(super) fn link_local(scheme: &str) -> String {
    format!("{scheme}://169.254.169.254/latest/meta-data/token")
}

pub(super) fn instead(scene: &Scene, seen: &Seen, asked: &What) -> Option<Reply> {
    let Scene {
        scheme,
        elsewhere,
        neighbour_port: port,
        ..
    } = scene;
    let path = &seen.path;
    let location = match scene.behaviour {
        Behaviour::RedirectBlobsElsewhere if asked.is_blob() => format!("{elsewhere}{path}"),
        Behaviour::RedirectManifestsElsewhere if !asked.is_blob() => format!("{elsewhere}{path}"),
        Behaviour::RedirectToAnotherPort if asked.is_blob() => format!("http://127.0.0.1:{port}{path}"),
        Behaviour::RedirectToHttp => format!("http://127.0.0.1:{port}{path}"),
        Behaviour::RedirectToLocalhost => format!("{scheme}://localhost:{port}{path}"),
        Behaviour::RedirectToLinkLocal => link_local(scheme),
        Behaviour::RedirectToMappedLinkLocal => format!("{scheme}://[::ffff:169.254.169.254]/latest/"),
        Behaviour::RedirectToPrivateNetwork => format!("{scheme}://10.0.0.1{path}"),
        Behaviour::RedirectToFile => "file:///etc/passwd".to_owned(),
        Behaviour::RedirectWithPassword => {
            let authority = elsewhere.split("://").nth(1).unwrap_or_default();
            format!("{scheme}://user:password@{authority}{path}")
        }
        Behaviour::RedirectLoop => path.clone(),
        _ => return None,
    };
    Some(Reply::redirect(location))
}
