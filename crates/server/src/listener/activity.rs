//! What a connection is doing, and how long it may go on doing it.
//!
//! hyper's own head timeout also runs while a kept-alive connection is silent between two requests, so one value would have to
//! serve two purposes: short, against heads that drip in, and long, so that the API server's connections survive a
//! quiet minute. Here each has its own.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest time that a timer can take. Timers end where the reactor has looked at the sockets.
const TURN: Duration = Duration::from_millis(1);

/// Shared by a connection's socket, its requests and its timer.
///
/// Nobody is told of a change where it can wait: a waiter that is woken for each request costs about as much as a small
/// answer does. Whoever waits looks again when patience could end at the earliest.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<watch::Sender<Doing>>);

/// How long a connection is kept that does nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request's head to its last.
    pub(super) head: Duration,
    /// Of silence.
    pub(super) silence: Duration,
    /// From an answer's head to its last byte.
    pub(super) answer: Duration,
}

impl Patience {
    /// Whatever begins now does not end sooner than in this time.
    fn shortest(&self) -> Duration {
        self.head.min(self.silence).min(self.answer)
    }
}

#[derive(Debug)]
struct Doing {
    in_flight: usize,
    /// Bytes have come that belong to no request yet.
    reading_head: bool,
    /// Since when it is silent, or at the same head.
    since: Instant,
    /// Answers that the client has not taken, in the order in which they began.
    answers: VecDeque<Answer>,
    /// The number of the latest answer.
    latest: u64,
    /// The connection is to end: what is still written counts as doing something.
    parting: bool,
    /// Somebody wants to be told of each change at once.
    watched: bool,
}

#[derive(Debug)]
struct Answer {
    number: u64,
    began: Instant,
}

impl Doing {
    /// When the patience of one who waits since `began` ends, if nothing changes.
    fn until(&self, patience: Patience, began: Instant) -> Option<Instant> {
        let since = self.since.max(began);
        match self {
            Self {
                in_flight: 0,
                reading_head: true,
                ..
            } => since.checked_add(patience.head),
            Self { in_flight: 0, .. } => since.checked_add(patience.silence),
            Self { answers, .. } => answers.front()?.began.checked_add(patience.answer),
        }
    }
}

impl Activity {
    /// A connection that has yet to send its first head; it is not given the silence of one that was useful before.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Doing {
            in_flight: 0,
            reading_head: true,
            since: Instant::now(),
            answers: VecDeque::new(),
            latest: 0,
            parting: false,
            watched: false,
        })))
    }

    /// A request is in flight until the guard is dropped.
    pub(super) fn request(&self) -> InFlight {
        self.change(|doing| {
            doing.in_flight += 1;
            doing.reading_head = false;
        });
        InFlight {
            activity: self.clone(),
            answer: None,
        }
    }

    /// From now on the connection is to end.
    pub(super) fn part(&self) {
        self.change(|doing| doing.parting = true);
    }

    /// Resolves when the connection has been silent, or at the same head or answer, for too long; and when all bytes that had come
    /// by then have been looked at, so that none of them is the request that nobody saw. Whoever waits for this in the
    /// same task as for the connection has to ask the connection first.
    pub(super) async fn out_of_patience(&self, patience: Patience) {
        let (began, shortest) = (Instant::now(), patience.shortest());
        if shortest.is_zero() {
            self.0.send_if_modified(|doing| {
                doing.watched = true;
                false
            });
        }
        let mut changes = self.0.subscribe();
        loop {
            let (until, watched) = {
                let doing = changes.borrow_and_update();
                (doing.until(patience, began), doing.watched)
            };
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                // The reactor gets a turn: it has not looked at the sockets since the time ran out. To yield would not do, as
                // this task may be woken by itself before that.
                tokio::time::sleep(TURN).await;
                if self.0.borrow().until(patience, began) == until {
                    return;
                }
                continue;
            }
            let look_again = if watched { None } else { now.checked_add(shortest) };
            // The sender lives as long as `self`, so this ends by a change or by the time.
            match until.into_iter().chain(look_again).min() {
                Some(next) => drop(tokio::time::timeout_at(next, changes.changed()).await),
                None => drop(changes.changed().await),
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Doing)) {
        self.0.send_if_modified(|doing| {
            change(doing);
            doing.watched
        });
    }

    fn bytes_came(&self) {
        self.change(|doing| {
            if doing.in_flight == 0 && !doing.reading_head {
                doing.reading_head = true;
                doing.since = Instant::now();
            }
        });
    }

    /// An answer that nobody counts any longer is still on its way.
    fn bytes_went(&self) {
        self.change(|doing| {
            if doing.parting && doing.in_flight == 0 {
                doing.since = Instant::now();
            }
        });
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Activity,
    /// The number of its answer, if that has begun.
    answer: Option<u64>,
}

impl InFlight {
    /// It has its answer: now it is for the client to take it.
    pub(super) fn answered(mut self) -> Self {
        let answer = &mut self.answer;
        self.activity.change(|doing| {
            doing.latest += 1;
            doing.answers.push_back(Answer {
                number: doing.latest,
                began: Instant::now(),
            });
            *answer = Some(doing.latest);
        });
        self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.change(|doing| {
            doing.in_flight -= 1;
            doing.since = Instant::now();
            doing.answers.retain(|answer| Some(answer.number) != self.answer);
        });
    }
}

/// A socket that says when bytes come and go, if it is told to.
pub(super) struct Watched<S> {
    pub(super) socket: S,
    /// None under HTTP/2, where bytes also come and go without a request.
    pub(super) activity: Option<Activity>,
}

impl<S> Watched<S> {
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let (Poll::Ready(Ok(1..)), Some(activity)) = (polled, &self.activity) {
            activity.bytes_went();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.socket).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(activity) = &this.activity
        {
            activity.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.wrote(&polled);
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.wrote(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    const SOON: Duration = Duration::from_millis(40);
    const LATE: Duration = Duration::from_secs(60);
    const PATIENT: Patience = Patience {
        head: LATE,
        silence: LATE,
        answer: LATE,
    };
    const WITH_HEADS: Patience = Patience { head: SOON, ..PATIENT };
    const WITH_SILENCE: Patience = Patience {
        silence: SOON,
        ..PATIENT
    };
    const WITH_ANSWERS: Patience = Patience {
        answer: SOON,
        ..PATIENT
    };

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often one who waits with this patience is woken while `doing` goes on.
    fn woken(activity: &Activity, patience: Patience, doing: impl FnOnce()) -> usize {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut waiting = pin!(activity.out_of_patience(patience));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        doing();
        woken.0.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_no_request_unless_patience_ends_at_once() {
        let activity = Activity::new();
        let several = || {
            for _ in 0..10 {
                activity.bytes_came();
                drop(activity.request().answered());
                activity.bytes_went();
            }
        };
        assert_eq!(woken(&activity, PATIENT, several), 0);
        let request = activity.request();
        let at_rest = Patience {
            silence: Duration::ZERO,
            ..PATIENT
        };
        assert_eq!(woken(&activity, at_rest, || drop(request)), 1);
    }

    /// Nobody saw that the request ended, and yet silence counts from there.
    #[tokio::test]
    async fn patience_counts_from_what_nobody_was_woken_for() {
        let activity = Activity::new();
        drop(activity.request());
        let began = Instant::now();
        let waiting = async {
            activity.out_of_patience(WITH_SILENCE).await;
            Instant::now()
        };
        let busy = async {
            loop {
                let last = Instant::now();
                drop(activity.request());
                if began.elapsed() > SOON * 3 {
                    return last;
                }
                tokio::task::yield_now().await;
            }
        };
        let (ended, last) = tokio::join!(waiting, busy);
        assert!(ended >= last + SOON);
    }

    async fn gives_up(activity: &Activity, short_of_patience: Patience) -> bool {
        tokio::time::timeout(SOON * 4, activity.out_of_patience(short_of_patience))
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn a_first_head_that_does_not_come_is_not_waited_for_as_silence() {
        assert!(gives_up(&Activity::new(), WITH_HEADS).await);
        assert!(!gives_up(&Activity::new(), WITH_SILENCE).await);
    }

    #[tokio::test]
    async fn silence_after_a_request_has_its_own_patience() {
        let activity = Activity::new();
        drop(activity.request());
        assert!(gives_up(&activity, WITH_SILENCE).await);
        assert!(!gives_up(&activity, WITH_HEADS).await);
    }

    #[tokio::test]
    async fn a_head_that_drips_is_cut_although_bytes_keep_coming() {
        let activity = Activity::new();
        drop(activity.request());
        let dripping = async {
            loop {
                activity.bytes_came();
                tokio::time::sleep(SOON / 8).await;
            }
        };
        tokio::select! {
            () = dripping => unreachable!(),
            gave_up = gives_up(&activity, WITH_HEADS) => assert!(gave_up),
        }
    }

    #[tokio::test]
    async fn a_request_in_flight_is_waited_for() {
        let activity = Activity::new();
        let _request = activity.request();
        let impatient = Patience {
            head: SOON,
            silence: SOON,
            answer: SOON,
        };
        assert!(!gives_up(&activity, impatient).await);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_is_given_up_whatever_else_goes_on() {
        let activity = Activity::new();
        let _request = activity.request();
        let stuck = activity.request().answered();
        let others = async {
            loop {
                drop(activity.request().answered());
                tokio::time::sleep(SOON / 8).await;
            }
        };
        tokio::select! {
            () = others => unreachable!(),
            gave_up = gives_up(&activity, WITH_ANSWERS) => assert!(gave_up),
        }
        drop(stuck);
        assert!(!gives_up(&activity, WITH_ANSWERS).await);
    }

    #[tokio::test]
    async fn bytes_that_go_count_only_where_the_connection_is_to_end() {
        let activity = Activity::new();
        drop(activity.request());
        let writing = async {
            loop {
                activity.bytes_went();
                tokio::time::sleep(SOON / 8).await;
            }
        };
        let tried = async {
            assert!(gives_up(&activity, WITH_SILENCE).await);
            activity.part();
            assert!(!gives_up(&activity, WITH_SILENCE).await);
        };
        tokio::select! {
            () = writing => unreachable!(),
            () = tried => {}
        }
    }
}
