// Encoder and decoder of both messages against protobuf. What a hostile peer may send is in codec_hostile_test.cc.
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/codec_reference.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/limits.h"
#include "gmock/gmock.h"
#include "grpcpp/support/byte_buffer.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using testing::CutAt;
using ::testing::HasSubstr;
using testing::Join;
using testing::ToPlain;
using testing::ToSliced;

constexpr int kRandomMessages = 2000;

absl::Span<const std::byte> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A push of one piece.
SlicedClientMessage OnePush(const std::string& payload) {
  wire::ClientMessage message;
  message.add_pushes()->set_sequence(7);
  message.mutable_pushes(0)->set_payload(payload);
  return ToSliced(std::move(message));
}

TEST(CodecTest, WritesClientMessagesAsProtobufDoes) {
  PhiloxStream random(1, 0);
  for (int i = 0; i < kRandomMessages; ++i) {
    const wire::ClientMessage message = testing::RandomClientMessage(&random);
    const auto slices = EncodeClientMessage(ToSliced(message));
    ASSERT_TRUE(slices.ok()) << slices.status();
    ASSERT_EQ(Join(*slices), message.SerializeAsString()) << message.DebugString();
  }
}

TEST(CodecTest, WritesServerMessagesAsProtobufDoes) {
  PhiloxStream random(2, 0);
  for (int i = 0; i < kRandomMessages; ++i) {
    const wire::ServerMessage message = testing::RandomServerMessage(&random);
    const auto slices = EncodeServerMessage(ToSliced(message));
    ASSERT_TRUE(slices.ok()) << slices.status();
    ASSERT_EQ(Join(*slices), message.SerializeAsString()) << message.DebugString();
  }
}

TEST(CodecTest, ReadsWhatItWrote) {
  PhiloxStream random(3, 0);
  for (int i = 0; i < kRandomMessages; ++i) {
    const wire::ClientMessage pushes = testing::RandomClientMessage(&random);
    const auto client = DecodeClientMessage(*EncodeClientMessage(ToSliced(pushes)));
    ASSERT_TRUE(client.ok()) << client.status();
    ASSERT_EQ(ToPlain(*client).SerializeAsString(), pushes.SerializeAsString());
    const wire::ServerMessage weights = testing::RandomServerMessage(&random);
    const auto server = DecodeServerMessage(*EncodeServerMessage(ToSliced(weights)));
    ASSERT_TRUE(server.ok()) << server.status();
    ASSERT_EQ(ToPlain(*server).SerializeAsString(), weights.SerializeAsString());
  }
}

TEST(CodecTest, ReadsSlicesThatAreCutAnywhere) {
  PhiloxStream random(4, 0);
  for (int i = 0; i < 50; ++i) {
    wire::ClientMessage message = testing::RandomClientMessage(&random);
    for (auto& push : *message.mutable_pushes()) push.set_payload(push.payload().substr(0, 20));
    const std::string bytes = message.SerializeAsString();
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      ASSERT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, {cut})), "") << cut << message.DebugString();
      ASSERT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, {cut / 2, cut / 2, cut})), "") << cut;
    }
    std::vector<size_t> everywhere(bytes.size());
    std::iota(everywhere.begin(), everywhere.end(), 0);
    ASSERT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, everywhere)), "") << message.DebugString();
  }
}

TEST(CodecTest, ReadsNoBytesAsAnEmptyMessage) {
  for (const auto& slices : {std::vector<grpc::Slice>{}, CutAt("", {}), CutAt("", {0, 0})}) {
    const auto message = DecodeServerMessage(slices);
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(ToPlain(*message).ByteSizeLong(), 0u);
  }
  EXPECT_EQ(Join(*EncodeServerMessage({})), "");
}

TEST(CodecTest, ReadsFieldsInAnyOrderAndTheLastOfSeveral) {
  wire::PushPiece first, second;
  first.set_payload("left behind");
  second.set_shard(3);
  second.set_payload("counts");
  second.set_clock(9);
  const std::string piece =
      first.SerializeAsString() + second.SerializeAsString() + wire::PushPiece().SerializeAsString();
  wire::PushPiece third;
  third.set_shard(4);
  const std::string body = piece + third.SerializeAsString();
  wire::ClientMessage pull;
  pull.add_pulls()->set_ticket(5);
  const std::string push = std::string("\x7a") + static_cast<char>(body.size()) + body;
  const std::string bytes = push + pull.SerializeAsString() + push + pull.SerializeAsString();

  EXPECT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, {})), "");
  const auto message = DecodeClientMessage(CutAt(bytes, {}));
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_EQ(message->pieces.size(), 2u);
  EXPECT_EQ(message->pieces[0].header.shard(), 4u);
  EXPECT_EQ(message->pieces[0].header.clock(), 9u);
  EXPECT_EQ(ToPlain(*message).pushes(0).payload(), "counts");
  EXPECT_EQ(message->rest.pulls_size(), 2);
}

TEST(CodecTest, SkipsUnknownFieldsOfEveryWireType) {
  // Field 100 as a varint, 64 bits, bytes, a group with the same in it, and 32 bits.
  const std::string unknown("\xa0\x06\xff\x01\xa1\x06.8bytes.\xa2\x06\x03xyz\xa3\x06\xa0\x06\x01\xa4\x06\xa5\x06.32.",
                            33);
  wire::PushPiece piece;
  piece.set_shard(6);
  piece.set_payload("payload");
  const std::string body = unknown + piece.SerializeAsString() + unknown;
  const std::string bytes = unknown + "\x7a" + static_cast<char>(body.size()) + body + unknown;
  ASSERT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, {})), "");
  const auto message = DecodeClientMessage(CutAt(bytes, {}));
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->pieces.at(0).header.shard(), 6u);
  EXPECT_EQ(ByteCount(message->pieces[0].payload), 7u);
}

TEST(CodecTest, TakesAPayloadOfTheWrongWireTypeForAnUnknownField) {
  // Pieces (15) as a varint; in a real piece, payload (2047) as a varint.
  const std::string bytes("\x78\x05\x7a\x03\xf8\x7f\x05", 7);
  EXPECT_EQ(testing::ComplaintOfClientMessage(CutAt(bytes, {})), "");
  const auto message = DecodeClientMessage(CutAt(bytes, {}));
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_EQ(message->pieces.size(), 1u);
  EXPECT_TRUE(message->pieces[0].payload.empty());
}

TEST(CodecTest, RefersToLargePayloadsAndCopiesSmallOnes) {
  const std::string large(kCopiedPayloadBytesMax + 1, 'x');
  SlicedClientMessage message = OnePush("");
  message.pieces[0].payload = {AsBytes(large)};
  const auto slices = EncodeClientMessage(message);
  ASSERT_TRUE(slices.ok()) << slices.status();
  ASSERT_EQ(slices->size(), 2u);
  EXPECT_EQ(static_cast<const void*>((*slices)[1].begin()), large.data());
  EXPECT_EQ((*slices)[1].size(), large.size());

  message.pieces[0].payload = {AsBytes(large).subspan(1)};
  EXPECT_EQ(EncodeClientMessage(message)->size(), 1u);
}

TEST(CodecTest, WritesAPayloadOfSeveralRuns) {
  const std::string large(kCopiedPayloadBytesMax, 'x');
  for (const std::string& second : {std::string("yz"), large}) {
    SlicedClientMessage message = OnePush("");
    message.pieces[0].payload = {AsBytes(large), absl::Span<const std::byte>(), AsBytes(second), AsBytes(large)};
    wire::ClientMessage expected = message.rest;
    *expected.add_pushes() = message.pieces[0].header;
    expected.mutable_pushes(0)->set_payload(large + second + large);
    const auto slices = EncodeClientMessage(message);
    ASSERT_TRUE(slices.ok()) << slices.status();
    EXPECT_EQ(Join(*slices), expected.SerializeAsString());
    EXPECT_EQ(slices->size(), 4u);
  }
}

TEST(CodecTest, LetsGoOfAnOwnerOnceAfterTheLastSlice) {
  for (const size_t size : {size_t{1}, kCopiedPayloadBytesMax, size_t{1} << 20}) {
    int released = 0;
    SlicedClientMessage message = OnePush("");
    auto payload = std::make_unique<std::string>(size, 'p');
    message.pieces[0].payload = {AsBytes(*payload).first(size / 2), AsBytes(*payload).subspan(size / 2)};
    message.pieces[0].owner = std::shared_ptr<const void>(payload.release(), [&released](const void* string) {
      delete static_cast<const std::string*>(string);
      ++released;
    });
    auto slices = EncodeClientMessage(message);
    ASSERT_TRUE(slices.ok()) << slices.status();
    message.pieces.clear();
    EXPECT_EQ(released, size <= kCopiedPayloadBytesMax ? 1 : 0);

    auto buffer = std::make_unique<grpc::ByteBuffer>(slices->data(), slices->size());
    slices->clear();
    auto decoded = DecodeClientMessage(*buffer);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    buffer.reset();
    EXPECT_EQ(ToPlain(*decoded).pushes(0).payload(), std::string(size, 'p'));
    std::shared_ptr<const void> last = decoded->pieces[0].owner;
    decoded->pieces.clear();
    EXPECT_EQ(released, size <= kCopiedPayloadBytesMax ? 1 : 0);
    last.reset();
    EXPECT_EQ(released, 1);
  }
}

TEST(CodecTest, GivesPayloadsWhereTheyWereReceived) {
  const std::string bytes = Join(*EncodeClientMessage(OnePush(std::string(100'000, 'x'))));
  const std::vector<grpc::Slice> slices = CutAt(bytes, {50'000});
  const auto message = DecodeClientMessage(slices);
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_EQ(message->pieces[0].payload.size(), 2u);
  EXPECT_EQ(static_cast<const void*>(message->pieces[0].payload[1].data()), slices[1].begin());
}

TEST(CodecTest, AnEncodedSizeIsWhatAPieceAddsToAMessage) {
  PhiloxStream random(5, 0);
  for (int i = 0; i < 200; ++i) {
    const SlicedClientMessage client = ToSliced(testing::RandomClientMessage(&random));
    size_t bytes = client.rest.ByteSizeLong();
    for (const SlicedPushPiece& piece : client.pieces) bytes += EncodedSize(piece);
    ASSERT_EQ(bytes, Join(*EncodeClientMessage(client)).size());
    const SlicedServerMessage server = ToSliced(testing::RandomServerMessage(&random));
    bytes = server.rest.ByteSizeLong();
    for (const SlicedWeightsPiece& piece : server.pieces) bytes += EncodedSize(piece);
    ASSERT_EQ(bytes, Join(*EncodeServerMessage(server)).size());
  }
}

TEST(CodecTest, RefusesToWriteWhatNobodyWouldRead) {
  auto message_of = [](const SlicedClientMessage& message) {
    return std::string(EncodeClientMessage(message).status().message());
  };
  EXPECT_THAT(message_of(OnePush(std::string(kMessageBytesMax, 'x'))), HasSubstr("the limits are 4194304"));

  SlicedClientMessage payload_in_header = OnePush("x");
  payload_in_header.pieces[0].header.set_payload("y");
  EXPECT_THAT(message_of(payload_in_header), HasSubstr("belongs beside it"));

  SlicedClientMessage pieces_in_rest = OnePush("x");
  pieces_in_rest.rest.add_pushes();
  EXPECT_THAT(message_of(pieces_in_rest), HasSubstr("belong beside it"));

  SlicedServerMessage too_much_beside;
  for (size_t bytes = 0; bytes <= kOverheadBytesMax; bytes += 1000) {
    too_much_beside.rest.add_pull_refusals()->mutable_refusal()->set_message(std::string(1000, 'x'));
  }
  EXPECT_THAT(EncodeServerMessage(too_much_beside).status().message(), HasSubstr("not payload"));
}

}  // namespace
}  // namespace downpour
