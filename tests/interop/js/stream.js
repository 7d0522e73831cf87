// Reading and writing a js-libp2p stream with what its iterator does not tell: whether it ended well, and a limit on what waits.
import { createHash, randomFillSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

export const chunkBytes = 64 * 1024
export { sleep }

// Takes pieces from a stream; reading pauses while more than 1 MiB waits to be taken, so that the peer's window closes.
export class Reader {
  #stream
  #pieces = []
  #size = 0
  #wake = () => {}

  // `held`: read nothing before the first next().
  constructor (stream, { held = false, limit = 1024 * 1024 } = {}) {
    this.#stream = stream
    if (held) stream.pause()
    stream.addEventListener('message', event => {
      const piece = event.data.subarray()
      this.#pieces.push(piece)
      this.#size += piece.byteLength
      if (this.#size > limit && stream.readStatus === 'readable') stream.pause()
      this.#wake()
    })
    for (const name of ['end', 'remoteCloseWrite', 'close']) stream.addEventListener(name, () => this.#wake())
  }

  // The next piece of at most `max` bytes; null at the end. Throws if the stream broke.
  async next (max = Infinity) {
    while (true) {
      if (this.#pieces.length > 0) return this.#take(max)
      if (this.#stream.readStatus === 'paused') {
        this.#stream.resume()
        continue
      }
      if (this.#stream.status === 'reset' || this.#stream.status === 'aborted') throw new Error(`the stream was ${this.#stream.status}`)
      if (this.#stream.remoteWriteStatus === 'closed' && this.#stream.readBufferLength === 0) return null
      await new Promise(resolve => { this.#wake = resolve })
    }
  }

  #take (max) {
    let piece = this.#pieces.shift()
    if (piece.byteLength > max) {
      this.#pieces.unshift(piece.subarray(max))
      piece = piece.subarray(0, max)
    }
    this.#size -= piece.byteLength
    return piece
  }

  async all () {
    const pieces = []
    for (let piece; (piece = await this.next()) !== null;) pieces.push(piece)
    return Buffer.concat(pieces)
  }
}

// Sends a piece and waits until the stream takes more.
export async function write (stream, piece) {
  if (!stream.send(piece)) await stream.onDrain()
}

// Sends `total` bytes that never repeat and the end; gives their hash.
export async function sendPattern (stream, total) {
  const hash = createHash('sha256')
  const random = randomFillSync(Buffer.alloc(chunkBytes))
  for (let sent = 0; sent < total; sent += chunkBytes) {
    const chunk = Buffer.from(random.subarray(0, Math.min(chunkBytes, total - sent)))
    if (chunk.byteLength >= 8) chunk.writeBigUInt64BE(BigInt(sent))
    hash.update(chunk)
    await write(stream, chunk)
  }
  await stream.close()
  return hash.digest('hex')
}
