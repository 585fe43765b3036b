//! Who signed, counted a second time: by keys, where the client counts by the names that a repository gives to keys.
//!
//! A repository that lists one key under two names would have one holder meet a threshold of two. The client takes names as
//! they are declared (TUF 4.2 does not bind them to the key), so the keys themselves are counted here.

use std::collections::{BTreeMap, BTreeSet};

use sigstore_tuf::metadata::Role;
use sigstore_tuf::{Delegations, Error, Key, Metadata, RoleKeys, Root, Snapshot, Targets, Timestamp};

use super::kept::Kept;
use crate::error::RefreshError;

/// Most delegated roles whose keys are looked at.
const MAX_ROLES: usize = 1024;

/// Everything that the client has accepted, along the chain that it walked.
pub(super) fn recount(kept: &Kept, initial_root: &[u8], latest: u64) -> Result<(), RefreshError> {
    let mut root = Metadata::<Root>::from_slice(initial_root).map_err(RefreshError::of)?;
    signed_by(&root, root.signed(), "root")?;
    while root.signed().version < latest {
        let name = format!("root_history/{}.root.json", root.signed().version + 1);
        let Some(bytes) = kept.get(&name) else {
            return Err(RefreshError::Metadata(Error::Malformed(format!(
                "`{name}` was not kept"
            ))));
        };
        let next = Metadata::<Root>::from_slice(&bytes).map_err(RefreshError::of)?;
        signed_by(&next, root.signed(), "root")?;
        signed_by(&next, next.signed(), "root")?;
        root = next;
    }
    role::<Timestamp>(kept, root.signed(), "timestamp")?;
    role::<Snapshot>(kept, root.signed(), "snapshot")?;
    role::<Targets>(kept, root.signed(), "targets")?;
    for (name, bytes) in kept.files() {
        // Delegated roles are targets metadata too; what is none delegates nothing.
        if !name.contains('/')
            && let Ok(targets) = Metadata::<Targets>::from_slice(&bytes)
            && let Some(delegations) = &targets.signed().delegations
        {
            unrepeated(delegations)?;
        }
    }
    Ok(())
}

fn role<T: Role>(kept: &Kept, root: &Root, name: &str) -> Result<(), RefreshError> {
    let Some(bytes) = kept.get(&format!("{name}.json")) else {
        return Ok(());
    };
    let metadata = Metadata::<T>::from_slice(&bytes).map_err(RefreshError::of)?;
    signed_by(&metadata, root, name)
}

fn signed_by<T: Role>(metadata: &Metadata<T>, root: &Root, name: &str) -> Result<(), RefreshError> {
    // Roles that are missing were refused by the client.
    let Some(role) = root.role(name) else { return Ok(()) };
    let signers: BTreeSet<Vec<u8>> = role
        .keyids
        .iter()
        .filter(|id| metadata.verify_threshold(&root.keys, &alone(role, id), name).is_ok())
        .filter_map(|id| material(&root.keys, id))
        .collect();
    if signers.len() >= role.threshold {
        return Ok(());
    }
    Err(RefreshError::RepeatedKey {
        role: name.to_owned(),
        found: signers.len(),
        threshold: role.threshold,
    })
}

/// Of a delegation it is enough that no key is listed twice where more than one must sign.
fn unrepeated(delegations: &Delegations) -> Result<(), RefreshError> {
    for role in delegations.roles.iter().take(MAX_ROLES) {
        let names: BTreeSet<&String> = role.keyids.iter().collect();
        let keys: BTreeSet<Vec<u8>> = names.iter().filter_map(|id| material(&delegations.keys, id)).collect();
        let usable = names
            .iter()
            .filter(|id| material(&delegations.keys, id).is_some())
            .count();
        if role.threshold > 1 && keys.len() < usable {
            return Err(RefreshError::RepeatedKey {
                role: role.name.clone(),
                found: keys.len(),
                threshold: role.threshold,
            });
        }
    }
    Ok(())
}

fn alone(role: &RoleKeys, id: &str) -> RoleKeys {
    let mut alone = role.clone();
    alone.keyids = vec![id.to_owned()];
    alone.threshold = 1;
    alone
}

/// The key itself, however it is written.
fn material(keys: &BTreeMap<String, Key>, id: &str) -> Option<Vec<u8>> {
    Some(keys.get(id)?.verification_key().ok()?.as_bytes().to_vec())
}
