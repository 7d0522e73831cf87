#include "libp2p/noise_transport.hpp"

#include "identity/key_vectors.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <sodium.h>
#include <string>

namespace myelin::libp2p::noise {
namespace {

using identity::vectors::from_hex;

Key test_key() {
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0x80 + i);
  return Key(bytes);
}

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + (i >> 8) * 7);
  return bytes;
}

Bytes flat(const Rope& rope) {
  Bytes bytes(rope.size());
  rope.copy_to(bytes);
  return bytes;
}

Rope sealed(const Bytes& plaintext) {
  Encryptor encryptor(test_key());
  Rope out;
  EXPECT_TRUE(encryptor.seal(View(plaintext), out));
  return out;
}

TEST(NoiseCipher, AeadOfRfc8439) {
  // §2.8.2, whose nonce is 07000000 4041424344454647: not of Noise's shape, so the vector here is that of an empty
  // counter nonce, made with libsodium's crypto_aead_chacha20poly1305_ietf_encrypt.
  CipherState seal(CipherState::Direction::seal, test_key());
  const View text = as_view("Ladies and Gentlemen");
  Bytes out(text.size() + tag_bytes);
  ASSERT_TRUE(seal.seal(as_view("ad"), {&text, 1}, out.data()));
  EXPECT_EQ(to_hex(out), "663d7ec45b29ceaaa35505b8c1b3d94613a50fd7cd16acbf4fd8446c1c3995a1f65e4d8b");
  EXPECT_EQ(seal.nonce(), 1u);
}

TEST(NoiseCipher, PiecesAreOneMessage) {
  const Bytes text = pattern(1000);
  CipherState whole(CipherState::Direction::seal, test_key());
  CipherState pieces(CipherState::Direction::seal, test_key());
  const View all = text;
  Bytes first(text.size() + tag_bytes);
  Bytes second(text.size() + tag_bytes);
  ASSERT_TRUE(whole.seal({}, {&all, 1}, first.data()));
  const std::array<View, 5> parts{all.first(1), all.subspan(1, 63), View{}, all.subspan(64, 65), all.subspan(129)};
  ASSERT_TRUE(pieces.seal({}, parts, second.data()));
  EXPECT_EQ(first, second);
}

TEST(NoiseCipher, LargeMessagesAreWhatLibsodiumMakesOfThem) {
  ASSERT_GE(sodium_init(), 0);
  const std::array<std::uint8_t, 12> nonce{};
  for (const std::size_t size : {8191u, 8192u, 8193u, 16384u, 40'000u, 65519u}) {
    const Bytes text = pattern(size);
    Bytes expected(size + tag_bytes);
    crypto_aead_chacha20poly1305_ietf_encrypt(expected.data(), nullptr, text.data(), size, nullptr, 0, nullptr,
                                              nonce.data(), test_key().data());
    for (const std::size_t first : {std::size_t{0}, std::size_t{12}, std::size_t{4097}, size}) {
      const std::array<View, 2> pieces{View(text).first(first), View(text).subspan(first)};
      CipherState seal(CipherState::Direction::seal, test_key());
      Bytes out(size + tag_bytes);
      ASSERT_TRUE(seal.seal({}, pieces, out.data()));
      ASSERT_EQ(out, expected) << size << " split at " << first;
      const std::array<View, 2> sealed_pieces{View(out).first(first), View(out).subspan(first, size - first)};
      CipherState open(CipherState::Direction::open, test_key());
      Bytes opened(size);
      ASSERT_TRUE(open.open({}, sealed_pieces, View(out).last(tag_bytes), opened.data()));
      ASSERT_EQ(opened, text) << size << " split at " << first;
    }
  }
}

TEST(NoiseCipher, LastNonceIsReserved) {
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max() - 1;
  CipherState seal(CipherState::Direction::seal, test_key(), last);
  CipherState open(CipherState::Direction::open, test_key(), last);
  const View text = as_view("x");
  Bytes out(1 + tag_bytes);
  Bytes opened(1);
  const View ciphertext = View(out).first(1);
  ASSERT_TRUE(seal.seal({}, {&text, 1}, out.data()));
  ASSERT_TRUE(open.open({}, {&ciphertext, 1}, View(out).last(tag_bytes), opened.data()));
  EXPECT_EQ(seal.seal({}, {&text, 1}, out.data()).error().code, ErrorCode::limit);
  EXPECT_EQ(open.open({}, {&ciphertext, 1}, View(out).last(tag_bytes), opened.data()).error().code, ErrorCode::limit);
}

TEST(NoiseCipher, FailureUsesNoNonce) {
  CipherState seal(CipherState::Direction::seal, test_key());
  CipherState open(CipherState::Direction::open, test_key());
  const View text = as_view("text");
  Bytes out(text.size() + tag_bytes);
  ASSERT_TRUE(seal.seal({}, {&text, 1}, out.data()));
  Bytes opened(text.size());
  const View ciphertext = View(out).first(text.size());
  EXPECT_FALSE(open.open(as_view("other"), {&ciphertext, 1}, View(out).last(tag_bytes), opened.data()));
  EXPECT_EQ(open.nonce(), 0u);
  EXPECT_TRUE(open.open({}, {&ciphertext, 1}, View(out).last(tag_bytes), opened.data()));
  EXPECT_EQ(to_text(opened), "text");
}

class NoiseSizes : public testing::TestWithParam<std::size_t> {};

TEST_P(NoiseSizes, GoThroughWhole) {
  const Bytes plaintext = pattern(GetParam());
  Rope frames = sealed(plaintext);
  const std::size_t expected = (GetParam() + max_plaintext_bytes - 1) / max_plaintext_bytes;
  EXPECT_EQ(frames.segments().size(), expected);
  EXPECT_EQ(frames.size(), plaintext.size() + expected * frame_overhead_bytes);
  Decryptor decryptor(test_key());
  Rope out;
  ASSERT_TRUE(decryptor.open(std::move(frames), out));
  EXPECT_EQ(flat(out), plaintext);
  EXPECT_EQ(decryptor.pending_bytes(), 0u);
  EXPECT_EQ(decryptor.frames(), expected);
}

TEST_P(NoiseSizes, RopesAndViewsMakeTheSameFrames) {
  const Bytes plaintext = pattern(GetParam());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{65519}, std::size_t{70000}}) {
    if (piece == 1 && GetParam() > 1000) continue;
    Rope rope;
    for (std::size_t at = 0; at < plaintext.size(); at += piece) {
      rope.append(Buffer::copy_of(View(plaintext).subspan(at, std::min(piece, plaintext.size() - at))));
    }
    Encryptor encryptor(test_key());
    Rope out;
    ASSERT_TRUE(encryptor.seal(std::move(rope), out));
    EXPECT_EQ(flat(out), flat(sealed(plaintext))) << piece;
  }
}

TEST_P(NoiseSizes, ArriveInAnyPieces) {
  const Bytes plaintext = pattern(GetParam());
  const Bytes wire = flat(sealed(plaintext));
  for (const std::size_t piece : {1u, 2u, 3u, 17u, 18u, 19u, 1000u, 9000u, 65536u, 65537u, 65538u}) {
    Decryptor decryptor(test_key());
    Rope out;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      ASSERT_TRUE(
          decryptor.open(Buffer::copy_of(View(wire).subspan(at, std::min<std::size_t>(piece, wire.size() - at))), out));
    }
    ASSERT_EQ(flat(out), plaintext) << piece;
    EXPECT_EQ(decryptor.pending_bytes(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(AtTheEdges, NoiseSizes,
                         testing::Values(0, 1, 15, 16, 1000, 65518, 65519, 65520, 131038, 131039, 200000));

TEST(NoiseDecryptor, ManySmallFramesAtEverySplit) {
  Encryptor encryptor(test_key());
  Rope frames;
  Bytes plaintext;
  for (std::size_t i = 0; i < 12; ++i) {
    const Bytes piece = pattern(1 + i * 3);
    plaintext.insert(plaintext.end(), piece.begin(), piece.end());
    ASSERT_TRUE(encryptor.seal(View(piece), frames));
  }
  const Bytes wire = flat(frames);
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    Decryptor decryptor(test_key());
    Rope out;
    ASSERT_TRUE(decryptor.open(Buffer::copy_of(View(wire).first(cut)), out));
    ASSERT_TRUE(decryptor.open(Buffer::copy_of(View(wire).subspan(cut)), out));
    ASSERT_EQ(flat(out), plaintext) << cut;
  }
}

TEST(NoiseDecryptor, OpensInPlaceWhereItOwnsTheBytes) {
  const Bytes plaintext = pattern(100'000);
  Buffer arrived = sealed(plaintext).flatten();
  const std::uint8_t* const start = arrived.data();
  const std::size_t size = arrived.size();
  Decryptor decryptor(test_key());
  Rope out;
  ASSERT_TRUE(decryptor.open(std::move(arrived), out));
  EXPECT_EQ(flat(out), plaintext);
  for (const Buffer& piece : out.segments()) {
    EXPECT_TRUE(piece.data() >= start && piece.data() + piece.size() <= start + size) << "no byte was copied";
  }
}

TEST(NoiseDecryptor, ReadsAreAskedForUpToTheEndOfAFrame) {
  const std::size_t frame = max_plaintext_bytes + frame_overhead_bytes;
  const std::size_t most = 4 * frame;
  const Bytes wire = flat(sealed(pattern(6 * max_plaintext_bytes)));
  Decryptor decryptor(test_key());
  EXPECT_EQ(decryptor.next_read_bytes(most), most) << "nothing is known yet";
  Rope out;
  std::size_t at = 0;
  const auto arrive = [&](std::size_t size) {
    ASSERT_TRUE(decryptor.open(Buffer::copy_of(View(wire).subspan(at, size)), out));
    at += size;
  };
  arrive(1000);
  EXPECT_EQ(decryptor.next_read_bytes(most), most) << "no frame has come whole";
  arrive(frame);  // the second one has begun
  EXPECT_EQ(decryptor.next_read_bytes(most), frame - 1000 + 3 * frame);
  EXPECT_EQ(decryptor.next_read_bytes(frame), frame - 1000);
  EXPECT_EQ(decryptor.next_read_bytes(100), 100u);
  arrive(frame - 1000 + frame);
  ASSERT_EQ(decryptor.pending_bytes(), 0u);
  EXPECT_EQ(decryptor.next_read_bytes(most), most);
  EXPECT_EQ(decryptor.next_read_bytes(most - 1), 3 * frame);
  EXPECT_EQ(decryptor.next_read_bytes(100), 100u) << "never nothing";
  arrive(1);  // half of a length
  EXPECT_EQ(decryptor.next_read_bytes(most), most - 1);
  EXPECT_EQ(flat(out), pattern(3 * max_plaintext_bytes));
}

TEST(NoiseDecryptor, LeavesSharedBytesAsTheyAre) {
  const Buffer shared = sealed(pattern(5000)).flatten();
  const Bytes before(shared.view().begin(), shared.view().end());
  Decryptor decryptor(test_key());
  Rope out;
  ASSERT_TRUE(decryptor.open(shared, out));
  EXPECT_EQ(flat(out), pattern(5000));
  EXPECT_EQ(Bytes(shared.view().begin(), shared.view().end()), before);
}

TEST(NoiseDecryptor, SmallPiecesDoNotKeepLargeSegments) {
  const Bytes wire = flat(sealed(pattern(60'000)));
  Decryptor decryptor(test_key());
  Rope out;
  for (std::size_t i = 0; i + 1 < wire.size(); ++i) {
    Buffer segment = Buffer::allocate(4096);
    segment.writable()[0] = wire[i];
    segment.truncate(1);
    const Buffer witness = segment;
    ASSERT_TRUE(decryptor.open(std::move(segment), out));
    ASSERT_TRUE(witness.unique()) << "one byte kept 4 KiB alive";
  }
  EXPECT_TRUE(out.empty()) << "nothing is given out before it is authentic";
  EXPECT_EQ(decryptor.pending_bytes(), wire.size() - 1);
  ASSERT_TRUE(decryptor.open(Buffer::copy_of(View(wire).last(1)), out));
  EXPECT_EQ(flat(out), pattern(60'000));
}

TEST(NoiseDecryptor, EveryFlippedBitIsNoticed) {
  const Bytes wire = flat(sealed(pattern(40)));
  for (std::size_t i = length_bytes; i < wire.size(); ++i) {
    Bytes bad = wire;
    bad[i] ^= 1;
    Decryptor decryptor(test_key());
    Rope out;
    const Result<void> opened = decryptor.open(Buffer::copy_of(View(bad)), out);
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().code, ErrorCode::protocol);
    EXPECT_TRUE(out.empty());
  }
}

TEST(NoiseDecryptor, ErrorStays) {
  Bytes wire = flat(sealed(pattern(40)));
  const Bytes good = wire;
  wire.back() ^= 1;
  Decryptor decryptor(test_key());
  Rope out;
  EXPECT_FALSE(decryptor.open(Buffer::copy_of(View(wire)), out));
  EXPECT_FALSE(decryptor.open(Buffer::copy_of(View(good)), out)) << "the good frame comes too late";
  EXPECT_FALSE(decryptor.open(Buffer(), out));
  EXPECT_TRUE(out.empty());
}

TEST(NoiseDecryptor, GivesOutWhatWasAuthenticBefore) {
  Encryptor encryptor(test_key());
  Rope frames;
  ASSERT_TRUE(encryptor.seal(as_view("good"), frames));
  ASSERT_TRUE(encryptor.seal(as_view("bad!"), frames));
  Bytes wire = flat(frames);
  wire.back() ^= 1;
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    Decryptor decryptor(test_key());
    Rope out;
    const bool first = decryptor.open(Buffer::copy_of(View(wire).first(cut)), out).has_value();
    const bool second = decryptor.open(Buffer::copy_of(View(wire).subspan(cut)), out).has_value();
    EXPECT_FALSE(first && second);
    EXPECT_EQ(to_text(flat(out)), "good") << cut;
  }
}

TEST(NoiseDecryptor, ReplayedReorderedAndDroppedFramesAreNoticed) {
  Encryptor encryptor(test_key());
  Rope first, second;
  ASSERT_TRUE(encryptor.seal(as_view("first"), first));
  ASSERT_TRUE(encryptor.seal(as_view("second"), second));
  Rope out;
  Decryptor replayed(test_key());
  ASSERT_TRUE(replayed.open(first, out));
  EXPECT_FALSE(replayed.open(first, out));
  Decryptor dropped(test_key());
  EXPECT_FALSE(dropped.open(second, out));
}

TEST(NoiseDecryptor, FramesShorterThanATagAreRefusedAtTheirLength) {
  for (std::uint8_t size = 0; size < tag_bytes; ++size) {
    Decryptor at_once(test_key());
    Rope out;
    EXPECT_FALSE(at_once.open(Buffer::copy_of(View(Bytes{0, size})), out)) << int{size};
    Decryptor byte_by_byte(test_key());
    EXPECT_TRUE(byte_by_byte.open(Buffer::copy_of(View(Bytes{0})), out));
    EXPECT_FALSE(byte_by_byte.open(Buffer::copy_of(View(Bytes{size})), out)) << int{size};
  }
}

TEST(NoiseDecryptor, EmptyFrameIsAFrame) {
  CipherState cipher(CipherState::Direction::seal, test_key());
  Bytes wire{0, tag_bytes};
  wire.resize(frame_overhead_bytes);
  ASSERT_TRUE(cipher.seal({}, {}, wire.data() + length_bytes));
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    Decryptor decryptor(test_key());
    Rope out;
    EXPECT_TRUE(decryptor.open(Buffer::copy_of(View(wire).first(cut)), out));
    EXPECT_TRUE(decryptor.open(Buffer::copy_of(View(wire).subspan(cut)), out));
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(decryptor.frames(), 1u);
  }
}

TEST(NoiseEncryptor, ExhaustionIsAnErrorThatStays) {
  Encryptor encryptor(test_key(), std::numeric_limits<std::uint64_t>::max() - 1);
  Rope out;
  EXPECT_TRUE(encryptor.seal(as_view("last"), out));
  EXPECT_EQ(encryptor.seal(as_view("one more"), out).error().code, ErrorCode::limit);
  EXPECT_EQ(encryptor.seal(as_view("one more"), out).error().code, ErrorCode::limit);
  EXPECT_EQ(out.size(), 4 + frame_overhead_bytes);
}

TEST(NoiseEncryptor, NothingIsNoFrame) {
  Encryptor encryptor(test_key());
  Rope out;
  EXPECT_TRUE(encryptor.seal(Rope(), out));
  EXPECT_TRUE(encryptor.seal(View(), out));
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(encryptor.frames(), 0u);
}

}  // namespace
}  // namespace myelin::libp2p::noise
