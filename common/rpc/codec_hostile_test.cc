// What a broken or hostile peer may send: the answer is protobuf's, or an error that says what is wrong.
#include <malloc.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/codec_reference.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using testing::ComplaintOfClientMessage;
using testing::ComplaintOfServerMessage;
using testing::CutAt;
using ::testing::HasSubstr;

std::string SmallClientMessage() {
  wire::ClientMessage message;
  message.mutable_hello()->set_version(1);
  message.mutable_hello()->set_job_fingerprint("finger");
  wire::PullRequest* pull = message.add_pulls();
  pull->set_ticket(300);
  pull->add_shards(1);
  pull->add_shards(200);
  for (const char* payload : {"12345678", "", "ab"}) {
    wire::PushPiece* push = message.add_pushes();
    push->set_shard(2);
    push->set_incarnation(uint64_t{1} << 63);
    push->set_dtype(FLOAT32);
    push->set_table_gradient_norm(0.5);
    push->set_payload(payload);
  }
  return message.SerializeAsString();
}

std::string SmallServerMessage() {
  wire::ServerMessage message;
  message.mutable_hello()->set_server_incarnation(77);
  wire::Acknowledgement* acknowledgement = message.add_acknowledgements();
  acknowledgement->set_sequence(128);
  acknowledgement->set_fate(wire::Acknowledgement::REFUSED);
  acknowledgement->mutable_refusal()->set_message("no");
  wire::WeightsPiece* weights = message.add_weights();
  weights->set_version(3);
  weights->set_payload("weights");
  return message.SerializeAsString();
}

std::string StatusOfClient(std::string_view bytes) { return DecodeClientMessage(CutAt(bytes, {})).status().ToString(); }

// A field 15 around these bytes.
std::string AsPiece(const std::string& body) { return std::string("\x7a") + static_cast<char>(body.size()) + body; }

std::string Repeated(int count, std::string_view text) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

TEST(CodecHostileTest, AgreesWithProtobufOnEveryTruncation) {
  const std::string client = SmallClientMessage();
  for (size_t size = 0; size <= client.size(); ++size) {
    ASSERT_EQ(ComplaintOfClientMessage(CutAt(client.substr(0, size), {})), "") << size;
    ASSERT_EQ(ComplaintOfClientMessage(CutAt(client.substr(0, size), {size / 2})), "") << size;
  }
  const std::string server = SmallServerMessage();
  for (size_t size = 0; size <= server.size(); ++size) {
    ASSERT_EQ(ComplaintOfServerMessage(CutAt(server.substr(0, size), {})), "") << size;
  }
}

TEST(CodecHostileTest, RefusesEveryTruncationOfAPiece) {
  const std::string piece = AsPiece(SmallClientMessage().substr(0, 100));
  for (size_t size = 1; size < piece.size(); ++size) {
    ASSERT_THAT(StatusOfClient(piece.substr(0, size)), AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("end within")));
  }
}

TEST(CodecHostileTest, AgreesWithProtobufOnEveryFlippedBit) {
  std::string client = SmallClientMessage();
  for (size_t bit = 0; bit < 8 * client.size(); ++bit) {
    client[bit / 8] ^= 1 << bit % 8;
    ASSERT_EQ(ComplaintOfClientMessage(CutAt(client, {bit / 8})), "") << bit;
    client[bit / 8] ^= 1 << bit % 8;
  }
  std::string server = SmallServerMessage();
  for (size_t bit = 0; bit < 8 * server.size(); ++bit) {
    server[bit / 8] ^= 1 << bit % 8;
    ASSERT_EQ(ComplaintOfServerMessage(CutAt(server, {bit / 8})), "") << bit;
    server[bit / 8] ^= 1 << bit % 8;
  }
}

TEST(CodecHostileTest, AgreesWithProtobufOnEveryByteChanged) {
  std::string client = SmallClientMessage();
  for (char& byte : client) {
    const char was = byte;
    for (int value = 0; value < 256; ++value) {
      byte = static_cast<char>(value);
      ASSERT_EQ(ComplaintOfClientMessage(CutAt(client, {})), "") << (&byte - client.data()) << " " << value;
    }
    byte = was;
  }
}

TEST(CodecHostileTest, NamesWhatIsWrongAndWhere) {
  using namespace std::string_view_literals;
  EXPECT_THAT(StatusOfClient("\x7a\x05shor"sv),
              AllOf(HasSubstr("This is not a client message: at byte 2"), HasSubstr("a length is larger")));
  EXPECT_THAT(StatusOfClient("\x7a\xff\xff\xff\xff\x0f"sv), HasSubstr("a length is larger"));
  EXPECT_THAT(StatusOfClient("\x7a\xff\xff\xff\xff\xff\x0f"sv), HasSubstr("too many bytes"));
  EXPECT_THAT(StatusOfClient("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv), HasSubstr("too many bytes"));
  EXPECT_THAT(StatusOfClient("\x80\x80\x80\x80\x80\x00"sv), HasSubstr("too many bytes"));
  EXPECT_THAT(StatusOfClient("\x02\x00"sv), HasSubstr("the number 0"));
  EXPECT_THAT(StatusOfClient("\x0e\x00"sv), HasSubstr("a wire type that does not exist"));
  EXPECT_THAT(StatusOfClient("\x0c"sv), HasSubstr("a group ends that did not begin"));
  EXPECT_THAT(StatusOfClient("\x0b\x14"sv), HasSubstr("a group ends that did not begin"));
  EXPECT_THAT(StatusOfClient("\x0a\x02\x08\x80"sv), HasSubstr("beside the pieces"));
  EXPECT_THAT(StatusOfClient(AsPiece("\xfa\x7f\x05pay")), HasSubstr("at byte 5"));
}

TEST(CodecHostileTest, AcceptsVarintsThatArePaddedAsFarAsProtobufDoes) {
  for (int padding = 0; padding < 12; ++padding) {
    std::string tag = "\x7a", length = "\x02", value = "\x08\x05";
    for (std::string* varint : {&tag, &length, &value}) {
      const std::string was = *varint;
      varint->back() |= '\x80';
      if (padding > 0) *varint += std::string(padding - 1, '\x80') + '\0';
      if (padding == 0) *varint = was;
      if (varint == &value) length[0] = static_cast<char>(value.size());
      ASSERT_EQ(ComplaintOfClientMessage(CutAt(tag + length + value, {})), "") << padding;
      *varint = was;
      length = "\x02";
    }
  }
}

TEST(CodecHostileTest, NestsGroupsAsDeepAsProtobufDoesAndNoDeeper) {
  for (int depth = 95; depth <= 105; ++depth) {
    const std::string groups = Repeated(depth, "\x1b") + Repeated(depth, "\x1c");  // of field 3
    ASSERT_EQ(ComplaintOfClientMessage(CutAt(groups, {})), "") << depth;
    std::string piece = "\x7a";
    piece += static_cast<char>(groups.size() | 0x80);
    piece += static_cast<char>(groups.size() >> 7);
    ASSERT_EQ(ComplaintOfClientMessage(CutAt(piece + groups, {})), "") << depth;
  }
  EXPECT_THAT(StatusOfClient(Repeated(100'000, "\x1b")), HasSubstr("nested too deep"));
}

TEST(CodecHostileTest, RefusesAMessageOfMoreThanTheLimit) {
  std::string bytes = "\x7a" + std::string("\xfb\xff\xff\x01") + "\xfa\x7f" + std::string("\xf5\xff\xff\x01");
  bytes.resize(kMessageBytesMax, 'x');
  const auto at_limit = DecodeClientMessage(CutAt(bytes, {}));
  ASSERT_TRUE(at_limit.ok()) << at_limit.status();
  EXPECT_EQ(ByteCount(at_limit->pieces.at(0).payload), kMessageBytesMax - 11);
  bytes += 'x';
  EXPECT_THAT(StatusOfClient(bytes), AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("the limit is 4194304")));
}

TEST(CodecHostileTest, RefusesMoreEntriesThanTheLimit) {
  const std::string_view empty_piece("\x7a\x00", 2);
  EXPECT_TRUE(DecodeClientMessage(CutAt(Repeated(kEntriesMax, empty_piece), {})).ok());
  EXPECT_THAT(StatusOfClient(Repeated(kEntriesMax + 1, empty_piece)),
              AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("8192 entries")));
  EXPECT_THAT(StatusOfClient(Repeated(kEntriesMax + 1, std::string_view("\x12\x00", 2))), HasSubstr("8192 entries"));
}

TEST(CodecHostileTest, RefusesMoreBytesBesidePayloadsThanTheLimit) {
  wire::ClientMessage beside;
  beside.mutable_hello()->set_job_fingerprint(std::string(kOverheadBytesMax - 8, 'x'));
  ASSERT_EQ(beside.ByteSizeLong(), kOverheadBytesMax);
  EXPECT_TRUE(DecodeClientMessage(CutAt(beside.SerializeAsString(), {})).ok());
  beside.mutable_hello()->set_version(1);
  EXPECT_THAT(StatusOfClient(beside.SerializeAsString()), HasSubstr("not payload"));

  // In a piece too: its clock, over and over.
  wire::ClientMessage piece;
  piece.add_pushes()
      ->GetReflection()
      ->MutableUnknownFields(piece.mutable_pushes(0))
      ->AddLengthDelimited(100, std::string(kOverheadBytesMax, 'x'));
  EXPECT_THAT(StatusOfClient(piece.SerializeAsString()), HasSubstr("not payload"));
}

TEST(CodecHostileTest, HoldsLittleMemoryWhateverIsSent) {
  constexpr std::string_view kEmptyGroup = "\x1b\x1c", kEmptyBytes("\x1a\x00", 2), kNumber("\x18\x00", 2);
  for (const std::string_view field : {kEmptyGroup, kEmptyBytes, kNumber}) {
    // In one piece, as far as the limit goes.
    const std::string fields = Repeated((kOverheadBytesMax - 8) / 2, field);
    wire::ClientMessage message;
    message.add_pushes()->ParseFromString(fields);
    const std::string bytes = message.SerializeAsString();
    message.Clear();
    // Nothing is counted where a sanitizer has an allocator of its own.
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const auto decoded = DecodeClientMessage(CutAt(bytes, {}));
    const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_LE(after - before, bytes.size() + 64 * kOverheadBytesMax);
  }
}

TEST(CodecHostileTest, RefusesStringsThatAreNotUtf8AsProtobufDoes) {
  wire::ServerMessage message;
  message.add_pull_refusals()->mutable_refusal()->set_message("text");
  std::string bytes = message.SerializeAsString();
  ASSERT_EQ(ComplaintOfServerMessage(CutAt(bytes, {})), "");
  EXPECT_TRUE(DecodeServerMessage(CutAt(bytes, {})).ok());
  bytes.back() = '\xff';
  ASSERT_EQ(ComplaintOfServerMessage(CutAt(bytes, {})), "");
}

TEST(CodecHostileTest, AgreesWithProtobufOnNoise) {
  PhiloxStream random(9, 0);
  for (int i = 0; i < 20'000; ++i) {
    // Some structure gets noise past the first bytes.
    std::string bytes = random() % 2 == 0 ? SmallClientMessage() : SmallServerMessage();
    for (uint64_t changes = random() % 6; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      if (random() % 2 == 0) bytes[at] = static_cast<char>(random());
      if (random() % 4 == 0) bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 20));
      if (random() % 4 == 0) bytes.erase(at, random() % 4);
      if (bytes.empty()) bytes = "\x7a";
    }
    ASSERT_EQ(ComplaintOfClientMessage(testing::CutByContent(bytes)), "") << i;
    ASSERT_EQ(ComplaintOfServerMessage(testing::CutByContent(bytes)), "") << i;
  }
}

}  // namespace
}  // namespace downpour
