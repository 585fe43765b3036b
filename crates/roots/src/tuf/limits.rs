//! What bounds the reading of a repository.

use std::time::Duration;

use countersign_evidence::trust::MAX_TRUST_ROOT_BYTES;
use sigstore_tuf::UpdaterConfig;

/// What bounds one refresh. Public-good's largest file has nine kilobytes, and all of them come within a second.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a whole refresh may take.
    pub deadline: Duration,
    /// Longest wait for the beginning of an answer, and for the next part of one.
    pub answer: Duration,
    /// Largest root metadata, in bytes.
    pub root_bytes: u64,
    /// Largest timestamp metadata, in bytes.
    pub timestamp_bytes: u64,
    /// Largest snapshot metadata, in bytes.
    pub snapshot_bytes: u64,
    /// Largest targets metadata, in bytes, delegated or not.
    pub targets_bytes: u64,
    /// Largest target, in bytes.
    pub target_bytes: u64,
    /// Most roots that one refresh walks through.
    pub rotations: u32,
    /// Most roles that are looked into for one target.
    pub delegations: u32,
}

impl Limits {
    /// Room for every repository seen in practice, and an end to everything that has none.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            answer: Duration::from_secs(10),
            root_bytes: 512 << 10,
            timestamp_bytes: 16 << 10,
            snapshot_bytes: 1 << 20,
            targets_bytes: 4 << 20,
            target_bytes: MAX_TRUST_ROOT_BYTES as u64,
            rotations: 256,
            delegations: 16,
        }
    }

    pub(super) fn updater(&self) -> UpdaterConfig {
        let mut config = UpdaterConfig::default();
        config.root_max_length = self.root_bytes;
        config.timestamp_max_length = self.timestamp_bytes;
        config.snapshot_max_length = self.snapshot_bytes;
        config.targets_max_length = self.targets_bytes;
        config.target_max_length = self.target_bytes;
        config.max_root_rotations = self.rotations;
        config.max_delegations = self.delegations;
        config
    }
}
