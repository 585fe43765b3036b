//! HTTP/1.1 by hand: only so can a server break it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Manner, Reply, Seen, Shared};

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let _ = stream.set_nodelay(true);
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    while let Some(mut seen) = request(&mut input).await? {
        seen.step = *shared.answered.lock().unwrap();
        shared.log.lock().unwrap().push(seen.clone());
        let reply = (shared.answer)(&seen);
        tokio::time::sleep(reply.delay).await;
        let stays = answer(&mut output, &seen, &reply).await?;
        let mut answered = shared.answered.lock().unwrap();
        *answered = (*answered).max(seen.step + 1);
        if !stays {
            break;
        }
    }
    Ok(())
}

async fn request(input: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if input.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        method,
        target,
        headers,
        body: Vec::new(),
        step: 0,
    };
    let length = seen
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    seen.body.resize(length, 0);
    input.read_exact(&mut seen.body).await?;
    Ok(Some(seen))
}

/// Whether the connection stays open.
async fn answer(output: &mut OwnedWriteHalf, seen: &Seen, reply: &Reply) -> std::io::Result<bool> {
    let half = &reply.body[..reply.body.len() / 2];
    match reply.manner {
        Manner::Whole => {
            output.write_all(head(reply, Some(reply.body.len())).as_bytes()).await?;
            if seen.method != "HEAD" {
                output.write_all(&reply.body).await?;
            }
            return Ok(true);
        }
        Manner::Stall => std::future::pending().await,
        Manner::StallInBody => {
            output.write_all(head(reply, Some(reply.body.len())).as_bytes()).await?;
            output.write_all(half).await?;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        Manner::Dripping => {
            output.write_all(head(reply, Some(reply.body.len())).as_bytes()).await?;
            for byte in &reply.body {
                output.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Manner::Half => {
            output.write_all(head(reply, Some(reply.body.len())).as_bytes()).await?;
            output.write_all(half).await?;
        }
        Manner::Claiming(length) => {
            output.write_all(head(reply, Some(length)).as_bytes()).await?;
            output.write_all(&reply.body).await?;
        }
        Manner::Endless => {
            output.write_all(head(reply, None).as_bytes()).await?;
            loop {
                output.write_all(&[b' '; 64 << 10]).await?;
            }
        }
        Manner::Garbage => output.write_all(b"220 mail.example ESMTP\r\n").await?,
        Manner::HangUp => {}
    }
    Ok(false)
}

fn head(reply: &Reply, length: Option<usize>) -> String {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    head
}
