//! One swarm with TCP, Noise and yamux alone, its limits raised, driven by a task of its own.
use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use libp2p::swarm::{NetworkBehaviour, StreamProtocol, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, SwarmBuilder, identify, noise, ping, tcp, yamux};

use crate::streams;

pub type AnyError = Box<dyn Error + Send + Sync>;

const STREAMS: usize = 4096;

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    streams: streams::Behaviour,
}

/// What happens on the swarm, for who asked to hear it.
pub enum Event {
    Listening(Multiaddr),
    Connected,
    Closed,
    Failed(String),
    Identified(Box<identify::Info>),
    Ping(Result<Duration, String>),
}

pub struct Node {
    pub id: PeerId,
    pub events: mpsc::UnboundedReceiver<Event>,
    pub accepted: mpsc::UnboundedReceiver<streams::Accepted>,
    requests: mpsc::UnboundedSender<streams::Request>,
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
            .with_tcp(tcp::Config::default(), noise::Config::new, muxer)?
            .with_behaviour(|key| Behaviour {
                ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(300))),
                identify: identify::Behaviour::new(
                    identify::Config::new_with_signed_peer_record("ipfs/0.1.0".into(), key).with_agent_version("interop-rust".into()),
                ),
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
        Ok(Node { id, events, accepted, requests })
    }

    pub async fn open(&self, protocol: &'static str) -> Result<Stream, AnyError> {
        open(&self.requests, protocol).await
    }

    /// The next event that `wanted` makes something of.
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> Result<T, AnyError> {
        while let Some(event) = self.events.next().await {
            if let Event::Failed(why) = event {
                return Err(why.into());
            }
            if let Some(found) = wanted(event) {
                return Ok(found);
            }
        }
        Err("the swarm has ended".into())
    }

    pub fn requests(&self) -> mpsc::UnboundedSender<streams::Request> {
        self.requests.clone()
    }
}

pub async fn open(requests: &mpsc::UnboundedSender<streams::Request>, protocol: &'static str) -> Result<Stream, AnyError> {
    let (sender, opened) = oneshot::channel();
    requests.unbounded_send((StreamProtocol::new(protocol), sender))?;
    Ok(opened.await.map_err(|_| "the connection has ended")??)
}

async fn drive(mut swarm: Swarm<Behaviour>, tell: mpsc::UnboundedSender<Event>) {
    loop {
        let event = match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => Event::Listening(address),
            SwarmEvent::ConnectionEstablished { .. } => Event::Connected,
            SwarmEvent::ConnectionClosed { .. } => Event::Closed,
            SwarmEvent::OutgoingConnectionError { error, .. } => Event::Failed(error.to_string()),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { info, .. })) => Event::Identified(Box::new(info)),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => Event::Ping(event.result.map_err(|error| error.to_string())),
            _ => continue,
        };
        if tell.unbounded_send(event).is_err() {
            return;
        }
    }
}
