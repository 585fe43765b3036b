//! HTTP/1.1 by hand: only so can a server break it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::TcpStream;

use crate::log::{Log, Seen};
use crate::registry::Host;
use crate::reply::{Manner, Reply};

/// Longest line of a request that is read, in bytes.
const LONGEST_LINE: u64 = 64 << 10;
/// Largest body of a request that is read, in bytes.
const LARGEST_BODY: usize = 16 << 20;
/// Between two bytes of what drips.
const DRIP: Duration = Duration::from_millis(100);

pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, host: Arc<Host>) -> io::Result<()> {
    let (input, output) = tokio::io::split(stream);
    let mut input = BufReader::new(input);
    let log = host.log();
    let mut output = Counted { output, log };
    while let Some(seen) = request(&mut input).await? {
        let is_head = seen.method == "HEAD";
        let reply = host.answer(seen).await;
        if !answer(&mut output, is_head, &reply).await? {
            break;
        }
    }
    output.output.shutdown().await
}

/// Whom a client asks its proxy to be connected to, if it asks that; it is told that it is.
pub(crate) async fn tunnel(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut first = [0; 8];
    stream.readable().await?;
    if stream.peek(&mut first).await? < first.len() || first != *b"CONNECT " {
        return Ok(None);
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && (head.len() as u64) < LONGEST_LINE {
        head.push(stream.read_u8().await?);
    }
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&head);
    Ok(head.split_whitespace().nth(1).map(str::to_owned))
}

async fn request(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Seen>> {
    let first = line(input).await?;
    let mut words = first.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    while let Some((name, value)) = line(input).await?.trim_end().split_once(':') {
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (authority, rest) = match target.strip_prefix("http://") {
        Some(absolute) => absolute.split_at(absolute.find('/').unwrap_or(absolute.len())),
        None => ("", target),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut seen = Seen {
        method: method.to_owned(),
        authority: authority.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
    };
    if seen.authority.is_empty() {
        seen.authority = seen.header("host").unwrap_or_default().to_owned();
    }
    let length = seen.header("content-length").and_then(|text| text.parse().ok());
    seen.body.resize(length.unwrap_or(0).min(LARGEST_BODY), 0);
    input.read_exact(&mut seen.body).await?;
    Ok(Some(seen))
}

async fn line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    input.take(LONGEST_LINE).read_line(&mut line).await?;
    Ok(line)
}

/// Counts what the other side took.
struct Counted<W> {
    output: W,
    log: Log,
}

impl<W: AsyncWrite + Unpin> Counted<W> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(64 << 10) {
            self.output.write_all(part).await?;
            self.log.sent(part.len());
        }
        // TLS keeps back what is not flushed.
        self.output.flush().await
    }

    async fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            self.write(&[*byte]).await?;
            tokio::time::sleep(DRIP).await;
        }
        Ok(())
    }
}

/// Whether the connection stays open.
async fn answer(output: &mut Counted<impl AsyncWrite + Unpin>, is_head: bool, reply: &Reply) -> io::Result<bool> {
    let length = reply.body.len();
    match &reply.manner {
        Manner::Whole => {
            output.write(head(reply, Some(length)).as_bytes()).await?;
            if !is_head {
                output.write(&reply.body).await?;
            }
            return Ok(true);
        }
        Manner::Claiming(claimed) => {
            output.write(head(reply, Some(*claimed)).as_bytes()).await?;
            output.write(&reply.body).await?;
        }
        Manner::Half => {
            output.write(head(reply, Some(length)).as_bytes()).await?;
            output.write(&reply.body[..length / 2]).await?;
        }
        Manner::Padded(amount) => {
            output.write(head(reply, None).as_bytes()).await?;
            output.write(&reply.body).await?;
            let mut left = amount.unwrap_or(u64::MAX);
            while left > 0 {
                output.write(&[b' '; 64 << 10]).await?;
                left = left.saturating_sub(64 << 10);
            }
        }
        Manner::DrippingBody => {
            output.write(head(reply, None).as_bytes()).await?;
            output.drip(&reply.body).await?;
            loop {
                output.drip(b" ").await?;
            }
        }
        Manner::DrippingHead => {
            output.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ").await?;
            loop {
                output.drip(b"a").await?;
            }
        }
        Manner::EndlessHead => {
            output.write(b"HTTP/1.1 200 OK\r\n").await?;
            let lines =
                "X-Endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100);
            loop {
                output.write(lines.as_bytes()).await?;
            }
        }
        Manner::Interim => {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n".repeat(10_000);
            loop {
                output.write(interim.as_bytes()).await?;
            }
        }
        Manner::Silence => std::future::pending().await,
        Manner::HangUp => {}
        Manner::Raw(bytes) => output.write(bytes).await?,
    }
    Ok(false)
}

fn head(reply: &Reply, length: Option<usize>) -> String {
    let mut head = format!("HTTP/1.1 {} Hostile\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    head
}
