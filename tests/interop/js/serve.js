// The protocols that a listening peer offers.
import { createHash } from 'node:crypto'
import { Reader, chunkBytes, sleep, write } from './stream.js'

export const stallMs = 2000

let failed = 0 // streams of /test/hold/1 that broke

async function echo (stream) {
  const reader = new Reader(stream)
  for (let piece; (piece = await reader.next()) !== null;) await write(stream, piece)
  await stream.close()
}

// Reads to the end, with a pause after each piece, and answers with count and hash.
async function digest (stream, reader, pauseMs) {
  const hash = createHash('sha256')
  let count = 0
  for (let piece; (piece = await reader.next(chunkBytes)) !== null;) {
    hash.update(piece)
    count += piece.byteLength
    if (pauseMs > 0) await sleep(pauseMs)
  }
  await write(stream, Buffer.from(`${count} ${hash.digest('hex')}\n`))
  await stream.close()
}

async function slow (stream) {
  const reader = new Reader(stream, { held: true, limit: chunkBytes })
  await sleep(stallMs)
  await digest(stream, reader, 5)
}

async function resets (stream) {
  await new Reader(stream).next(1)
  stream.abort(new Error('as asked'))
}

async function hold (stream) {
  try {
    await write(stream, Buffer.from('h'))
    const reader = new Reader(stream)
    while (await reader.next() !== null) ;
    await write(stream, Buffer.from('e'))
    await stream.close()
  } catch (error) {
    ++failed
    throw error
  }
}

async function tellFailed (stream) {
  await write(stream, Buffer.from(`${failed}\n`))
  await stream.close()
}

export async function serve (node, options) {
  const protocols = {
    '/test/echo/1': echo,
    '/test/sink/1': async stream => { await digest(stream, new Reader(stream), 0) },
    '/test/slow/1': slow,
    '/test/reset/1': resets,
    '/test/hold/1': hold,
    '/test/failed/1': tellFailed
  }
  for (const [name, handler] of Object.entries(protocols)) {
    await node.handle(name, stream => {
      handler(stream).catch(error => stream.abort(error))
    }, options)
  }
}
