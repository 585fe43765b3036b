//! Where the programs are: the real ones in the cache that `cargo xtask tools` fills, ours beside the test that runs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use xtask::tools::Cache;

/// One of the real programs, by the name of its binary.
pub fn tool(name: &str) -> Result<PathBuf> {
    static CACHE: OnceLock<Result<Cache, String>> = OnceLock::new();
    let cache = CACHE.get_or_init(|| Cache::open(&xtask::repository()).map_err(|error| format!("{error:#}")));
    cache.as_ref().map_err(|error| anyhow!("{error}"))?.binary(name)
}

/// The binary under test: `COUNTERSIGN_BIN`, or the one that was built into the target directory of this test.
pub fn countersign() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("COUNTERSIGN_BIN") {
        let path = PathBuf::from(named);
        return if path.is_file() {
            Ok(path)
        } else {
            bail!("COUNTERSIGN_BIN names no file: {}", path.display())
        };
    }
    let test = std::env::current_exe().context("cannot find this test's own path")?;
    let profile = test.parent().and_then(Path::parent);
    let path = profile
        .ok_or_else(|| anyhow!("{} is not in a target directory", test.display()))?
        .join("countersign");
    if !path.is_file() {
        bail!(
            "`countersign` is not built ({}): run `cargo build -p countersign`, or set COUNTERSIGN_BIN",
            path.display()
        );
    }
    Ok(path)
}
