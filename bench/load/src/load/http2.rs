//! HTTP/2: many questions at once on one connection.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use http::{Method, Request, Uri};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Answer, Question};

/// Flow-control windows, in bytes: no answer here waits for one.
const WINDOW: u32 = 1 << 20;

/// One of those who ask over a connection.
#[derive(Clone)]
pub(super) struct Http2 {
    send: SendRequest<Bytes>,
    authority: String,
}

impl Http2 {
    pub(super) async fn over(stream: TlsStream<TcpStream>, address: SocketAddr) -> Result<Self> {
        let (send, connection) = Builder::new()
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * 8)
            .handshake(stream)
            .await
            .context("no HTTP/2")?;
        tokio::task::spawn_local(async move {
            // Whoever still waits for an answer is told by the answer that does not come.
            let _ = connection.await;
        });
        Ok(Self {
            send,
            authority: address.to_string(),
        })
    }

    pub(super) async fn ask(&self, question: &Question) -> Result<Answer> {
        let mut send = self.send.clone().ready().await?;
        let uri = Uri::builder()
            .scheme("https")
            .authority(self.authority.as_str())
            .path_and_query(question.path.as_str())
            .build()?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header("content-type", "application/json")
            .body(())?;
        let (response, mut stream) = send.send_request(request, false)?;
        stream.send_data(question.body.clone(), true)?;
        let response = response.await?;
        let status = response.status().as_u16();
        let mut stream = response.into_body();
        let mut body = BytesMut::new();
        while let Some(chunk) = stream.data().await {
            let chunk = chunk?;
            stream.flow_control().release_capacity(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            body: body.freeze(),
        })
    }
}
