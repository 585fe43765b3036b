//! The gates and bindings of a service: documents in a directory, read whole or not at all, and read again when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_gate::binding::BindingError;
use countersign_gate::{Bindings, Gate, GateError, Gates, GatesError, RepositoryBinding};
use countersign_image::Digest;
use serde::Deserialize;
use thiserror::Error;

use crate::keyring::{Keyring, Role};

/// The most files of a catalog.
const MAX_FILES: usize = 10_000;
/// The largest file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What counts now. Taken once per question, so that nothing changes under it.
#[derive(Debug)]
pub struct Catalog {
    /// The gates, with their floors.
    pub gates: Gates,
    /// Which repository may submit what.
    pub bindings: Bindings,
    /// Every document, for the ledger and the store.
    pub documents: Vec<CatalogDocument>,
    /// The digest over all documents.
    pub generation: Digest,
}

/// A document of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogDocument {
    /// `Gate/NAME` or `RepositoryBinding/NAME`.
    pub item: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Its text.
    pub text: String,
}

/// Why a directory is no catalog.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Something could not be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is too much.
    #[error("`{}`: {what}", path.display())]
    TooMuch {
        /// What.
        path: PathBuf,
        /// Of what.
        what: &'static str,
    },
    /// A document that is neither.
    #[error("`{}`: {detail}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A gate that is none.
    #[error("`{}` holds a gate that cannot be read", path.display())]
    Gate {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        error: GateError,
    },
    /// A binding that is none.
    #[error("`{}` holds a binding that cannot be read", path.display())]
    Binding {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        error: BindingError,
    },
    /// The gates do not go together.
    #[error("the gates do not go together")]
    Gates(#[from] GatesError),
    /// The bindings do not go together.
    #[error("the bindings do not go together")]
    Bindings(#[from] BindingError),
    /// A gate names a key that the service has not.
    #[error(
        "the gate `{gate}` signs with the key `{key}`, and the service has none of that name whose role is `{role}`"
    )]
    Key {
        /// The gate.
        gate: String,
        /// The key.
        key: String,
        /// What it would be for.
        role: Role,
    },
    /// A binding names a gate that there is not.
    #[error("the binding `{binding}` asks the gate `{gate}`, which there is not")]
    NoGate {
        /// The binding.
        binding: String,
        /// The gate.
        gate: String,
    },
}

/// Which sort of document it is, before it is read strictly.
#[derive(Deserialize)]
struct Sort {
    kind: String,
}

impl Catalog {
    /// Reads every `.yaml`, `.yml` and `.json` of a directory.
    ///
    /// # Errors
    /// [`CatalogError`] for the first thing that is wrong: a catalog of which a part is missing would decide otherwise.
    pub fn read(directory: &Path, keys: &Keyring) -> Result<Self, CatalogError> {
        let (mut gates, mut bindings, mut documents) = (Vec::new(), Vec::new(), Vec::new());
        for path in files(directory)? {
            for text in parts(&text(&path)?) {
                let sort: Sort = sort(&path, &text)?;
                let (item, digest) = match sort.kind.as_str() {
                    "Gate" => {
                        let gate = Gate::read(&text);
                        let gate = gate.map_err(|error| CatalogError::Gate {
                            path: path.clone(),
                            error,
                        })?;
                        let named = (format!("Gate/{}", gate.name), gate.digest);
                        gates.push(gate);
                        named
                    }
                    "RepositoryBinding" => {
                        let binding = RepositoryBinding::read(&text);
                        let binding = binding.map_err(|error| CatalogError::Binding {
                            path: path.clone(),
                            error,
                        })?;
                        let item = format!("RepositoryBinding/{}", binding.name);
                        bindings.push(binding);
                        (item, Digest::sha256(text.as_bytes()))
                    }
                    other => {
                        let found = countersign_image::text::excerpt(other, 60);
                        let detail = format!("expected a `Gate` or a `RepositoryBinding`, found `{found}`");
                        return Err(CatalogError::Unknown { path, detail });
                    }
                };
                documents.push(CatalogDocument { item, digest, text });
            }
        }
        for gate in &gates {
            signs(gate, keys)?;
        }
        let gates = Gates::new(gates)?;
        for binding in &bindings {
            let missing = binding
                .gates
                .values()
                .find(|name| gates.iter().all(|gate| gate.name != **name));
            if let Some(gate) = missing {
                return Err(CatalogError::NoGate {
                    binding: binding.name.clone(),
                    gate: gate.clone(),
                });
            }
        }
        let lines: String = documents
            .iter()
            .map(|document| format!("{} {}\n", document.item, document.digest))
            .collect();
        Ok(Self {
            gates,
            bindings: Bindings::new(bindings)?,
            documents,
            generation: Digest::sha256(lines.as_bytes()),
        })
    }
}

fn signs(gate: &Gate, keys: &Keyring) -> Result<(), CatalogError> {
    let Some(publish) = &gate.publish else { return Ok(()) };
    for (role, name) in [
        (Role::Release, &publish.keys.signature),
        (Role::Attest, &publish.keys.attestations),
    ] {
        if keys.key(role, name).is_none() {
            return Err(CatalogError::Key {
                gate: gate.name.clone(),
                key: name.clone(),
                role,
            });
        }
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, CatalogError> {
    let unreadable = |source| CatalogError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(CatalogError::TooMuch {
                path: directory.to_owned(),
                what: "it has more than 10,000 documents",
            });
        }
    }
    files.sort();
    Ok(files)
}

fn text(path: &Path) -> Result<String, CatalogError> {
    let unreadable = |source| CatalogError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(CatalogError::TooMuch {
            path: path.to_owned(),
            what: "it has more than 1 MiB",
        });
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// The documents of a file, which `---` parts. Each begins with as many empty lines as there are before it, so that the line
/// of an error is the file's own. A document without anything but comments is none.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim_end() == "---" {
            parts.push("\n".repeat(number + 1));
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    let says = |part: &String| {
        part.lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    parts.into_iter().filter(says).collect()
}

fn sort(path: &Path, text: &str) -> Result<Sort, CatalogError> {
    serde_saphyr::from_str(text).map_err(|error| CatalogError::Unknown {
        path: path.to_owned(),
        detail: error.render_with_options(serde_saphyr::render_options! {
            formatter: &serde_saphyr::UserMessageFormatter,
            snippets: serde_saphyr::SnippetMode::Off,
        }),
    })
}

/// A directory that is looked at again and again; what counts is swapped whole.
#[derive(Debug)]
pub struct Catalogs {
    directory: PathBuf,
    current: ArcSwap<Catalog>,
}

/// What looking again came to.
#[derive(Debug)]
pub enum Reread {
    /// Everything is as it was.
    Unchanged,
    /// This counts from now on.
    Changed(Arc<Catalog>),
    /// What there is now cannot be read: what was there before still counts.
    Kept(CatalogError),
}

impl Catalogs {
    /// Reads a directory for the first time.
    ///
    /// # Errors
    /// [`CatalogError`]: a service does not begin with half of its gates.
    pub fn open(directory: &Path, keys: &Keyring) -> Result<Self, CatalogError> {
        let catalog = Catalog::read(directory, keys)?;
        Ok(Self {
            directory: directory.to_owned(),
            current: ArcSwap::from_pointee(catalog),
        })
    }

    /// What counts now.
    pub fn current(&self) -> Arc<Catalog> {
        self.current.load_full()
    }

    /// Looks again. It reads files, so it is called where waiting is allowed.
    pub fn reread(&self, keys: &Keyring) -> Reread {
        match Catalog::read(&self.directory, keys) {
            Err(error) => Reread::Kept(error),
            Ok(catalog) if catalog.generation == self.current.load().generation => Reread::Unchanged,
            Ok(catalog) => {
                let catalog = Arc::new(catalog);
                self.current.store(Arc::clone(&catalog));
                Reread::Changed(catalog)
            }
        }
    }
}
