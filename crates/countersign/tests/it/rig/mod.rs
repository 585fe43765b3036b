//! The rig: a folder of one's own, the real binary in it, a registry, images and keys, and snapshots that read the same
//! on every machine.

mod door;
mod ran;
mod redaction;
mod registry;
mod scripted;
mod serving;

use std::cell::RefCell;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_evidence::KeyKind;
use countersign_image::Digest;
use countersign_keys::{Password, PrivateKey};
use tempfile::TempDir;

pub(crate) use self::door::{Certificate, Door};
pub(crate) use self::ran::Ran;
use self::redaction::Redaction;
pub(crate) use self::registry::{Registry, USERS};
pub(crate) use self::scripted::{Fault, Scripted, Seen, Step, token};
pub(crate) use self::serving::Serving;

/// Longer than anything here takes on two busy cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder in which commands are run, with nothing of this machine in their environment.
pub(crate) struct Folder {
    directory: TempDir,
    redaction: RefCell<Redaction>,
    told: RefCell<String>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut redaction = Redaction::new();
        redaction.text(&directory.path().display().to_string(), "DIR");
        redaction.text(env!("CARGO_BIN_EXE_countersign"), "countersign");
        Self {
            directory,
            redaction: RefCell::new(redaction),
            told: RefCell::default(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// In snapshots, this text is printed as `shown`.
    pub(crate) fn redact(&self, text: &str, shown: &str) {
        self.redaction.borrow_mut().text(text, shown);
    }

    /// In snapshots, this digest has a name.
    pub(crate) fn name_digest(&self, digest: &Digest, name: &str) {
        self.redaction.borrow_mut().digest(&digest.hex(), name);
    }

    /// Adds a run to what [`Folder::told`] shows.
    pub(crate) fn tell(&self, ran: &dyn Display) {
        self.told.borrow_mut().push_str(&format!("{ran}\n"));
    }

    /// The runs of a test, as one reads them in a terminal; for a snapshot.
    pub(crate) fn told(&self) -> String {
        self.told.take()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.program(Path::new(env!("CARGO_BIN_EXE_countersign")), arguments)
    }

    pub(crate) fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command
            .env("HOME", self.directory.path())
            .env("TMPDIR", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments))
    }

    /// The same with the empty password in the environment, with which the keys of these tests are encrypted.
    pub(crate) fn run_unlocked(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.env("COUNTERSIGN_PASSWORD", "");
        self.ran(command)
    }

    pub(crate) fn ran(&self, mut command: Command) -> Ran {
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = child.id().to_string();
        let (ended, waiting) = std::sync::mpsc::channel();
        std::thread::spawn(move || ended.send(child.wait_with_output().unwrap()));
        let output = waiting.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            Command::new("kill").args(["-KILL", &pid]).status().unwrap();
            panic!("it does not end: {command:?}")
        });
        self.shown(&words.join(" "), output.status.code(), &output.stdout, &output.stderr)
    }

    fn shown(&self, words: &str, code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Ran {
        Ran::new(words, code, stdout, stderr, &mut self.redaction.borrow_mut())
    }

    /// Makes `NAME.key`, under the empty password, and `NAME.pub`.
    pub(crate) fn key(&self, name: &str) -> PrivateKey {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        self.write(&format!("{name}.key"), key.to_cosign_pem(&Password::new("")));
        self.write(&format!("{name}.pub"), key.public().to_pem());
        self.name_digest(&key.public().fingerprint(), name);
        key
    }

    /// Makes `NAME.yaml`, a policy which wants all images of the registry signed by a key.
    pub(crate) fn policy(&self, name: &str, registry: &Registry<'_>, key: &PrivateKey) {
        self.write(
            &format!("{name}.yaml"),
            policy(name, registry.address(), &key.public().to_pem()),
        );
    }
}

pub(crate) fn policy(name: &str, registry: &str, public_pem: &str) -> String {
    let key: String = public_pem.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: {name}
spec:
  images:
  - glob: \"{registry}/**\"
  authorities:
  - name: team
    key:
      data: |
{key}"
    )
}
