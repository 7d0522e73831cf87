// The js-libp2p peer of the interoperability tests: `listen` and `dial ADDRESS CASE`. The contract is in ../README.md.
import { identify, identifyPush } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { dial } from './dial.js'
import { serve } from './serve.js'

const streams = 4096

// A node with TCP, Noise and yamux alone, its limits raised.
async function createNode (listen) {
  return await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({
      maxInboundStreams: streams,
      maxOutboundStreams: streams,
      maxEarlyStreams: streams,
      streamOptions: { maxReadBufferLength: 64 * 1024 * 1024 }
    })],
    connectionMonitor: { enabled: false },
    nodeInfo: { userAgent: 'interop-js' },
    services: { ping: ping(), identify: identify(), identifyPush: identifyPush() }
  })
}

async function listen () {
  const node = await createNode(['/ip4/127.0.0.1/tcp/0'])
  await serve(node, { maxInboundStreams: streams, maxOutboundStreams: streams })
  console.log(node.getMultiaddrs()[0].toString())
  process.stdin.on('end', () => process.exit(0)).resume() // whoever started this ends it by closing its stdin
}

async function main ([command, ...rest]) {
  if (command === 'listen' && rest.length === 0) return await listen()
  if (command === 'dial' && rest.length === 2) {
    await dial(await createNode([]), ...rest, { maxOutboundStreams: streams })
    process.exit(0)
  }
  throw new Error('usage: peer.js listen | dial ADDRESS CASE')
}

main(process.argv.slice(2)).catch(error => {
  console.error('error:', error.message, error.errors ?? '')
  process.exit(1)
})
