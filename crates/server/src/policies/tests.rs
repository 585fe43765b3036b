//! Files that change while they are looked at.

use std::fs;

use countersign_image::Pinned;
use countersign_mint::Sigstore;
use countersign_policy::{Governing, NoMatch, ObjectFacts};
use countersign_registry::ClientConfig;
use countersign_roots::tuf::Limits;
use countersign_roots::{Clock, PublicGood, RootsConfig, Schedule};

use super::*;

const WHOLE: &str = "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: NAME}
spec:
  images: [{glob: 'registry.example/**'}]
  authorities: [{static: {action: fail}}]
";

struct Directory(tempfile::TempDir);

impl Directory {
    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join("policy.yaml"), text).unwrap();
    }

    fn open(text: &str) -> (Self, PolicyFiles) {
        let directory = Self(tempfile::tempdir().unwrap());
        directory.write(text);
        let paths = vec![directory.0.path().to_owned()];
        (
            directory,
            PolicyFiles::open(paths, Settings::new(NoMatch::Allow), None).unwrap(),
        )
    }
}

fn names(files: &PolicyFiles) -> Vec<String> {
    files
        .current()
        .set()
        .policies()
        .map(|policy| policy.name().to_owned())
        .collect()
}

/// Whoever writes a file in place empties it first, and what is seen of it then is not what anybody meant.
#[test]
fn a_file_that_is_being_written_is_not_read() {
    let (directory, files) = Directory::open(&WHOLE.replace("NAME", "first"));
    let next = WHOLE.replace("NAME", "second-and-longer");
    assert!(matches!(files.reload(), Reload::Unchanged));
    for length in [0, next.len() / 2, next.len()] {
        directory.write(&next[..length]);
        assert!(matches!(files.reload(), Reload::Changing), "{length}");
        assert_eq!(names(&files), ["first"], "{length}");
    }
    assert!(matches!(files.reload(), Reload::Replaced(_)));
    assert_eq!(names(&files), ["second-and-longer"]);
    assert!(matches!(files.reload(), Reload::Unchanged));
}

/// As `cp -p`, `rsync -t` and archives leave files.
#[test]
fn a_file_of_the_same_length_and_time_is_another_file() {
    let (directory, files) = Directory::open(&WHOLE.replace("NAME", "one"));
    let path = directory.0.path().join("policy.yaml");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let beside = directory.0.path().join("beside");
    let by_rename = |text: String| {
        fs::write(&beside, text).unwrap();
        fs::File::options()
            .write(true)
            .open(&beside)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        fs::rename(&beside, &path).unwrap();
    };
    let in_place = |text: String| {
        fs::write(&path, text).unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
    };
    for (name, replace) in [("two", &by_rename as &dyn Fn(String)), ("six", &in_place)] {
        // The system's own times are as coarse as its clock's ticks.
        std::thread::sleep(Duration::from_millis(20));
        replace(WHOLE.replace("NAME", name));
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
        while !matches!(files.reload(), Reload::Replaced(_) | Reload::Unchanged) {}
        assert_eq!(names(&files), [name]);
    }
}

#[test]
fn files_that_never_settle_are_read_in_the_end() {
    let (directory, files) = Directory::open(&WHOLE.replace("NAME", "a"));
    let read = (2..).find(|length| {
        directory.write(WHOLE.replace("NAME", &"a".repeat(*length)));
        matches!(files.reload(), Reload::Replaced(_))
    });
    assert_eq!(read, Some(2 + MAX_LOOKS as usize));
}

#[test]
fn what_is_not_utf8_is_not_read_as_something_else() {
    for (before, after) in [
        ("'registry.", "example/**'"),
        ("{static: ", "{action"),
        ("metadata", ":"),
    ] {
        let (directory, files) = Directory::open("");
        let text = WHOLE
            .replace("NAME", "first")
            .replace(&format!("{before}{after}"), &format!("{before}X{after}"));
        let bytes: Vec<u8> = text
            .bytes()
            .map(|byte| if byte == b'X' { 0xff } else { byte })
            .collect();
        assert!(bytes.contains(&0xff));
        directory.write(bytes);
        while !matches!(files.reload(), Reload::Replaced(_)) {}
        assert_eq!(names(&files), [""; 0]);
        assert_eq!(
            files.current().set().errors().len(),
            1,
            "{:#?}",
            files.current().set().errors()
        );
    }
}

#[test]
fn a_policy_in_its_last_good_form_keeps_the_document_of_that_form() {
    let two =
        |first: &str, second: &str| format!("{}---\n{}", WHOLE.replace("NAME", first), WHOLE.replace("NAME", second));
    let (directory, files) = Directory::open(&two("first", "second"));
    let good = files.current().set().generation();
    let image =
        countersign_image::Reference::parse(&format!("registry.example/app@sha256:{}", "0".repeat(64))).unwrap();
    let image = image.pinned().unwrap();
    // The first breaks, then the second too: each is kept from another generation of the file.
    for text in [
        two("first", "second").replacen("images", "imagez", 1),
        two("first", "second").replace("images", "imagez") + "# longer",
    ] {
        directory.write(text);
        while !matches!(files.reload(), Reload::Replaced(_)) {}
        let current = files.current();
        assert_eq!(current.set().generation(), good);
        let governing = current.set().governing(&image, &ObjectFacts::none());
        let documents = current.documents([&governing, &governing]);
        assert_eq!(documents.len(), 2);
        let again = PolicySet::compile(parse(&documents), Settings::new(NoMatch::Allow));
        assert_eq!((again.errors(), again.generation()), (&[][..], good));
    }
}

fn image() -> Pinned {
    let text = format!("registry.example/app@sha256:{}", "0".repeat(64));
    let reference = countersign_image::Reference::parse(&text).unwrap();
    reference.pinned().unwrap()
}

fn governing(snapshot: &Snapshot) -> Governing {
    snapshot.set().governing(&image(), &ObjectFacts::none())
}

/// A policy that rests on the standing trust root, or on the one of this name.
fn keyless(root: Option<&str>) -> String {
    let named = root.map(|name| format!("trustRootRef: {name}, ")).unwrap_or_default();
    let authorities = format!("[{{keyless: {{url: u, {named}identities: [{{issuer: i, subject: s}}]}}}}]");
    WHOLE
        .replace("NAME", "keyless")
        .replace("[{static: {action: fail}}]", &authorities)
}

/// Verdicts are kept under what governs: it has to be another one as soon as another root stands.
#[tokio::test]
async fn policies_rest_on_the_trust_root_of_now_though_no_policy_file_changed() {
    let (directory, _) = Directory::open("");
    directory.write(keyless(None));
    let root = directory.0.path().join("root.json");
    fs::write(&root, Sigstore::fixed(1).trusted_root_with_logs().to_json()).unwrap();
    let store = TrustRootStore::open(RootsConfig {
        public_good: PublicGood::File(root.clone()),
        named: std::collections::BTreeMap::new(),
        cache: None,
        http: ClientConfig::default().http_client().unwrap(),
        limits: Limits::standard(),
        schedule: Schedule::standard(),
        clock: Clock::Running(jiff::Timestamp::now),
    });
    let store = Arc::new(store.unwrap());
    let paths = vec![directory.0.path().join("policy.yaml")];
    let files = PolicyFiles::open(paths, Settings::new(NoMatch::Allow), Some(Arc::clone(&store))).unwrap();
    let before = files.current();
    assert!(!governing(&before).wants(&image()).nothing());
    assert!(matches!(files.reload(), Reload::Unchanged));
    let running = tokio::spawn(Arc::clone(&store).run());
    let replaced = root.with_extension("next");
    fs::write(&replaced, Sigstore::fixed(2).trusted_root_with_logs().to_json()).unwrap();
    fs::rename(&replaced, &root).unwrap();
    let after = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            match files.reload() {
                Reload::Replaced(after) => break after,
                Reload::Unchanged => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other:?}"),
            }
        }
    });
    let after = after.await.unwrap();
    running.abort();
    assert_ne!(governing(&after).key(), governing(&before).key());
    assert_eq!(names(&files), ["keyless"]);
    assert!(matches!(files.reload(), Reload::Unchanged));
}

/// `replay --record` judges by what the door kept: trust roots are part of it, in the form that was in force.
#[test]
fn what_governed_is_kept_with_the_trust_roots_that_it_rests_on() {
    let (directory, _) = Directory::open("");
    directory.write(keyless(Some("acme")));
    let key = countersign_mint::pem_of_key(&countersign_mint::Key::new(countersign_mint::Kind::P256).spki());
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
    let root = format!(
        "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: acme}}\nspec:\n  sigstoreKeys:\n    \
         tLogs: [{{baseURL: 'https://log.example', hashAlgorithm: sha-256, publicKey: {key}}}]\n"
    );
    let path = directory.0.path().join("root.yaml");
    fs::write(&path, &root).unwrap();
    // No policy rests on this one, and it is not kept.
    let other = root.replace("acme", "other").replace("log.example", "other.example");
    fs::write(directory.0.path().join("other.yaml"), other).unwrap();
    let paths = vec![directory.0.path().to_owned()];
    let files = PolicyFiles::open(paths, Settings::new(NoMatch::Allow), None).unwrap();
    let good = governing(&files.current()).key();
    for text in [root.clone(), root.replace("tLogs", "tLog") + "# longer"] {
        fs::write(&path, text).unwrap();
        while !matches!(files.reload(), Reload::Replaced(_) | Reload::Unchanged) {}
        let current = files.current();
        let documents = current.documents([&governing(&current)]);
        assert_eq!(documents.len(), 2, "{documents:#?}");
        let again = PolicySet::compile(parse(&documents), Settings::new(NoMatch::Allow));
        assert_eq!(again.errors(), []);
        assert_eq!(again.governing(&image(), &ObjectFacts::none()).key(), good);
    }
}
