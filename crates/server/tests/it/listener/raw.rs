//! Clients that do byte for byte what they are told, and nothing of their own accord.

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A connection over HTTP/1.1 in the clear.
pub(super) struct Kept(pub(super) TcpStream);

impl Kept {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// One request, and its answer's head with as much of the body as has come with it.
    pub(super) async fn ask(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.0.read(&mut answer)).await;
        answer.truncate(read.expect("no answer").unwrap());
        String::from_utf8(answer).unwrap()
    }

    /// What still comes until the server closes the connection.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_string(&mut rest)).await;
        drop(read.expect("the connection stays open"));
        rest
    }
}

/// The type of the frame that begins an answer.
pub(super) const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const INITIAL_WINDOW: [u8; 2] = [0, 4];

/// A connection over HTTP/2 (RFC 9113) whose client sends what it is told to, and answers neither SETTINGS nor PING nor GOAWAY.
pub(super) struct Http2(TlsStream<TcpStream>);

impl Http2 {
    /// With this window for each answer, or the usual one.
    pub(super) async fn connect(pair: &Pair, address: SocketAddr, window: Option<u32>) -> Self {
        drop(pair.client());
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(pair.file("tls.crt")).unwrap();
        roots
            .add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        let mut config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut connection = Self(stream);
        let settings = window.map(|window| [&INITIAL_WINDOW[..], &window.to_be_bytes()].concat());
        connection.send(SETTINGS, 0, 0, &settings.unwrap_or_default()).await;
        connection
    }

    /// `GET /peer` on this stream.
    pub(super) async fn get(&mut self, stream: u32) {
        const END_OF_STREAM_AND_HEADERS: u8 = 0x5;
        // HPACK (RFC 7541): `:method: GET`, `:scheme: https`, then `:path` as a literal that is not kept.
        let fields = [&[0x82, 0x87, 0x04, 5][..], b"/peer"].concat();
        self.send(HEADERS, END_OF_STREAM_AND_HEADERS, stream, &fields).await;
    }

    /// Reads frames until one of this type has come.
    pub(super) async fn until(&mut self, kind: u8) {
        let read = async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.unwrap();
                let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                self.0.read_exact(&mut vec![0; length]).await.unwrap();
                if head[3] == kind {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("no such frame");
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let stream = stream.to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream, payload].concat();
        self.0.write_all(&frame).await.unwrap();
        self.0.flush().await.unwrap();
    }
}
