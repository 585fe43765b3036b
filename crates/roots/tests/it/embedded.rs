//! What the binary brings along.

use countersign_roots::embedded::{self, Instance};
use countersign_roots::tuf;
use countersign_roots::{Repository, TrustRoots};

#[test]
fn every_embedded_root_can_be_used_whole() {
    for instance in Instance::ALL {
        let root = instance.root().unwrap();
        assert!(
            !root.authorities().is_empty(),
            "{}: somebody issues certificates",
            instance.name()
        );
        assert_eq!(root.unusable(), [], "{}", instance.name());
    }
    let public_good = embedded::public_good().unwrap();
    assert!(!public_good.logs().is_empty() && !public_good.ct_logs().is_empty());
    assert_eq!(
        TrustRoots::embedded().unwrap().public_good.generation(),
        public_good.generation()
    );
    assert_ne!(public_good.generation(), embedded::github().unwrap().generation());
    assert_ne!(public_good.generation(), embedded::staging().unwrap().generation());
}

#[test]
fn every_instance_names_its_repository() {
    for instance in Instance::ALL {
        let repository = Repository::of(instance);
        assert_eq!(repository.mirror.scheme(), "https", "{}", instance.name());
        tuf::check_initial_root(&repository.initial_root).unwrap();
    }
}
