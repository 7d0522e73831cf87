// Hashes a message of any size while it arrives, in constant memory.
//
// SHA-256 as FIPS 180-4 describes it.
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define METHOD(name) __attribute__((export_name(name)))

typedef struct {
  uint32_t state[8];
  uint8_t block[64];
  size_t used;
  uint64_t total;
} sha256_hash;

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t word, int by) { return word >> by | word << (32 - by); }

static void compress(uint32_t state[8], const uint8_t* block) {
  uint32_t schedule[64];
  for (int i = 0; i < 16; ++i) {
    schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                  block[4 * i + 3];
  }
  for (int i = 16; i < 64; ++i) {
    uint32_t a = schedule[i - 15], b = schedule[i - 2];
    schedule[i] = schedule[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + schedule[i - 7] +
                  (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  uint32_t v[8];
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; ++i) {
    uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    uint32_t first =
        v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + choice + constants[i] + schedule[i];
    uint32_t second = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + majority;
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += first;
    v[0] = first + second;
  }
  for (int i = 0; i < 8; ++i) state[i] += v[i];
}

static void start(sha256_hash* hash) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->used = 0;
  hash->total = 0;
}

static void update(sha256_hash* hash, const uint8_t* data, size_t size) {
  hash->total += size;
  while (size > 0) {
    if (hash->used == 0 && size >= 64) {  // whole blocks are hashed where they are
      compress(hash->state, data);
      data += 64;
      size -= 64;
      continue;
    }
    size_t piece = 64 - hash->used < size ? 64 - hash->used : size;
    memcpy(hash->block + hash->used, data, piece);
    hash->used += piece;
    data += piece;
    size -= piece;
    if (hash->used == 64) {
      compress(hash->state, hash->block);
      hash->used = 0;
    }
  }
}

// Pads with a one bit, zeros and the length in bits, and writes the hash as 64 hexadecimal digits.
static void finish(sha256_hash* hash, char* hex) {
  static const uint8_t padding[64] = {0x80};
  uint64_t bits = hash->total * 8;
  update(hash, padding, hash->used < 56 ? 56 - hash->used : 120 - hash->used);
  uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  update(hash, length, sizeof length);
  for (int i = 0; i < 64; ++i) hex[i] = "0123456789abcdef"[hash->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
}

METHOD("sha256") void sha256(void) {
  static uint8_t buffer[64 * 1024];
  static sha256_hash hash;
  char hex[65];
  ssize_t size;
  start(&hash);
  while ((size = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) update(&hash, buffer, (size_t)size);
  if (size < 0) return;  // the caller has left: nobody wants the hash of a part
  finish(&hash, hex);
  hex[64] = '\n';
  for (size_t done = 0; done < sizeof hex;) {
    ssize_t written = write(STDOUT_FILENO, hex + done, sizeof hex - done);
    if (written < 0) return;
    done += (size_t)written;
  }
}
