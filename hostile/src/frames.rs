//! HTTP/2 by hand (RFC 9113): as much of it as it takes to break it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::behaviour::Behaviour;
use crate::log::Log;

const PREFACE: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
/// `:status: 200` (RFC 7541, static table).
const STATUS_200: u8 = 0x88;
/// `:status: 103` (the static table's name, its value in full, not to be remembered).
const STATUS_103: [u8; 5] = [0x08, 3, b'1', b'0', b'3'];

/// Takes requests, of which it understands nothing but that they are there.
pub(crate) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    behaviour: Behaviour,
    log: Log,
) -> io::Result<()> {
    let mut preface = [0; PREFACE];
    stream.read_exact(&mut preface).await?;
    write(&mut stream, &log, &frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if head[3] == HEADERS {
            log.counted();
            respond(&mut stream, behaviour, &log, id).await?;
        }
    }
}

async fn respond(stream: &mut (impl AsyncWrite + Unpin), behaviour: Behaviour, log: &Log, id: u32) -> io::Result<()> {
    let (first, again) = match behaviour {
        Behaviour::Http2EndlessHeaders => (
            frame(HEADERS, 0, id, &[STATUS_200]),
            frame(CONTINUATION, 0, id, &fields(100)),
        ),
        Behaviour::Http2EmptyFrames => (
            frame(HEADERS, END_HEADERS, id, &[STATUS_200]),
            frame(DATA, 0, id, &[]).repeat(1000),
        ),
        Behaviour::Http2Interim => (Vec::new(), frame(HEADERS, END_HEADERS, id, &STATUS_103).repeat(1000)),
        Behaviour::Http2Pings => (Vec::new(), frame(PING, 0, 0, &[7; 8]).repeat(1000)),
        _ => return write(stream, log, &frame(RST_STREAM, 0, id, &REFUSED_STREAM)).await,
    };
    write(stream, log, &first).await?;
    loop {
        write(stream, log, &again).await?;
    }
}

/// Header fields that nobody knows, each new and not to be remembered.
fn fields(count: u8) -> Vec<u8> {
    let name = |number: u8| format!("x-{number:03}");
    let field = |number| [&[0, 5][..], name(number).as_bytes(), &[100], &[b'a'; 100]].concat();
    (0..count).flat_map(field).collect()
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    frame
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), log: &Log, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    log.sent(bytes.len());
    stream.flush().await
}
