//! A ConfigMap or Secret as the kubelet mounts it, and the other ways in which people exchange files under a running program.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

pub struct Volume {
    path: PathBuf,
    generation: AtomicU32,
}

impl Volume {
    /// With these files in it.
    pub fn mount(path: PathBuf, files: &[(&str, &str)]) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let volume = Self {
            path,
            generation: AtomicU32::new(0),
        };
        volume.swap(files)?;
        Ok(volume)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All files at once: each name links through `..data`, which is swapped for another folder.
    pub fn swap(&self, files: &[(&str, &str)]) -> Result<()> {
        let number = self.generation.fetch_add(1, Ordering::Relaxed);
        let (old, new) = (format!("..{number}"), format!("..{}", number + 1));
        let swapped = || {
            let folder = self.path.join(&new);
            fs::create_dir(&folder)?;
            for (name, text) in files {
                fs::write(folder.join(name), text)?;
            }
            self.link(&new, "..data")?;
            for (name, _) in files {
                if !self.path.join(name).is_symlink() {
                    self.link(&format!("..data/{name}"), name)?;
                }
            }
            if number > 0 {
                fs::remove_dir_all(self.path.join(old))?;
            }
            std::io::Result::Ok(())
        };
        swapped().with_context(|| format!("cannot swap {}", self.path.display()))
    }

    /// One file, whole.
    pub fn rename(&self, name: &str, text: &str) -> Result<()> {
        let unfinished = self.path.join(".unfinished");
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, self.path.join(name)))
            .with_context(|| format!("cannot replace {name} in {}", self.path.display()))
    }

    /// One file where it is: it is empty first, then half written, and whoever looks meanwhile sees that. `half` is called
    /// when one half is there.
    pub fn write_in_place(&self, name: &str, text: &str, half: impl FnOnce() -> Result<()>) -> Result<()> {
        let failed = || format!("cannot write {name} in {}", self.path.display());
        let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
        let mut file = fs::File::create(self.path.join(name)).with_context(failed)?;
        file.write_all(first.as_bytes()).with_context(failed)?;
        half()?;
        file.write_all(second.as_bytes()).with_context(failed)
    }

    fn link(&self, to: &str, name: &str) -> std::io::Result<()> {
        let unfinished = self.path.join("..data_tmp");
        symlink(to, &unfinished)?;
        fs::rename(unfinished, self.path.join(name))
    }
}
