//! The rust-libp2p peer of the interoperability tests: `listen` and `dial ADDRESS CASE`. The contract is in ../README.md.
mod dial;
mod node;
mod serve;
mod streams;

use node::{AnyError, Event, Node};
use tokio::io::AsyncReadExt;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["listen"] => listen().await,
        ["dial", address, case] => dial::run(address, case).await,
        _ => Err("usage: peer listen | dial ADDRESS CASE".into()),
    };
    if let Err(error) = outcome {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

async fn listen() -> Result<(), AnyError> {
    let mut node = Node::start(Some("/ip4/127.0.0.1/tcp/0".parse()?), None, serve::PROTOCOLS)?;
    let address = node.until(|event| if let Event::Listening(address) = event { Some(address) } else { None }).await?;
    println!("{address}/p2p/{}", node.id);
    tokio::spawn(serve::serve(node));
    until_stdin_ends().await;
    Ok(())
}

/// Whoever started this ends it by closing its stdin.
pub async fn until_stdin_ends() {
    let mut byte = [0];
    while matches!(tokio::io::stdin().read(&mut byte).await, Ok(1)) {}
    std::process::exit(0);
}
