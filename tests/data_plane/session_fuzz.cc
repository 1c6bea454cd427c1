// Any bytes as what two workers send to a real server with real shards: nothing they say ends it, breaks a promise to
// the other, or keeps it from serving who behaves.
//
// An input is a row of records: one byte that says what happens (see Act), two that say how long the rest is, and the
// rest, for a message in the protobuf encoding.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/limits.h"
#include "google/protobuf/text_format.h"
#include "server/service/job_host.h"

namespace downpour {
namespace {

constexpr uint64_t kElements = 6;
constexpr uint32_t kShards = 3;
constexpr WorkerId kWorkers = 2;
constexpr absl::Duration kAnyTime = absl::Seconds(1);

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

std::string Fingerprint() { return std::string(32, 'f'); }

template <typename Message>
void SetVersions(Message* message) {
  message->mutable_versions()->set_version(kProtocolVersion);
  message->mutable_versions()->set_version_min(kProtocolVersionMin);
}

wire::CreateJobRequest MakeJob(const char* policy) {
  wire::CreateJobRequest request;
  SetVersions(&request);
  request.set_job_fingerprint(Fingerprint());
  request.mutable_optimizer()->mutable_sgd()->set_learning_rate(1);
  Require(google::protobuf::TextFormat::ParseFromString(policy, request.mutable_policy()), "the policy's text");
  ShardMapProto& map = *request.mutable_shard_map();
  map.set_epoch(2);
  map.add_servers(0);
  TableProto& table = *map.add_tables();
  table.set_name("t");
  table.add_dimensions(kShards * kElements);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    ShardProto& placed = *map.add_shards();
    placed.set_table("t");
    placed.set_first_element(shard * kElements);
    placed.set_element_count(kElements);
  }
  return request;
}

// What the network is to a session.
class Stream final : public ExchangeLink {
 public:
  Stream(JobHost* host, std::map<ShardId, uint64_t>* applied) : applied_(applied) {
    auto end = host->Open({.address = "fuzz"}, ExchangeLimits{.piece_bytes = 8, .coalesced_bytes = 16}, this);
    if (end.ok()) end_ = *std::move(end);
  }
  ~Stream() {
    if (end_ != nullptr) end_->Closed(finished_.value_or(absl::UnavailableError("cut")));
  }

  void Receive(std::string_view bytes) {
    if (end_ == nullptr || finished_.has_value()) return;
    absl::StatusOr<SlicedClientMessage> message = DecodeClientMessage({grpc::Slice(bytes.data(), bytes.size())});
    if (message.ok()) end_->Receive(*std::move(message));
  }

  void ReceiveLast() {
    if (end_ != nullptr && !finished_.has_value()) end_->ReceivedLast();
  }

  // Everything that the server has to say; each message must be one that can be sent.
  void ReadAll() {
    if (end_ == nullptr) return;
    SlicedServerMessage message;
    for (int count = 0; end_->Next(&message); ++count) {
      Require(count < 100'000, "a session always has more to say");
      Require(EncodeServerMessage(message).ok(), "a session's message is beyond the limits");
      for (const wire::Acknowledgement& answer : message.rest.acknowledgements()) {
        if (answer.fate() == wire::Acknowledgement::APPLIED && !answer.duplicate()) ++(*applied_)[answer.shard()];
      }
      message = SlicedServerMessage();
    }
  }

  void Wake() override {}
  void Finish(absl::Status status) override {
    if (!finished_.has_value()) finished_ = std::move(status);
  }

 private:
  std::map<ShardId, uint64_t>* const applied_;
  std::optional<absl::Status> finished_;
  std::unique_ptr<ServerEnd> end_;
};

class World {
 public:
  explicit World(const char* policy) : host_(Options(&clock_)) {
    Require(host_.CreateJob(MakeJob(policy), kAnyTime).ok(), "the job is made");
    for (WorkerId worker = 0; worker < kWorkers; ++worker) {
      Join(worker);
      Reopen(worker);
    }
  }

  uint64_t Join(WorkerId worker) {
    wire::JoinRequest request;
    SetVersions(&request);
    request.set_job_fingerprint(Fingerprint());
    request.set_worker(worker);
    const auto joined = host_.Join(request, kAnyTime);
    return joined.ok() ? joined->incarnation() : 0;
  }

  void Reopen(WorkerId worker) {
    streams_[worker].reset();
    streams_[worker].emplace(&host_, &applied_);
  }

  // One record: the low bit of `act` is the worker.
  void Do(uint8_t act, std::string_view rest) {
    const WorkerId worker = act % kWorkers;
    Stream& stream = *streams_[worker];
    switch (act / kWorkers % 8) {
      case 0:
      case 1:
      case 2:
        return stream.Receive(rest);
      case 3:
        return stream.ReadAll();
      case 4:
        return Reopen(worker);
      case 5:
        stream.ReceiveLast();
        return stream.ReadAll();
      case 6:
        Join(worker);
        return;
      case 7:
        for (size_t second = 0; second < std::min<size_t>(rest.size(), 64); ++second) {
          clock_.Advance(absl::Seconds(1));
          host_.Sweep();
        }
        return;
    }
  }

  void CheckPromises(bool one_update_each) {
    for (auto& stream : streams_) stream->ReadAll();
    for (const auto& [shard, count] : applied_) {
      Require(shard < kShards, "a push to a shard that there is not was applied");
      const auto read = host_.job()->shard(shard)->Read(/*average=*/false);
      Require(read.ok(), "a shard can be read");
      Require(!one_update_each || count <= read->version,
              "more pushes were acknowledged as applied than there were updates");
    }
  }

  // A worker that behaves is served whatever has happened.
  void CheckServes() {
    const uint64_t incarnation = Join(7);
    Require(incarnation > 0, "a good worker may join");
    std::map<ShardId, uint64_t> applied;
    Stream stream(&host_, &applied);
    SlicedClientMessage message;
    wire::ClientHello& hello = *message.rest.mutable_hello();
    hello.set_version(kProtocolVersion);
    hello.set_version_min(kProtocolVersionMin);
    hello.set_job_fingerprint(Fingerprint());
    hello.set_worker(7);
    hello.set_incarnation(incarnation);
    static constexpr float kGradient[kElements] = {};
    SlicedPushPiece& piece = message.pieces.emplace_back();
    piece.header.set_epoch(2);
    piece.header.set_worker(7);
    piece.header.set_incarnation(incarnation);
    piece.header.set_sequence(1);
    piece.header.set_clock(1u << 30);
    piece.header.set_dtype(FLOAT32);
    piece.header.set_element_count(kElements);
    piece.header.set_total_bytes(sizeof(kGradient));
    piece.payload.emplace_back(reinterpret_cast<const std::byte*>(kGradient), sizeof(kGradient));
    const auto slices = EncodeClientMessage(message);
    Require(slices.ok(), "a good message is encoded");
    std::string bytes;
    for (const grpc::Slice& slice : *slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    stream.Receive(bytes);
    stream.ReadAll();
    Require(applied[0] == 1, "a good worker's push is applied");
  }

 private:
  static JobHost::Options Options(const Clock* clock) {
    JobHost::Options options;
    options.server_incarnation = 77;
    options.memory_max = size_t{1} << 20;
    options.clock = clock;
    return options;
  }

  ManualClock clock_{absl::Seconds(1000)};
  JobHost host_;
  std::map<ShardId, uint64_t> applied_;  // acknowledged as such for the first time
  std::optional<Stream> streams_[kWorkers];
};

}  // namespace
}  // namespace downpour

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  downpour::SetMinLogSeverity(downpour::LogSeverity::kError);
  static constexpr const char* kPolicies[] = {"async {}", "bounded_staleness { bound: 1 }", "sync { required: 2 }"};
  if (size == 0) return 0;
  const uint8_t policy = data[0] % 3;
  downpour::World world(kPolicies[policy]);
  for (size_t at = 1; at + 3 <= size;) {
    const size_t length = std::min<size_t>(data[at + 1] | data[at + 2] << 8, size - at - 3);
    world.Do(data[at], std::string_view(reinterpret_cast<const char*>(data) + at + 3, length));
    at += 3 + length;
  }
  world.CheckPromises(/*one_update_each=*/policy < 2);
  // The other policies would have it wait for workers that are in no hurry.
  if (policy == 0) world.CheckServes();
  return 0;
}
