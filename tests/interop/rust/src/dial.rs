//! The cases that a dialling peer runs.
use std::time::{Duration, Instant};

use futures::future::{join, try_join_all};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{Multiaddr, Stream, identify};
use rand::RngCore;
use sha2::{Digest, Sha256};

use crate::node::{self, AnyError, Event, Node};
use crate::serve::{CHUNK_BYTES, ECHO, FAILED, HOLD, RESET, SINK, SLOW, STALL};

const MEBIBYTE: usize = 1024 * 1024;

type Outcome = Result<(), AnyError>;

fn check(condition: bool, what: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(what().into()) }
}

pub async fn run(address: &str, case: &str) -> Outcome {
    let address: Multiaddr = address.parse()?;
    let mut node = Node::start(None, Some(address.clone()), &[])?;
    node.until(|event| matches!(event, Event::Connected).then_some(())).await?;
    match case {
        "ping" => ping(&mut node).await,
        "identify" => identify(&mut node, address).await,
        "echo" => timed_echo(&node).await,
        "streams" => streams(&node).await,
        "halfclose" => digest_of(node.open(SINK).await?, MEBIBYTE).await.map(drop),
        "reset" => reset(&node).await,
        "slow" => slow(&node).await,
        "kill" => kill(&mut node).await,
        "hold" => hold_on(&node).await,
        "failed" => {
            println!("{}", failures(&node).await?);
            Ok(())
        }
        _ => Err(format!("no case {case}").into()),
    }
}

async fn ping(node: &mut Node) -> Outcome {
    for _ in 0..3 {
        let result = node.until(|event| if let Event::Ping(result) = event { Some(result) } else { None }).await?;
        print!("{:?} ", result?);
    }
    println!();
    Ok(())
}

async fn identify(node: &mut Node, address: Multiaddr) -> Outcome {
    let got: Box<identify::Info> = node.until(|event| if let Event::Identified(info) = event { Some(info) } else { None }).await?;
    for wanted in [ECHO, "/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"] {
        check(got.protocols.iter().any(|name| *name == wanted), || format!("{wanted} is not among {:?}", got.protocols))?;
    }
    check(!got.agent_version.is_empty() && !got.protocol_version.is_empty(), || format!("{got:?}"))?;
    let mut dialled = address;
    let peer = dialled.pop();
    let bare = |address: &Multiaddr| {
        let mut address = address.clone();
        if matches!(address.iter().last(), Some(libp2p::multiaddr::Protocol::P2p(_))) {
            address.pop();
        }
        address
    };
    check(got.listen_addrs.iter().any(|a| bare(a) == dialled), || format!("{dialled} is not among {:?}", got.listen_addrs))?;
    check(got.observed_addr.to_string().starts_with("/ip4/127.0.0.1/tcp/"), || format!("observed {}", got.observed_addr))?;
    let key = got.public_key.to_peer_id();
    check(peer == Some(libp2p::multiaddr::Protocol::P2p(key)), || format!("{key} is not {peer:?}"))?;
    println!("{}", got.agent_version);
    Ok(())
}

/// Sends `total` bytes that never repeat and the end; gives their hash.
async fn send(stream: &mut (impl AsyncWrite + Unpin), total: usize) -> Result<String, AnyError> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    rand::rng().fill_bytes(&mut chunk);
    let mut sent = 0;
    while sent < total {
        chunk.truncate(total - sent);
        if chunk.len() >= 8 {
            chunk[..8].copy_from_slice(&(sent as u64).to_be_bytes());
        }
        hash.update(&chunk);
        stream.write_all(&chunk).await?;
        sent += chunk.len();
    }
    stream.close().await?;
    Ok(format!("{:x}", hash.finalize()))
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<(usize, String), AnyError> {
    let mut hash = Sha256::new();
    let mut count = 0;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok((count, format!("{:x}", hash.finalize())));
        }
        hash.update(&buffer[..size]);
        count += size;
    }
}

async fn echo_on(stream: Stream, total: usize) -> Outcome {
    let (mut reader, mut writer) = stream.split();
    let (sent, received) = join(send(&mut writer, total), receive(&mut reader)).await;
    let (sent, received) = (sent?, received?);
    check(received == (total, sent.clone()), || format!("{received:?} came back, sent were {total} with {sent}"))
}

async fn echo(node: &Node, total: usize) -> Outcome {
    echo_on(node.open(ECHO).await?, total).await
}

async fn timed_echo(node: &Node) -> Outcome {
    let begin = Instant::now();
    echo(node, 64 * MEBIBYTE).await?;
    println!("{:.0} MiB/s", 64.0 / begin.elapsed().as_secs_f64());
    Ok(())
}

/// All are open before the first is used.
async fn streams(node: &Node) -> Outcome {
    let opened = try_join_all((0..1000).map(|_| node.open(ECHO))).await?;
    let tasks = opened.into_iter().map(|stream| tokio::spawn(echo_on(stream, 4096)));
    for outcome in try_join_all(tasks).await? {
        outcome?;
    }
    Ok(())
}

/// Sends, ends its half, and compares the answer's count and hash. Gives when all was taken.
async fn digest_of(mut stream: Stream, total: usize) -> Result<Instant, AnyError> {
    let hash = send(&mut stream, total).await?;
    let written = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    check(answer == format!("{total} {hash}\n"), || format!("answer {answer:?}, not {total} {hash}"))?;
    Ok(written)
}

async fn failures(node: &Node) -> Result<u64, AnyError> {
    let mut answer = String::new();
    node.open(FAILED).await?.read_to_string(&mut answer).await?;
    Ok(answer.trim_end().parse()?)
}

async fn open_held(node: &Node) -> Result<Stream, AnyError> {
    let mut stream = node.open(HOLD).await?;
    stream.read_exact(&mut [0]).await?;
    Ok(stream)
}

/// The peer resets a stream: to this implementation that reads as an end, and a write fails. We reset one: the peer sees
/// that. The connection goes on.
async fn reset(node: &Node) -> Outcome {
    let mut stream = node.open(RESET).await?;
    stream.write_all(b"x").await?;
    stream.flush().await?;
    let rest = stream.read(&mut [0]).await;
    check(!matches!(rest, Ok(1)), || "bytes from a stream that the peer resets".into())?;
    check(stream.write_all(b"x").await.is_err(), || "a reset looks like an end".into())?;
    let before = failures(node).await?;
    drop(open_held(node).await?);
    let begin = Instant::now();
    while failures(node).await? != before + 1 {
        check(begin.elapsed() < Duration::from_secs(10), || "the peer did not see our reset".into())?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    echo(node, MEBIBYTE).await
}

/// A reader that stalls and is slow holds the writer back, and nobody else.
async fn slow(node: &Node) -> Outcome {
    let stream = node.open(SLOW).await?;
    let begin = Instant::now();
    let slow = tokio::spawn(digest_of(stream, 8 * MEBIBYTE));
    echo(node, CHUNK_BYTES).await?;
    let beside = begin.elapsed();
    let written = slow.await?? - begin;
    check(written >= STALL * 3 / 4, || format!("8 MiB were taken in {written:?} from a writer whose reader stalls"))?;
    check(beside <= written, || format!("an echo beside it took {beside:?}, as long as the slow stream"))?;
    println!("writer held for {written:.1?}, echo beside it {beside:.1?}");
    Ok(())
}

/// The peer is killed while we read: that ends, and not as a good end, which has an `e`.
async fn kill(node: &mut Node) -> Outcome {
    let mut stream = open_held(node).await?;
    println!("held");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    check(rest.is_empty(), || format!("{rest:?} from a killed peer"))?;
    node.until(|event| matches!(event, Event::Closed).then_some(())).await?;
    println!("lost");
    let requests = node.requests();
    check(node::open(&requests, ECHO).await.is_err(), || "a stream to a killed peer was opened".into())
}

/// Ten streams are held until we are killed.
async fn hold_on(node: &Node) -> Outcome {
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(open_held(node).await?);
    }
    println!("held");
    crate::until_stdin_ends().await;
    drop(held);
    Ok(())
}
