//! A client for the official TUF conformance suite (theupdateframework/tuf-conformance), which says how it is called.
//!
//! `--metadata-dir DIR (init ROOT | --metadata-url URL refresh | … --target-name N --target-dir DIR --target-base-url URL download)`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use countersign_registry::ClientConfig;
use countersign_roots::tuf::{ByHand, Limits, check_initial_root};
use jiff::Timestamp;

/// The time that it is, where a test says so: seconds since 1970.
const NOW: &str = "COUNTERSIGN_TUF_NOW";
/// Where the root to begin with is kept: the suite looks at what ends in `.json` beside it.
const INITIAL: &str = "initial_root";

fn main() -> Result<()> {
    let mut flags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut words = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--") {
            Some(flag) => {
                let value = arguments.next().with_context(|| format!("`{argument}` has no value"))?;
                flags.entry(flag.to_owned()).or_default().push(value);
            }
            None => words.push(argument),
        }
    }
    let one = |flag: &str| {
        let value = flags.get(flag).and_then(|values| values.last());
        value.with_context(|| format!("`--{flag}` is missing"))
    };
    let directory = PathBuf::from(one("metadata-dir")?);
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["init", root] => {
            let root = fs::read(root)?;
            check_initial_root(&root)?;
            fs::write(directory.join("root.json"), &root)?;
            Ok(fs::write(directory.join(INITIAL), root)?)
        }
        ["refresh" | "download"] => {
            let targets = flags.get("target-name").map(Vec::as_slice).unwrap_or_default();
            let base = one("target-base-url").or_else(|_| one("metadata-url"))?;
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(ask(
                &directory,
                one("metadata-url")?,
                base,
                targets,
                flags.get("target-dir"),
            ))
        }
        _ => bail!("it is one of `init ROOT`, `refresh` and `download`"),
    }
}

async fn ask(
    directory: &Path,
    metadata: &str,
    base: &str,
    targets: &[String],
    into: Option<&Vec<String>>,
) -> Result<()> {
    let initial_root = Bytes::from(fs::read(directory.join(INITIAL))?);
    let mut files = BTreeMap::new();
    read(directory, "", &mut files)?;
    let http = ClientConfig::default().http_client()?;
    let now = match std::env::var(NOW) {
        Ok(seconds) => Timestamp::from_second(seconds.parse()?)?,
        Err(_) => Timestamp::now(),
    };
    let mut client = ByHand::new(initial_root, files);
    let asked = async {
        let limits = Limits::standard();
        client
            .refresh(http, metadata.parse()?, base.parse()?, &limits, now)
            .await?;
        for target in targets {
            let bytes = client.target(target).await?;
            let name: String = target.chars().map(|one| if one == '/' { '_' } else { one }).collect();
            let folder = into.and_then(|into| into.last()).context("`--target-dir` is missing")?;
            let path = Path::new(folder).join(name);
            // What is there already is not written again.
            if fs::read(&path).ok().as_ref() != Some(&bytes) {
                fs::write(path, bytes)?;
            }
        }
        Ok(())
    };
    let ended = asked.await;
    write(directory, &client.files())?;
    ended
}

fn read(directory: &Path, below: &str, files: &mut BTreeMap<String, Bytes>) -> Result<()> {
    for entry in fs::read_dir(directory.join(below))? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(directory, &format!("{name}/"), files)?;
        } else if name != INITIAL {
            files.insert(name, fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

fn write(directory: &Path, files: &BTreeMap<String, Bytes>) -> Result<()> {
    let mut before = BTreeMap::new();
    read(directory, "", &mut before)?;
    for gone in before.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(directory.join(gone))?;
    }
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().context("it lies in the directory")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}
