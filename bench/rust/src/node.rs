//! One swarm with TCP, Noise, yamux and identify alone, its limits raised, driven by a task of its own.
use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use libp2p::swarm::{NetworkBehaviour, StreamProtocol, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, SwarmBuilder, identify, noise, tcp, yamux};

use crate::streams;

pub type AnyError = Box<dyn Error + Send + Sync>;

const STREAMS: usize = 4096;

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    streams: streams::Behaviour,
}

pub enum Event {
    Listening(Multiaddr),
    Connected,
    Failed(String),
}

pub struct Node {
    pub id: PeerId,
    pub accepted: mpsc::UnboundedReceiver<streams::Accepted>,
    events: mpsc::UnboundedReceiver<Event>,
    requests: Requests,
}

/// Asks for streams on the connection that there is.
#[derive(Clone)]
pub struct Requests(mpsc::UnboundedSender<streams::Request>);

impl Requests {
    pub async fn open(&self, protocol: &'static str) -> Result<Stream, AnyError> {
        let (sender, opened) = oneshot::channel();
        self.0.unbounded_send((StreamProtocol::new(protocol), sender))?;
        Ok(opened.await.map_err(|_| "the connection has ended")??)
    }
}

impl Node {
    /// Listens or dials, and serves `protocols`.
    pub fn start(listen: Option<Multiaddr>, dial: Option<Multiaddr>, protocols: &[&'static str]) -> Result<Node, AnyError> {
        let (accept, accepted) = mpsc::unbounded();
        let (requests, requested) = mpsc::unbounded();
        let protocols = protocols.iter().map(|name| StreamProtocol::new(name)).collect();
        let muxer = || {
            let mut config = yamux::Config::default();
            config.set_max_num_streams(STREAMS);
            config
        };
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, muxer)?
            .with_behaviour(|key| Behaviour {
                identify: identify::Behaviour::new(identify::Config::new("ipfs/0.1.0".into(), key.public())),
                streams: streams::Behaviour::new(protocols, accept, requested),
            })?
            .with_swarm_config(|config| {
                config.with_max_negotiating_inbound_streams(STREAMS).with_idle_connection_timeout(Duration::from_secs(3600))
            })
            .build();
        let id = *swarm.local_peer_id();
        if let Some(address) = listen {
            swarm.listen_on(address)?;
        }
        if let Some(address) = dial {
            swarm.dial(address)?;
        }
        let (tell, events) = mpsc::unbounded();
        tokio::spawn(drive(swarm, tell));
        Ok(Node { id, accepted, events, requests: Requests(requests) })
    }

    pub async fn listening(&mut self) -> Result<Multiaddr, AnyError> {
        loop {
            match self.events.next().await.ok_or("the swarm has ended")? {
                Event::Listening(address) => return Ok(address),
                Event::Failed(why) => return Err(why.into()),
                Event::Connected => {}
            }
        }
    }

    pub async fn connected(&mut self) -> Result<(), AnyError> {
        loop {
            match self.events.next().await.ok_or("the swarm has ended")? {
                Event::Connected => return Ok(()),
                Event::Failed(why) => return Err(why.into()),
                Event::Listening(_) => {}
            }
        }
    }

    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }
}

/// Events after the first one that somebody waits for are nobody's.
async fn drive(mut swarm: Swarm<Behaviour>, tell: mpsc::UnboundedSender<Event>) {
    let mut told = false;
    loop {
        let event = match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => Event::Listening(address),
            SwarmEvent::ConnectionEstablished { .. } => Event::Connected,
            SwarmEvent::OutgoingConnectionError { error, .. } => Event::Failed(error.to_string()),
            _ => continue,
        };
        if !std::mem::replace(&mut told, true) && tell.unbounded_send(event).is_err() {
            return;
        }
    }
}
