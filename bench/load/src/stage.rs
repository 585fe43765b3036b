//! What every scenario stands on: a registry, certificates, and a way to open doors.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use countersign_acceptance::pki::{Authority, Files as Pair};
use tempfile::TempDir;

use crate::doors::{Door, Files};
use crate::load::Target;
use crate::minted::Minted;
use crate::policies;
use crate::shop::Shop;

/// Where our door runs.
#[derive(Clone, Debug)]
pub enum Place {
    /// As a process of this program.
    Process(PathBuf),
    /// Within this process: only counts can be had.
    Inside,
}

/// A registry and what doors need to stand before it.
pub struct Stage {
    /// The registry.
    pub shop: Shop,
    place: Place,
    authority: String,
    pair: Pair,
    folder: TempDir,
}

impl Stage {
    /// With an empty registry.
    pub async fn set(place: &Place) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("countersign-bench-")
            .tempdir()
            .context("no temporary folder")?;
        let authority = Authority::new(folder.path())?;
        Ok(Self {
            shop: Shop::open().await?,
            place: place.clone(),
            pair: authority.serving("door", &[])?,
            authority: authority.pem(),
            folder,
        })
    }

    /// Our door, under one policy for the whole shop.
    pub async fn door(&self) -> Result<Door> {
        self.door_among(0).await
    }

    /// Our door, under that policy and so many others that govern other images.
    pub async fn door_among(&self, others: usize) -> Result<Door> {
        self.door_with(self.files(), others).await
    }

    /// The same with files of its own.
    pub async fn door_with(&self, files: Files<'_>, others: usize) -> Result<Door> {
        let name = format!("policies-{others}");
        let policies = policies::write(
            self.folder.path(),
            &name,
            &self.shop.everything(),
            &self.shop.key,
            others,
        )?;
        match &self.place {
            Place::Process(program) => Door::ours(program, files, &policies).await,
            Place::Inside => Door::inside(files, &policies).await,
        }
    }

    /// Our door, under a policy that believes a private Sigstore.
    pub async fn door_believing(&self, minted: &Minted) -> Result<Door> {
        let policies = policies::keyless(self.folder.path(), &self.shop.everything())?;
        let root = minted.write_root(self.folder.path())?;
        match &self.place {
            Place::Process(program) => Door::believing(program, self.files(), &policies, Some(&root)).await,
            Place::Inside => bail!("what a door holds is told of a process"),
        }
    }

    /// The constant door.
    pub async fn constant(&self) -> Result<Door> {
        Door::constant(self.files()).await
    }

    /// A door as the generator sees it.
    pub fn target(&self, door: &Door) -> Result<Target> {
        Target::trusting(&self.authority, door.address)
    }

    fn files(&self) -> Files<'_> {
        Files {
            folder: self.folder.path(),
            certificate: &self.pair.certificate,
            key: &self.pair.key,
        }
    }
}
