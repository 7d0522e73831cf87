//! The protocols that a listening peer offers.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::Stream;
use sha2::{Digest, Sha256};

use crate::node::{AnyError, Node};

pub const ECHO: &str = "/test/echo/1";
pub const SINK: &str = "/test/sink/1";
pub const SLOW: &str = "/test/slow/1";
pub const RESET: &str = "/test/reset/1";
pub const HOLD: &str = "/test/hold/1";
pub const FAILED: &str = "/test/failed/1";
pub const PROTOCOLS: &[&str] = &[ECHO, SINK, SLOW, RESET, HOLD, FAILED];

pub const CHUNK_BYTES: usize = 64 * 1024;
pub const STALL: Duration = Duration::from_secs(2);

/// Streams of HOLD that broke.
static BROKEN: AtomicU64 = AtomicU64::new(0);

pub async fn serve(mut node: Node) {
    while let Some((protocol, stream)) = node.accepted.next().await {
        tokio::spawn(async move {
            // A stream that is dropped before its end is reset.
            let outcome = match protocol.as_ref() {
                ECHO => echo(stream).await,
                SINK => digest(stream, Duration::ZERO).await,
                SLOW => {
                    tokio::time::sleep(STALL).await;
                    digest(stream, Duration::from_millis(5)).await
                }
                RESET => reset(stream).await,
                HOLD => hold(stream).await.inspect_err(|_| {
                    BROKEN.fetch_add(1, Ordering::Relaxed);
                }),
                _ => tell_failed(stream).await,
            };
            if let Err(error) = outcome {
                eprintln!("{protocol}: {error}");
            }
        });
        // Pings and identifications of the swarm are nobody's here.
        while node.events.try_recv().is_ok() {}
    }
}

async fn echo(mut stream: Stream) -> Result<(), AnyError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(stream.close().await?);
        }
        stream.write_all(&buffer[..size]).await?;
        stream.flush().await?;
    }
}

/// Reads to the end, with a pause after each piece, and answers with count and hash.
async fn digest(mut stream: Stream, pause: Duration) -> Result<(), AnyError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut hash = Sha256::new();
    let mut count = 0;
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            break;
        }
        hash.update(&buffer[..size]);
        count += size;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    stream.write_all(format!("{count} {:x}\n", hash.finalize()).as_bytes()).await?;
    Ok(stream.close().await?)
}

async fn reset(mut stream: Stream) -> Result<(), AnyError> {
    stream.read_exact(&mut [0]).await?;
    drop(stream);
    Ok(())
}

/// To this implementation a reset reads as an end, and shows when the last byte is written.
async fn hold(mut stream: Stream) -> Result<(), AnyError> {
    stream.write_all(b"h").await?;
    stream.flush().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    stream.write_all(b"e").await?;
    Ok(stream.close().await?)
}

async fn tell_failed(mut stream: Stream) -> Result<(), AnyError> {
    stream.write_all(format!("{}\n", BROKEN.load(Ordering::Relaxed)).as_bytes()).await?;
    Ok(stream.close().await?)
}
