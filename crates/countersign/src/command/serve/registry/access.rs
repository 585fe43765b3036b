//! Who may do what, from flags and file. Fails closed: what cannot be read, or would be read by others on its way, keeps the
//! registry from starting.

use std::path::PathBuf;

use countersign_registry::embedded::access::{Access, Action, Grant, Grants, Origin, Realm, Repositories, Users};

use crate::configuration::{self, Auth};
use crate::failure::Failure;

/// How passwords come here.
pub(super) struct Way {
    pub(super) loopback: bool,
    pub(super) tls: bool,
    pub(super) external_url: Option<String>,
}

/// None where everybody may do everything.
pub(super) fn read(
    htpasswd: Option<PathBuf>,
    anonymous_pull: bool,
    file: Option<Auth>,
    way: &Way,
) -> Result<Option<Access>, Failure> {
    let asks = anonymous_pull || file.is_some();
    let (users, anywhere, grants) = match file {
        Some(auth) => (auth.htpasswd, auth.anonymous_pull, auth.grants),
        None => (None, false, None),
    };
    let Some(path) = htpasswd.or(users) else {
        return match asks {
            true => Err(Failure::misuse(anyhow::anyhow!("there is no users file to hold passwords against")).hint(
                "give --htpasswd FILE, or `registry.auth.htpasswd` in --config FILE; `htpasswd -cB FILE USER` makes one",
            )),
            false => Ok(None),
        };
    };
    let users = Users::read(&path).map_err(|error| {
        Failure::misuse(error).hint("one `<user>:<bcrypt hash>` a line; `htpasswd -B FILE USER` adds one")
    })?;
    let grants = match grants {
        Some(grants) => Grants::These(
            grants
                .into_iter()
                .map(|grant| meant(grant, &users))
                .collect::<Result<_, _>>()?,
        ),
        None => Grants::Everything,
    };
    let access = Access::new(users, grants, anonymous_pull || anywhere, realm(way)?).map_err(Failure::misuse)?;
    Ok(Some(access))
}

/// A word that nobody answers to is a slip, and it would be found when somebody is turned away.
fn meant(grant: configuration::Grant, users: &Users) -> Result<Grant, Failure> {
    let hint = "see `registry.auth.grants` in docs/configuration.md";
    if let Some(stranger) = grant.users.iter().find(|user| !users.knows(user)) {
        let fault = anyhow::anyhow!("a grant names the user `{stranger}`, who is not in the users file");
        return Err(Failure::misuse(fault).hint(hint));
    }
    let empty = [
        grant.users.is_empty(),
        grant.repositories.is_empty(),
        grant.actions.is_empty(),
    ];
    if empty.contains(&true) {
        let fault = anyhow::anyhow!("a grant is without users, repositories or actions, and grants nothing");
        return Err(Failure::misuse(fault).hint(hint));
    }
    let parsed = grant.repositories.iter().map(|glob| Repositories::parse(glob));
    Ok(Grant {
        repositories: parsed
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::misuse(error).hint(hint))?,
        users: grant.users.into_iter().collect(),
        actions: grant.actions.into_iter().map(action).collect(),
    })
}

fn action(written: configuration::Action) -> Action {
    match written {
        configuration::Action::Pull => Action::Pull,
        configuration::Action::Push => Action::Push,
        configuration::Action::Delete => Action::Delete,
    }
}

/// Passwords travel under TLS, or not beyond this machine, or as somebody has said in so many words.
fn realm(way: &Way) -> Result<Realm, Failure> {
    if let Some(text) = &way.external_url {
        let origin =
            Origin::parse(text).map_err(|error| Failure::misuse(error).context("`externalUrl` is not used"))?;
        if !origin.is_https() {
            tracing::warn!("`externalUrl` is not `https`: passwords travel in the clear");
        }
        return Ok(Realm::At(origin));
    }
    if !way.tls && !way.loopback {
        let fault =
            anyhow::anyhow!("passwords would come in the clear: it is to listen beyond this machine, without TLS");
        return Err(Failure::misuse(fault).hint(
            "give --tls-cert FILE and --tls-key FILE, or `registry.externalUrl: https://…` in --config FILE if a proxy in front \
             speaks TLS",
        ));
    }
    Ok(Realm::AsAsked { tls: way.tls })
}
