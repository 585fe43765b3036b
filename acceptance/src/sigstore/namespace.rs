//! A program in a network of its own, of which only one port is seen from here.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::Running;
use crate::wait::{self, SOON};

/// Starts the program where there is nothing but loopback. That needs root, `unshare` of util-linux and `ip` of iproute2.
pub(super) fn start(
    name: &str,
    folder: &Path,
    program: &Path,
    configure: impl FnOnce(&mut Command),
) -> Result<Running> {
    Running::start(name, folder, Path::new("unshare"), |command| {
        let alone = r#"ip link set lo up && exec "$0" "$@""#;
        command.args(["--net", "--", "sh", "-c", alone]).arg(program);
        configure(command);
    })
}

/// A port of ours that leads to a port in the program's network.
pub(super) struct Passage {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Passage {
    pub(super) fn open(to: &Running, inside: SocketAddr) -> Result<Self> {
        let network = network_of(to)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let address = listener.local_addr().context("a listener has no address")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (reply, moved) = mpsc::channel();
        // A socket stays in the network that it was made in: this thread listens here and calls there.
        let thread = thread::spawn(move || {
            reply
                .send(move_into_link_name_space(
                    network.as_fd(),
                    Some(LinkNameSpaceType::Network),
                ))
                .ok();
            for outer in listener
                .incoming()
                .flatten()
                .take_while(|_| !stopped.load(Ordering::Relaxed))
            {
                if let Ok(inner) = TcpStream::connect(inside) {
                    carry(outer, inner).ok();
                }
            }
        });
        let passage = Self {
            address,
            stop,
            thread: Some(thread),
        };
        let moved = moved.recv().context("the thread that carries has ended")?;
        moved.context("cannot enter another network, which needs root")?;
        Ok(passage)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The listener looks at the flag once somebody calls.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Once it has one of its own: until then a child is where its parent is.
fn network_of(program: &Running) -> Result<File> {
    let path = format!("/proc/{}/ns/net", program.id());
    let ours = std::fs::read_link("/proc/self/ns/net").context("this system has no namespaces")?;
    wait::until("a network of its own", SOON, || {
        let theirs = std::fs::read_link(&path).map_err(|_| {
            anyhow!(
                "it could not be given one, which needs root and `unshare`:\n{}",
                program.log()
            )
        })?;
        Ok((theirs != ours).then_some(()))
    })?;
    File::open(&path).with_context(|| format!("cannot open {path}"))
}

fn carry(outer: TcpStream, inner: TcpStream) -> io::Result<()> {
    let (from, to) = (outer.try_clone()?, inner.try_clone()?);
    thread::spawn(move || one_way(from, to));
    thread::spawn(move || one_way(inner, outer));
    Ok(())
}

fn one_way(mut from: TcpStream, mut to: TcpStream) {
    // Whoever hangs up early does so to both ends.
    io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}
