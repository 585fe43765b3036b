//! HTTP/1.1 with as little as it takes: bytes that were made before are written, and an answer is read to its end.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Answer, Question};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// More headers than any answer here has.
const HEADERS: usize = 32;

pub(super) struct Http1 {
    stream: TlsStream<TcpStream>,
    read: BytesMut,
}

/// How far the body goes.
enum Framing {
    Length(usize),
    Chunked,
}

impl Http1 {
    pub(super) fn over(stream: TlsStream<TcpStream>) -> Self {
        Self {
            stream,
            read: BytesMut::with_capacity(16 << 10),
        }
    }

    pub(super) async fn ask(&mut self, question: &Question) -> Result<Answer> {
        self.stream.write_all(&question.http1).await?;
        self.stream.flush().await?;
        let (status, head, framing) = loop {
            if let Some(found) = parse_head(&self.read)? {
                break found;
            }
            self.more().await?;
        };
        drop(self.read.split_to(head));
        let body = match framing {
            Framing::Length(length) => self.take(length).await?,
            Framing::Chunked => self.chunks().await?,
        };
        Ok(Answer { status, body })
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.read.len() < LONGEST, "an answer is longer than {LONGEST} bytes");
        self.read.reserve(4 << 10);
        let count = self.stream.read_buf(&mut self.read).await?;
        ensure!(count > 0, "the connection ended before the answer did");
        Ok(())
    }

    async fn take(&mut self, length: usize) -> Result<Bytes> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.split_to(length).freeze())
    }

    async fn chunks(&mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        loop {
            let length = loop {
                match httparse::parse_chunk_size(&self.read) {
                    Ok(httparse::Status::Complete((consumed, length))) => {
                        drop(self.read.split_to(consumed));
                        break usize::try_from(length).context("a chunk is too long")?;
                    }
                    Ok(httparse::Status::Partial) => self.more().await?,
                    Err(_) => bail!("the answer's chunks are none"),
                }
            };
            let chunk = self.take(length + 2).await?;
            if length == 0 {
                return Ok(whole.freeze());
            }
            whole.extend_from_slice(&chunk[..length]);
        }
    }
}

/// Status, length of the head, and where the body ends; nothing as long as the head is not whole.
fn parse_head(bytes: &[u8]) -> Result<Option<(u16, usize, Framing)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.context("an answer without a status")?;
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let framing = match header("content-length") {
        Some(length) => Framing::Length(length.trim().parse().context("a length that is no number")?),
        None if header("transfer-encoding") == Some("chunked") => Framing::Chunked,
        None => bail!("an answer with status {status} does not say how long it is"),
    };
    Ok(Some((status, length, framing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
        assert!(parse_head(&head[..head.len() - 1]).unwrap().is_none());
        let (status, length, framing) = parse_head(head).unwrap().unwrap();
        assert_eq!((status, length), (200, head.len()));
        assert!(matches!(framing, Framing::Length(2)));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        let chunked = parse_head(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(matches!(chunked, Ok(Some((201, _, Framing::Chunked)))));
    }
}
