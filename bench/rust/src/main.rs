//! The rust-libp2p side of the claims about bytes on a stream and about idle connections: the same contract as
//! bench/stream.cpp.
//!
//!     rust-stream listen | oneway ADDRESS BYTES | echo ADDRESS BYTES | requests ADDRESS COUNT
//!
//! On as many threads as TOKIO_WORKER_THREADS says.
mod node;
#[path = "../../../tests/interop/rust/src/streams.rs"]
mod streams;

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::Stream;
use node::{AnyError, Node, Requests};

const SINK: &str = "/bench/sink/1";
const ECHO: &str = "/bench/echo/1";
const PATTERN_BYTES: usize = 1 << 20;
const PIECE_BYTES: usize = 256 * 1024;
const REQUEST_BYTES: u64 = 1024;
const AT_ONCE: usize = 64;

/// Twice the pattern in a row, so that a piece never wraps.
static WANTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut x = 1u32;
    let mut made: Vec<u8> = (0..PATTERN_BYTES)
        .map(|_| {
            x = x.wrapping_mul(1664525).wrapping_add(1013904223);
            (x >> 24) as u8
        })
        .collect();
    made.extend_from_within(..);
    made
});

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // In a task, so that everything runs on the runtime's own threads and this one only waits.
    let outcome = runtime.block_on(async { tokio::spawn(run(arguments)).await.expect("no panic") });
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
    std::process::exit(0);
}

async fn run(arguments: Vec<String>) -> Result<(), AnyError> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["listen"] => listen().await,
        [work @ ("oneway" | "echo" | "requests"), address, total] => dial(work, address, total.parse()?).await,
        _ => Err("usage: rust-stream listen | oneway ADDRESS BYTES | echo ADDRESS BYTES | requests ADDRESS COUNT".into()),
    }
}

async fn listen() -> Result<(), AnyError> {
    LazyLock::force(&WANTED);
    let mut node = Node::start(Some("/ip4/127.0.0.1/tcp/0".parse()?), None, &[SINK, ECHO])?;
    println!("{}/p2p/{}", node.listening().await?, node.id);
    tokio::spawn(async move {
        while let Some((protocol, stream)) = node.accepted.next().await {
            // A stream that is dropped before its end is reset: the other side says that it failed.
            if protocol.as_ref() == SINK {
                tokio::spawn(sink(stream));
            } else {
                tokio::spawn(echo(stream));
            }
        }
    });
    // Whoever started this ends it by closing its stdin.
    let mut byte = [0];
    while matches!(tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut byte).await, Ok(1)) {}
    Ok(())
}

fn matches_pattern(bytes: &[u8], from: u64) -> bool {
    let at = from as usize % PATTERN_BYTES;
    bytes == &WANTED[at..at + bytes.len()]
}

async fn sink(mut stream: Stream) -> Result<(), AnyError> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut count = 0;
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            break;
        }
        if !matches_pattern(&buffer[..size], count) {
            return Err("not what was sent".into());
        }
        count += size as u64;
    }
    stream.write_all(count.to_string().as_bytes()).await?;
    Ok(stream.close().await?)
}

async fn echo(mut stream: Stream) -> Result<(), AnyError> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(stream.close().await?);
        }
        stream.write_all(&buffer[..size]).await?;
    }
}

async fn send(mut stream: impl AsyncWriteExt + Unpin, total: u64) -> Result<(), AnyError> {
    let mut sent = 0;
    while sent < total {
        let at = sent as usize % PATTERN_BYTES;
        let size = (PIECE_BYTES as u64).min(total - sent) as usize;
        stream.write_all(&WANTED[at..at + size]).await?;
        sent += size as u64;
    }
    Ok(stream.close().await?)
}

async fn oneway(requests: Requests, total: u64) -> Result<u64, AnyError> {
    let mut stream = requests.open(SINK).await?;
    send(&mut stream, total).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.parse()?)
}

async fn receive(mut stream: impl AsyncReadExt + Unpin, buffer: &mut [u8]) -> Result<u64, AnyError> {
    let mut count = 0;
    loop {
        let size = stream.read(buffer).await?;
        if size == 0 {
            return Ok(count);
        }
        if !matches_pattern(&buffer[..size], count) {
            return Err("what came back is not what was sent".into());
        }
        count += size as u64;
    }
}

/// Sends on a task of its own, which may run on the other thread.
async fn echoed(requests: Requests, total: u64) -> Result<u64, AnyError> {
    let (reader, writer) = requests.open(ECHO).await?.split();
    let sending = tokio::spawn(send(writer, total));
    let count = receive(reader, &mut vec![0; PIECE_BYTES]).await?;
    sending.await??;
    Ok(count)
}

async fn one_request(requests: &Requests, buffer: &mut [u8]) -> Result<(), AnyError> {
    let mut stream = requests.open(ECHO).await?;
    send(&mut stream, REQUEST_BYTES).await?;
    match receive(&mut stream, buffer).await? {
        REQUEST_BYTES => Ok(()),
        _ => Err("an answer was cut".into()),
    }
}

async fn many_requests(requests: Requests, count: u64) -> Result<u64, AnyError> {
    let left = Arc::new(AtomicI64::new(count as i64));
    let done = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (left, done, requests) = (left.clone(), done.clone(), requests.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                    one_request(&requests, &mut buffer).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), AnyError>(())
            })
        })
        .collect();
    for client in clients {
        client.await??;
    }
    Ok(done.load(Ordering::Relaxed))
}

async fn dial(work: &str, address: &str, total: u64) -> Result<(), AnyError> {
    LazyLock::force(&WANTED);
    let mut node = Node::start(None, Some(address.parse()?), &[])?;
    node.connected().await?;
    let requests = node.requests();
    let begin = Instant::now();
    let count = match work {
        "oneway" => oneway(requests, total).await?,
        "echo" => echoed(requests, total).await?,
        _ => many_requests(requests, total).await?,
    };
    let rate = total as f64 / begin.elapsed().as_secs_f64();
    println!("{{\"value\": {rate}, \"check\": \"{count}\", \"peak\": {}}}", peak()?);
    Ok(())
}

fn peak() -> Result<u64, AnyError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no peak")?;
    Ok(line.split_whitespace().nth(1).ok_or("no peak")?.parse::<u64>()? * 1024)
}
