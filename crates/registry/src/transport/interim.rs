//! Interim (1xx) answers, of which a server may send any number before the one that was asked for (RFC 9110 §15.2).
//!
//! Nothing here asks for one, and no registry is known to send more than a few.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Request;
use tokio::sync::Notify;

use crate::trouble::Trouble;

/// How many are passed over before one answer.
const MOST: u32 = 32;

/// How many interim answers one request has had.
pub(super) struct Interim {
    too_many: Arc<Notify>,
}

impl Interim {
    /// Counts those of a request from here on.
    pub(super) fn watch<B>(request: &mut Request<B>) -> Self {
        let too_many = Arc::new(Notify::new());
        let count = AtomicU32::new(0);
        let notify = too_many.clone();
        hyper::ext::on_informational(request, move |_| {
            if count.fetch_add(1, Ordering::Relaxed) == MOST {
                notify.notify_one();
            }
        });
        Self { too_many }
    }

    /// Ends when there were more than anybody has a use for.
    pub(super) async fn too_many(&self) {
        self.too_many.notified().await;
    }
}

pub(super) fn trouble() -> Trouble {
    Trouble::protocol(format!("more than {MOST} interim (1xx) answers came, and no other"))
}
