// Both ends of an exchange in one process, with the bytes between them really encoded and decoded.
#include "common/rpc/shared_memory/channels.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const std::string> Filled(size_t bytes, int seed) {
  auto text = std::make_shared<std::string>(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) (*text)[i] = static_cast<char>(seed + i * 31 + (i >> 12));
  return text;
}

// A message with payloads of these sizes, each filled by its place.
template <typename Message>
Message MakeMessage(const std::vector<size_t>& sizes) {
  Message message;
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto& piece = message.pieces.emplace_back();
    piece.header.set_shard(i);
    piece.header.set_total_bytes(sizes[i]);
    if (sizes[i] == 0) continue;
    const auto text = Filled(sizes[i], static_cast<int>(i));
    const auto* bytes = reinterpret_cast<const std::byte*>(text->data());
    // In two runs.
    piece.payload.emplace_back(bytes, sizes[i] / 3);
    piece.payload.emplace_back(bytes + sizes[i] / 3, sizes[i] - sizes[i] / 3);
    piece.owner = text;
  }
  return message;
}

template <typename Message>
void ExpectPayloads(const Message& message, const std::vector<size_t>& sizes) {
  ASSERT_EQ(message.pieces.size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    std::string bytes;
    for (const auto run : message.pieces[i].payload) {
      bytes.append(reinterpret_cast<const char*>(run.data()), run.size());
    }
    EXPECT_EQ(bytes.size(), sizes[i]) << i;
    EXPECT_TRUE(bytes == *Filled(sizes[i], static_cast<int>(i))) << i;
    EXPECT_FALSE(message.pieces[i].header.has_shared_payload());
    EXPECT_EQ(message.pieces[i].header.shard(), i);
  }
}

// What a message has on the wire.
template <typename Message>
size_t InlineBytes(const Message& message) {
  size_t bytes = 0;
  for (const auto& piece : message.pieces) bytes += ByteCount(piece.payload);
  return bytes;
}

SlicedClientMessage OverTheWire(const SlicedClientMessage& message) {
  auto slices = EncodeClientMessage(message);
  EXPECT_TRUE(slices.ok()) << slices.status();
  auto decoded = DecodeClientMessage(*std::move(slices));
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return *std::move(decoded);
}

SlicedServerMessage OverTheWire(const SlicedServerMessage& message) {
  auto slices = EncodeServerMessage(message);
  EXPECT_TRUE(slices.ok()) << slices.status();
  auto decoded = DecodeServerMessage(*std::move(slices));
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return *std::move(decoded);
}

class ChannelsTest : public ::testing::Test {
 protected:
  explicit ChannelsTest(const SharedMemoryServerOptions& options = {}) { Start(options); }

  void Start(const SharedMemoryServerOptions& options) {
    server_.reset();
    auto started = SharedMemoryServerChannels::Start(options);
    ASSERT_TRUE(started.ok()) << started.status();
    servers_ = *std::move(started);
    Connect(&clients_);
  }

  void Connect(SharedMemoryClientChannels* clients) {
    client_ = clients->Open(nullptr);
    server_ = *servers_->Accept({});
  }

  // Sends a message all the way; says how many bytes of it were on the wire.
  absl::StatusOr<SlicedClientMessage> ToServer(SlicedClientMessage message, size_t* inline_bytes = nullptr) {
    EXPECT_TRUE(client_->Detach(&message).ok());
    if (inline_bytes != nullptr) *inline_bytes = InlineBytes(message);
    SlicedClientMessage received = OverTheWire(message);
    const absl::Status status = server_->Attach(&received);
    if (!status.ok()) return status;
    return received;
  }
  absl::StatusOr<SlicedServerMessage> ToClient(SlicedServerMessage message, size_t* inline_bytes = nullptr) {
    EXPECT_TRUE(server_->Detach(&message).ok());
    if (inline_bytes != nullptr) *inline_bytes = InlineBytes(message);
    SlicedServerMessage received = OverTheWire(message);
    const absl::Status status = client_->Attach(&received);
    if (!status.ok()) return status;
    return received;
  }

  void SayHello() {
    SlicedClientMessage hello;
    hello.rest.mutable_hello()->set_worker(3);
    EXPECT_EQ(ToServer(hello)->rest.hello().worker(), 3u);
    SlicedServerMessage answer;
    answer.rest.mutable_hello()->set_epoch(4);
    const auto answered = ToClient(answer);
    ASSERT_TRUE(answered.ok()) << answered.status();
    EXPECT_EQ(answered->rest.hello().epoch(), 4u);
    EXPECT_FALSE(answered->rest.hello().has_shared_memory()) << "that is for the carrier only";
  }

  // Until the server has heard that the client has mapped the memory, which may take a moment.
  void WaitForServerToWrite() {
    for (int i = 0; i < 10'000; ++i) {
      size_t inline_bytes = 0;
      ASSERT_TRUE(ToClient(MakeMessage<SlicedServerMessage>({100'000}), &inline_bytes).ok());
      if (inline_bytes == 0) return;
      absl::SleepFor(absl::Milliseconds(1));
    }
    FAIL() << "the server has not begun to use the memory";
  }

  // The listener's thread may still be at an offer.
  void WaitForMemoryToBeGivenBack() {
    for (int i = 0; i < 10'000 && servers_->bytes_in_use() > 0; ++i) absl::SleepFor(absl::Milliseconds(1));
    EXPECT_EQ(servers_->bytes_in_use(), 0u);
  }

  std::unique_ptr<SharedMemoryServerChannels> servers_;
  SharedMemoryClientChannels clients_;
  std::unique_ptr<ClientPayloadChannel> client_;
  std::unique_ptr<ServerPayloadChannel> server_;
};

TEST_F(ChannelsTest, MovesPayloadsBesideTheStreamBothWays) {
  SayHello();
  const std::vector<size_t> sizes = {1 << 20};
  size_t inline_bytes = 1;
  const auto pushed = ToServer(MakeMessage<SlicedClientMessage>(sizes), &inline_bytes);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  ExpectPayloads(*pushed, sizes);
  EXPECT_EQ(inline_bytes, 0u);

  WaitForServerToWrite();
  const auto pulled = ToClient(MakeMessage<SlicedServerMessage>(sizes), &inline_bytes);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  ExpectPayloads(*pulled, sizes);
  EXPECT_EQ(inline_bytes, 0u);
}

TEST_F(ChannelsTest, PutsSmallPiecesOfAMessageIntoOneSlotAndTinyOnesNowhere) {
  SayHello();
  const std::vector<size_t> sizes = {4096, 4096, 0, 10, 300, 70'000, 1, 255, 256};
  size_t inline_bytes = 0;
  const auto pushed = ToServer(MakeMessage<SlicedClientMessage>(sizes), &inline_bytes);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  ExpectPayloads(*pushed, sizes);
  EXPECT_EQ(inline_bytes, 10u + 1 + 255);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pushed->pieces[5].payload[0].data()) % 64, 0u);
}

TEST_F(ChannelsTest, LeavesSmallMessagesOnTheStream) {
  SayHello();
  size_t inline_bytes = 0;
  ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({4096, 4096}), &inline_bytes).ok());
  EXPECT_EQ(inline_bytes, 8192u);
}

TEST_F(ChannelsTest, SpreadsAMessageOverSlotsAndLeavesWhatNoSlotTakes) {
  SayHello();
  const std::vector<size_t> sizes = {700'000, 700'000, (1 << 20) + 1, 800'000};
  size_t inline_bytes = 0;
  const auto pushed = ToServer(MakeMessage<SlicedClientMessage>(sizes), &inline_bytes);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  ExpectPayloads(*pushed, sizes);
  EXPECT_EQ(inline_bytes, (1u << 20) + 1);
}

TEST_F(ChannelsTest, FallsBackToTheStreamWhileAllSlotsAreTakenAndComesBack) {
  SayHello();
  const std::vector<size_t> sizes = {50'000};
  std::vector<SlicedClientMessage> held;
  for (int round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < kSharedMemoryShape.slot_count; ++i) {
      size_t inline_bytes = 1;
      held.push_back(*ToServer(MakeMessage<SlicedClientMessage>(sizes), &inline_bytes));
      EXPECT_EQ(inline_bytes, 0u) << i;
    }
    for (int i = 0; i < 5; ++i) {
      size_t inline_bytes = 0;
      held.push_back(*ToServer(MakeMessage<SlicedClientMessage>(sizes), &inline_bytes));
      EXPECT_EQ(inline_bytes, sizes[0]);
    }
    for (const SlicedClientMessage& message : held) ExpectPayloads(message, sizes);
    held.clear();
  }
}

TEST_F(ChannelsTest, LetsPayloadsOutliveTheStream) {
  SayHello();
  auto pushed = *ToServer(MakeMessage<SlicedClientMessage>({100'000}));
  client_.reset();
  server_.reset();
  EXPECT_GT(servers_->bytes_in_use(), 0u);
  ExpectPayloads(pushed, {100'000});
  pushed.pieces.clear();
  WaitForMemoryToBeGivenBack();
  servers_.reset();
}

TEST_F(ChannelsTest, StaysPlainWithAClientOfAnotherMachine) {
  for (const char* identity : {"", "another machine!"}) {
    SharedMemoryClientChannels elsewhere(identity);
    Connect(&elsewhere);
    SayHello();
    size_t inline_bytes = 0;
    ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({100'000}), &inline_bytes).ok());
    EXPECT_EQ(inline_bytes, 100'000u);
    EXPECT_EQ(servers_->bytes_in_use(), 0u);
  }
}

TEST_F(ChannelsTest, WidensTheWindowToTheRingWithItsOfferOnly) {
  const auto window = [this] {
    SlicedClientMessage hello;
    hello.rest.mutable_hello()->set_worker(3);
    EXPECT_TRUE(ToServer(hello).ok());
    SlicedServerMessage answer;
    answer.rest.mutable_hello()->set_bytes_in_flight_max(2 << 20);
    return ToClient(answer)->rest.hello().bytes_in_flight_max();
  };
  EXPECT_EQ(window(), 4u << 20);
  SharedMemoryClientChannels elsewhere("another machine!");
  Connect(&elsewhere);
  EXPECT_EQ(window(), 2u << 20);
}

TEST_F(ChannelsTest, StaysPlainPastTheLimitOfMemory) {
  Start({.shape = kSharedMemoryShape, .bytes_max = SegmentBytes(kSharedMemoryShape) + 1});
  SayHello();
  auto first_client = std::move(client_);
  auto first_server = std::move(server_);
  size_t inline_bytes = 0;
  Connect(&clients_);
  SayHello();
  ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({100'000}), &inline_bytes).ok());
  EXPECT_EQ(inline_bytes, 100'000u) << "the first stream has all the memory";

  first_client.reset();
  first_server.reset();
  WaitForMemoryToBeGivenBack();
  Connect(&clients_);
  SayHello();
  ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({100'000}), &inline_bytes).ok());
  EXPECT_EQ(inline_bytes, 0u);
}

TEST_F(ChannelsTest, StaysPlainWhereTheOfferIsNoGood) {
  SlicedServerMessage answer;
  answer.rest.mutable_hello()->mutable_shared_memory()->set_socket_name("nobody listens here");
  answer.rest.mutable_hello()->mutable_shared_memory()->set_nonce(std::string(16, 'n'));
  EXPECT_TRUE(client_->Attach(&answer).ok());
  EXPECT_FALSE(answer.rest.hello().has_shared_memory());
  size_t inline_bytes = 0;
  ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({100'000}), &inline_bytes).ok());
  EXPECT_EQ(inline_bytes, 100'000u);
}

// ---- Peers that lie

class HostileChannelsTest : public ChannelsTest {
 protected:
  HostileChannelsTest() { SayHello(); }

  // What a client really sends, for changing something in it.
  SlicedClientMessage Detached(const std::vector<size_t>& sizes) {
    auto message = MakeMessage<SlicedClientMessage>(sizes);
    EXPECT_TRUE(client_->Detach(&message).ok());
    return message;
  }
  static wire::SharedPayload* ReferenceOf(SlicedClientMessage* message, size_t piece = 0) {
    return message->pieces[piece].header.mutable_shared_payload();
  }
  void ExpectRefused(SlicedClientMessage message, const char* why) {
    const absl::Status status = server_->Attach(&message);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(status.message(), HasSubstr(why));
  }
};

TEST_F(HostileChannelsTest, RefusesReferencesOutOfBounds) {
  const auto sound = Detached({100'000, 50'000});
  const auto refuse = [&](auto change, const char* why) {
    SlicedClientMessage changed = sound;
    change(ReferenceOf(&changed, 1));
    ExpectRefused(std::move(changed), why);
    // Opened once already, by the first piece.
    Connect(&clients_);
    SayHello();
    (void)Detached({100'000, 50'000});
  };
  refuse([](auto* reference) { reference->set_length(50'000 + 1000); }, "are in use");
  refuse([](auto* reference) { reference->set_length(0); }, "are in use");
  refuse([](auto* reference) { reference->set_length(~0u); }, "are in use");
  refuse([](auto* reference) { reference->set_offset(~0u); }, "are in use");
  refuse([](auto* reference) { reference->set_offset(200'000); }, "are in use");
  refuse([](auto* reference) { reference->set_slot(12); }, "which has 4");
  refuse([](auto* reference) { reference->set_slot(1); }, "where generation 0 is");
  refuse([](auto* reference) { reference->set_generation(2); }, "where another is being read");
}

TEST_F(HostileChannelsTest, RefusesAReferenceSaidTwice) {
  const auto sound = Detached({100'000});
  auto first = sound;
  ASSERT_TRUE(server_->Attach(&first).ok());
  ExpectRefused(sound, "where another is being read");
  first.pieces.clear();
  ExpectRefused(sound, "generation 1, where generation 1 is");
}

TEST_F(HostileChannelsTest, RefusesTwoPayloadsForOnePiece) {
  auto message = Detached({100'000});
  message.pieces[0].payload = MakeMessage<SlicedClientMessage>({10}).pieces[0].payload;
  ExpectRefused(std::move(message), "another payload");
}

TEST_F(HostileChannelsTest, RefusesReferencesWhereThereIsNoMemory) {
  const auto sound = Detached({100'000});
  Connect(&clients_);
  ExpectRefused(sound, "no shared memory");

  SlicedServerMessage weights;
  weights.pieces.emplace_back().header.mutable_shared_payload()->set_length(1);
  EXPECT_EQ(client_->Attach(&weights).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HostileChannelsTest, TakesNoSecondOffer) {
  SlicedServerMessage again;
  again.rest.mutable_hello()->mutable_shared_memory()->set_socket_name("elsewhere");
  EXPECT_TRUE(client_->Attach(&again).ok());
  size_t inline_bytes = 1;
  ASSERT_TRUE(ToServer(MakeMessage<SlicedClientMessage>({100'000}), &inline_bytes).ok());
  EXPECT_EQ(inline_bytes, 0u) << "the first still holds";
}

TEST_F(ChannelsTest, WorksBothWaysAtOnce) {
  SayHello();
  const std::vector<size_t> sizes = {200'000, 3000};
  std::thread pulling([&] {
    for (int i = 0; i < 300; ++i) {
      const auto pulled = ToClient(MakeMessage<SlicedServerMessage>(sizes));
      ASSERT_TRUE(pulled.ok()) << pulled.status();
      ExpectPayloads(*pulled, sizes);
    }
  });
  for (int i = 0; i < 300; ++i) {
    const auto pushed = ToServer(MakeMessage<SlicedClientMessage>(sizes));
    ASSERT_TRUE(pushed.ok()) << pushed.status();
    ExpectPayloads(*pushed, sizes);
  }
  pulling.join();
}

}  // namespace
}  // namespace downpour
