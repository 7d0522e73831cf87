// The cases that a dialling peer runs.
import { createHash } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { stallMs } from './serve.js'
import { Reader, chunkBytes, sendPattern, sleep, write } from './stream.js'

const mebibyte = 1024 * 1024

function check (condition, what) {
  if (!condition) throw new Error(what)
}

class Client {
  constructor (node, address, connection, identified, options) {
    Object.assign(this, { node, address, connection, identified, options })
  }

  async open (protocol) {
    return await this.connection.newStream(protocol, this.options)
  }
}

async function runPing ({ node, address }) {
  const times = []
  for (let i = 0; i < 3; ++i) times.push(`${await node.services.ping.ping(address)}ms`)
  console.log(times.join(' '))
}

async function runIdentify ({ address, connection, identified }) {
  const got = await identified
  for (const wanted of ['/test/echo/1', '/ipfs/ping/1.0.0', '/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0']) {
    check(got.protocols.includes(wanted), `${wanted} is not among ${got.protocols}`)
  }
  check(got.agentVersion && got.protocolVersion, `agent ${got.agentVersion}, protocol version ${got.protocolVersion}`)
  const dialled = address.toString().replace(/\/p2p\/.*/, '')
  check(got.listenAddrs.some(a => a.toString().replace(/\/p2p\/.*/, '') === dialled), `${dialled} is not among ${got.listenAddrs}`)
  check(got.observedAddr?.toString().startsWith('/ip4/127.0.0.1/tcp/'), `observed address ${got.observedAddr}`)
  check(got.signedPeerRecord != null, 'no signed peer record')
  check(got.peerId.equals(connection.remotePeer), `${got.peerId} is not ${connection.remotePeer}`)
  console.log(got.agentVersion)
}

async function echoOn (stream, total) {
  const reader = new Reader(stream)
  const hash = createHash('sha256')
  let count = 0
  const receive = async () => {
    for (let piece; (piece = await reader.next()) !== null;) {
      hash.update(piece)
      count += piece.byteLength
    }
  }
  const [sent] = await Promise.all([sendPattern(stream, total), receive()])
  const received = hash.digest('hex')
  check(count === total && received === sent, `${count} bytes came back with hash ${received}, sent were ${total} with ${sent}`)
}

async function echo (client, total) {
  await echoOn(await client.open('/test/echo/1'), total)
}

async function runEcho (client) {
  const begin = performance.now()
  await echo(client, 64 * mebibyte)
  console.log(`${(64000 / (performance.now() - begin)).toFixed(0)} MiB/s`)
}

// All are open before the first is used.
async function runStreams (client) {
  const streams = await Promise.all(Array.from({ length: 1000 }, () => client.open('/test/echo/1')))
  check(client.node.getConnections().length === 1, `${client.node.getConnections().length} connections`)
  await Promise.all(streams.map(stream => echoOn(stream, 4096)))
}

async function digestOf (stream, total) {
  const reader = new Reader(stream)
  const hash = await sendPattern(stream, total)
  const written = performance.now()
  const answer = (await reader.all()).toString()
  check(answer === `${total} ${hash}\n`, `answer ${answer}, not ${total} ${hash}`)
  return written
}

async function runHalfClose (client) {
  await digestOf(await client.open('/test/sink/1'), mebibyte)
}

async function failures (client) {
  const text = (await new Reader(await client.open('/test/failed/1')).all()).toString()
  check(/^\d+\n$/.test(text), `a count, not ${text}`)
  return Number(text)
}

async function openHeld (client) {
  const stream = await client.open('/test/hold/1')
  const reader = new Reader(stream)
  const first = await reader.next(1)
  check(first?.[0] === 'h'.charCodeAt(0), 'no h')
  return { stream, reader }
}

async function throws (promise) {
  try {
    await promise
    return false
  } catch {
    return true
  }
}

// The peer resets a stream: an error, no end. We reset one: the peer sees that. The connection goes on.
async function runReset (client) {
  const stream = await client.open('/test/reset/1')
  const reader = new Reader(stream)
  await write(stream, Buffer.from('x'))
  check(await throws(reader.all()), 'a reset looks like an end')
  check(stream.status === 'reset', `the stream is ${stream.status}`)
  const before = await failures(client)
  const held = await openHeld(client)
  held.stream.abort(new Error('on purpose'))
  const begin = performance.now()
  while (await failures(client) !== before + 1) {
    check(performance.now() - begin < 10000, 'the peer did not see our reset')
    await sleep(20)
  }
  await echo(client, mebibyte)
}

// A reader that stalls and is slow holds the writer back, and nobody else.
async function runSlow (client) {
  const stream = await client.open('/test/slow/1')
  const begin = performance.now()
  const slow = digestOf(stream, 8 * mebibyte)
  await echo(client, chunkBytes)
  const beside = performance.now() - begin
  const written = await slow - begin
  check(written >= stallMs * 3 / 4, `8 MiB were taken in ${written} ms from a writer whose reader stalls`)
  check(beside <= written, `an echo beside it took ${beside} ms, as long as the slow stream`)
  console.log(`writer held for ${written.toFixed(0)}ms, echo beside it ${beside.toFixed(0)}ms`)
}

// The peer is killed while we read: that ends, and not as a good end.
async function runKill (client) {
  const { stream, reader } = await openHeld(client)
  const closed = new Promise(resolve => stream.addEventListener('close', event => resolve(event.error)))
  console.log('held')
  let rest = null
  try {
    rest = await reader.all()
  } catch {}
  check(rest === null || rest.byteLength === 0, 'a good end from a killed peer')
  await closed
  console.log('lost')
  check(await throws(client.open('/test/echo/1')), 'a stream to a killed peer was opened')
}

// Ten streams are held until we are killed.
async function runHold (client) {
  for (let i = 0; i < 10; ++i) await openHeld(client)
  console.log('held')
  await new Promise(resolve => process.stdin.on('end', resolve).resume())
}

async function runFailed (client) {
  console.log(await failures(client))
}

const cases = {
  ping: runPing,
  identify: runIdentify,
  echo: runEcho,
  streams: runStreams,
  halfclose: runHalfClose,
  reset: runReset,
  slow: runSlow,
  kill: runKill,
  hold: runHold,
  failed: runFailed
}

export async function dial (node, address, name, options) {
  const run = cases[name]
  check(run !== undefined, `no case ${name}`)
  const target = multiaddr(address)
  const identified = new Promise(resolve => node.addEventListener('peer:identify', event => resolve(event.detail), { once: true }))
  const connection = await node.dial(target)
  await run(new Client(node, target, connection, identified, options))
}
