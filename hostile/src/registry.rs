//! The servers: the registry itself, and the two beside it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use countersign_registry::{Client, ClientConfig, Proxies, Secret, embedded};
use http_body_util::{BodyExt as _, Collected};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::authority::Authority;
use crate::behaviour::Behaviour;
use crate::goods::Goods;
use crate::log::{Log, Seen};
use crate::play::{self, Shelf};
use crate::reply::Reply;
use crate::{frames, wire};

/// The registry's name where it is on the internet.
const PUBLIC_NAME: &str = "registry.test";
/// The other host's, there.
const PUBLIC_ELSEWHERE: &str = "elsewhere.test";

/// How the registry is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// On loopback, without TLS.
    Plain,
    /// As `registry.test`, without TLS: the registry is the client's proxy, and sees whatever else the client asks for.
    Public,
    /// The same, with TLS. (On loopback nobody asks for it.)
    Tls,
}

/// What the registry wants to see of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// A token, for which its own token service wants the password.
    Bearer,
    /// The password.
    Basic,
}

/// What is to be played, and where.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What is played.
    pub behaviour: Behaviour,
    /// How the registry is met.
    pub face: Face,
    /// What it wants to see.
    pub login: Login,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the other host listens.
    pub elsewhere: SocketAddr,
}

impl Plan {
    /// On ports of the system's choice.
    pub fn new(behaviour: Behaviour, face: Face, login: Login) -> Self {
        Self {
            behaviour,
            face,
            login,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            elsewhere: SocketAddr::from(([127, 0, 0, 2], 0)),
        }
    }
}

/// A registry that plays one behaviour, until it is dropped.
pub struct HostileRegistry {
    address: SocketAddr,
    host: String,
    authority_pem: String,
    scene: Arc<Scene>,
    servers: Vec<JoinHandle<()>>,
}

impl HostileRegistry {
    /// The one user that the registry knows.
    pub const USER: &'static str = "watchman";
    /// The user's password.
    pub const PASSWORD: &'static str = "swordfish-8d1f";
    /// The one token that its token service gives.
    pub const TOKEN: &'static str = "token-of-the-registry-51c0";

    /// Starts the servers and fills the registry; from then on it misbehaves.
    pub async fn start(plan: Plan) -> Result<Self> {
        let Plan {
            behaviour, face, login, ..
        } = plan;
        ensure!(
            !behaviour.is_http2() || face == Face::Tls,
            "`{behaviour}` is about HTTP/2, which is spoken over TLS: give `--tls`"
        );
        let bind = async |address: SocketAddr| {
            let listener = TcpListener::bind(address).await;
            listener.with_context(|| format!("cannot listen on {address}"))
        };
        let own = bind(plan.listen).await?;
        let elsewhere = bind(plan.elsewhere).await?;
        let neighbour = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = own.local_addr()?;
        let scheme = if face == Face::Tls { "https" } else { "http" };
        let public = face != Face::Plain;
        let host = if public {
            PUBLIC_NAME.to_owned()
        } else {
            address.to_string()
        };
        let scene = Arc::new(Scene {
            behaviour,
            login,
            scheme,
            own: host.clone(),
            elsewhere: if public {
                format!("{scheme}://{PUBLIC_ELSEWHERE}")
            } else {
                format!("{scheme}://{}", elsewhere.local_addr()?)
            },
            neighbour_port: neighbour.local_addr()?.port(),
            router: embedded::Registry::memory().router(),
            goods: OnceLock::new(),
            shelf: OnceLock::new(),
            live: AtomicBool::new(false),
            turns: Mutex::default(),
            logs: [Log::default(), Log::default(), Log::default()],
        });
        let authority = Authority::new()?;
        let tls = match face {
            Face::Tls => Some(Tls::new(&authority, behaviour)?),
            Face::Plain | Face::Public => None,
        };
        let serve = |listener, part, tls| {
            let scene = Arc::clone(&scene);
            tokio::spawn(accept(listener, Arc::new(Host { part, scene }), tls))
        };
        let registry = Self {
            address,
            authority_pem: authority.pem(),
            servers: vec![
                serve(own, Part::Registry, tls),
                serve(elsewhere, Part::Elsewhere, None),
                serve(neighbour, Part::Neighbour, None),
            ],
            scene,
            host,
        };
        registry.fill().await?;
        Ok(registry)
    }

    async fn fill(&self) -> Result<()> {
        let client = Client::new(ClientConfig {
            ca_certificates: vec![self.authority_pem.clone().into_bytes()],
            plain_http: if self.scene.scheme == "http" {
                vec![PUBLIC_NAME.to_owned()]
            } else {
                Vec::new()
            },
            proxies: Proxies {
                http: Some(Secret::new(format!("http://{}", self.address))),
                https: Some(Secret::new(format!("http://{}", self.address))),
                except: None,
            },
            ..ClientConfig::default()
        })?;
        let goods = Goods::publish(&client, &self.host).await?;
        let shelf = play::shelf(self.scene.behaviour, &goods)?;
        let twice = || anyhow!("a registry is filled once");
        self.scene.goods.set(goods).map_err(|_| twice())?;
        self.scene.shelf.set(shelf).map_err(|_| twice())?;
        for log in &self.scene.logs {
            log.forget();
        }
        self.scene.live.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Where it listens; but for [`Face::Plain`] the address of the proxy.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The registry as image names spell it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The certificate authority behind [`Face::Tls`].
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// What it holds.
    pub fn goods(&self) -> &Goods {
        self.scene.goods()
    }

    /// The configuration of docker that holds the password for this registry, and for nobody else.
    pub fn docker_config(&self) -> String {
        let entry = serde_json::json!({ "username": Self::USER, "password": Self::PASSWORD });
        serde_json::json!({ "auths": { &self.host: entry } }).to_string()
    }

    /// What it was asked.
    pub fn log(&self) -> &Log {
        &self.scene.logs[0]
    }

    /// What the other host was asked, and whatever a client asked its proxy for beside the registry.
    pub fn elsewhere(&self) -> &Log {
        &self.scene.logs[1]
    }

    /// What the other port was asked, which speaks without TLS.
    pub fn neighbour(&self) -> &Log {
        &self.scene.logs[2]
    }
}

impl Drop for HostileRegistry {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// Everything that the servers share.
pub(crate) struct Scene {
    pub(crate) behaviour: Behaviour,
    pub(crate) login: Login,
    pub(crate) scheme: &'static str,
    /// `host:port`
    pub(crate) own: String,
    /// `scheme://host:port`
    pub(crate) elsewhere: String,
    pub(crate) neighbour_port: u16,
    router: Router,
    goods: OnceLock<Goods>,
    shelf: OnceLock<Shelf>,
    live: AtomicBool,
    turns: Mutex<HashMap<String, usize>>,
    logs: [Log; 3],
}

impl Scene {
    pub(crate) fn goods(&self) -> &Goods {
        self.goods.get().expect("nothing is played before it is filled")
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        self.shelf.get().expect("nothing is played before it is filled")
    }

    /// How often this was called for `what` before.
    pub(crate) fn turn(&self, what: &str) -> usize {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let count = turns.entry(what.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    /// What a registry says that keeps to the specification.
    pub(crate) async fn honest(&self, seen: Seen) -> Reply {
        let mut request = Request::builder()
            .method(seen.method.as_str())
            .uri(format!("{}?{}", seen.path, seen.query));
        for (name, value) in &seen.headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Body::from(seen.body)) else {
            return Reply::new(400);
        };
        let response = self.router.clone().oneshot(request).await.unwrap_or_default();
        let (parts, body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .filter(|(name, _)| *name != "content-length")
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Reply {
            headers: headers.collect(),
            body: body.collect().await.map(Collected::to_bytes).unwrap_or_default(),
            ..Reply::new(parts.status.as_u16())
        }
    }
}

/// Which of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Registry,
    Elsewhere,
    Neighbour,
}

/// One of the servers.
pub(crate) struct Host {
    part: Part,
    scene: Arc<Scene>,
}

impl Host {
    pub(crate) fn log(&self) -> Log {
        self.scene.logs[self.part as usize].clone()
    }

    pub(crate) async fn answer(&self, seen: Seen) -> Reply {
        if !self.scene.live.load(Ordering::SeqCst) {
            return self.scene.honest(seen).await;
        }
        // Whoever takes the registry for a proxy asks it for others, too.
        let is_own = self.part == Part::Registry && seen.authority == self.scene.own;
        if is_own {
            self.log().saw(seen.clone());
            return play::play(&self.scene, seen).await;
        }
        let part = if self.part == Part::Registry {
            Part::Elsewhere
        } else {
            self.part
        };
        self.scene.logs[part as usize].saw(seen.clone());
        if seen.path.contains("token") {
            return play::token("token-from-elsewhere");
        }
        self.scene.honest(seen).await
    }
}

#[derive(Clone)]
struct Tls {
    filling: Arc<ServerConfig>,
    live: Arc<ServerConfig>,
    behaviour: Behaviour,
}

impl Tls {
    fn new(authority: &Authority, behaviour: Behaviour) -> Result<Self> {
        let names = [PUBLIC_NAME, PUBLIC_ELSEWHERE];
        let protocol: &[u8] = if behaviour.is_http2() { b"h2" } else { b"http/1.1" };
        Ok(Self {
            filling: authority.serving(&names, b"http/1.1")?,
            live: authority.serving(&names, protocol)?,
            behaviour,
        })
    }
}

async fn accept(listener: TcpListener, host: Arc<Host>, tls: Option<Tls>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        host.log().connected();
        connections.spawn(connection(stream, Arc::clone(&host), tls.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Whatever ends a connection is the client's right.
async fn connection(mut stream: TcpStream, host: Arc<Host>, tls: Option<Tls>) {
    stream.set_nodelay(true).ok();
    let Some(tls) = tls else {
        wire::serve(stream, host).await.ok();
        return;
    };
    let Ok(Some(authority)) = wire::tunnel(&mut stream).await else {
        wire::serve(stream, host).await.ok();
        return;
    };
    let is_own = authority == format!("{PUBLIC_NAME}:443");
    let part = if is_own { Part::Registry } else { Part::Elsewhere };
    let host = Arc::new(Host {
        part,
        scene: Arc::clone(&host.scene),
    });
    if !is_own {
        host.log().connected();
    }
    let live = host.scene.live.load(Ordering::SeqCst);
    let config = if live { tls.live } else { tls.filling };
    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else {
        return;
    };
    if live && tls.behaviour.is_http2() {
        frames::serve(stream, tls.behaviour, host.log()).await.ok();
    } else {
        wire::serve(stream, host).await.ok();
    }
}
