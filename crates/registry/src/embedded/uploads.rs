//! Blobs that are being sent: opened by POST, continued by PATCH, closed by PUT, given up by DELETE or by silence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use uuid::Uuid;

use super::Limits;
use super::content::Staged;
use super::refusal::Refusal;
use super::route::Name;

/// All open uploads. They live in memory: after a restart a client begins anew.
pub(super) struct Uploads {
    open: Mutex<HashMap<Uuid, Arc<Upload>>>,
    limits: Limits,
}

/// One upload, in the repository it was opened in.
pub(super) struct Upload {
    pub(super) id: Uuid,
    name: Name,
    /// Who opened it, where that is known.
    user: Option<Arc<str>>,
    touched: Mutex<Instant>,
    /// None once it is finished. Held while a chunk is received: chunks are sent one after the other.
    staged: AsyncMutex<Option<Staged>>,
}

impl Uploads {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            open: Mutex::default(),
            limits,
        }
    }

    /// Opens an upload, if there is a place for it. Places of uploads that were silent for too long are given away; and a
    /// user may have as many as there are left, so that none takes all of them.
    pub(super) fn open(&self, name: Name, user: Option<Arc<str>>, staged: Staged) -> Result<Arc<Upload>, Refusal> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, upload| upload.idle() < self.limits.upload_idle || upload.staged.try_lock().is_err());
        let left = self.limits.open_uploads.saturating_sub(open.len());
        let theirs = match user {
            Some(_) => open.values().filter(|upload| upload.user == user).count(),
            None => 0,
        };
        if theirs >= left {
            return Err(Refusal::TooManyUploads {
                open: open.len(),
                theirs,
            });
        }
        // Not guessable: whoever knows it may continue the upload.
        let id = Uuid::new_v4();
        let touched = Mutex::new(Instant::now());
        let upload = Arc::new(Upload {
            id,
            name,
            user,
            touched,
            staged: AsyncMutex::new(Some(staged)),
        });
        open.insert(id, Arc::clone(&upload));
        Ok(upload)
    }

    pub(super) fn find(&self, name: &Name, id: &str) -> Result<Arc<Upload>, Refusal> {
        let id = Uuid::parse_str(id).map_err(|_| Refusal::UploadUnknown)?;
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let upload = open
            .get(&id)
            .filter(|upload| upload.name == *name)
            .ok_or(Refusal::UploadUnknown)?;
        upload.touch();
        Ok(Arc::clone(upload))
    }

    pub(super) fn close(&self, upload: &Upload) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&upload.id);
    }
}

impl Upload {
    /// Where it is continued.
    pub(super) fn location(&self) -> String {
        format!("/v2/{}/blobs/uploads/{}", self.name, self.id)
    }

    /// What was received, once no other request is adding to it.
    pub(super) async fn staged(&self) -> MutexGuard<'_, Option<Staged>> {
        self.staged.lock().await
    }

    pub(super) fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn idle(&self) -> std::time::Duration {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
