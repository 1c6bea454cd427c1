#include "server/service/session_fixture.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/limits.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

constexpr size_t kFingerprintBytes = 32;

wire::VersionRange OurVersions() {
  wire::VersionRange versions;
  versions.set_version(kProtocolVersion);
  versions.set_version_min(kProtocolVersionMin);
  return versions;
}

JobHost::Options Complete(JobHost::Options options, const Clock* clock) {
  options.clock = clock;
  if (options.server_incarnation == 0) options.server_incarnation = 77;
  return options;
}

}  // namespace

wire::CreateJobRequest MakeCreateJob(const JobSetup& setup) {
  wire::CreateJobRequest request;
  *request.mutable_versions() = OurVersions();
  request.set_job_fingerprint(std::string(kFingerprintBytes, setup.fingerprint));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(setup.optimizer, request.mutable_optimizer()));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(setup.policy, request.mutable_policy()));
  ShardMapProto& map = *request.mutable_shard_map();
  map.set_epoch(1);
  for (const uint32_t server : setup.servers) map.add_servers(server);
  for (size_t i = 0; i < setup.tables.size(); ++i) {
    TableProto& table = *map.add_tables();
    table.set_name(absl::StrCat("table", i));
    table.add_dimensions(setup.tables[i]);
    for (uint64_t first = 0; first < setup.tables[i]; first += setup.shard_elements) {
      ShardProto& shard = *map.add_shards();
      shard.set_table(table.name());
      shard.set_first_element(first);
      shard.set_element_count(std::min(setup.shard_elements, setup.tables[i] - first));
      shard.set_server(setup.servers.front());
    }
  }
  return request;
}

TestServer::TestServer(const JobSetup& setup, JobHost::Options options)
    : fingerprint(kFingerprintBytes, setup.fingerprint), clock(absl::Seconds(1000)), host(Complete(options, &clock)) {
  const auto created = host.CreateJob(MakeCreateJob(setup), kAnyTime);
  EXPECT_TRUE(created.ok()) << created.status();
}

uint64_t TestServer::Join(WorkerId worker, uint64_t incarnation) {
  wire::JoinRequest request;
  *request.mutable_versions() = OurVersions();
  request.set_job_fingerprint(fingerprint);
  request.set_worker(worker);
  request.set_incarnation(incarnation);
  const auto joined = host.Join(request, kAnyTime);
  return joined.ok() ? joined->incarnation() : 0;
}

absl::Status TestServer::Heartbeat(WorkerId worker, uint64_t incarnation, uint64_t clock_of_worker) {
  wire::HeartbeatRequest request;
  request.set_job_fingerprint(fingerprint);
  request.set_worker(worker);
  request.set_incarnation(incarnation);
  request.set_clock(clock_of_worker);
  return host.Heartbeat(request, kAnyTime).status();
}

void TestServer::Leave(WorkerId worker, uint64_t incarnation) {
  wire::LeaveRequest request;
  request.set_job_fingerprint(fingerprint);
  request.set_worker(worker);
  request.set_incarnation(incarnation);
  EXPECT_TRUE(host.Leave(request, kAnyTime).ok());
}

std::vector<float> TestServer::WeightsOf(ShardId shard) {
  const Snapshot snapshot = host.job()->shard(shard)->Read(/*average=*/false)->values;
  std::vector<float> values;
  for (size_t i = 0; i < snapshot.blocks.size(); ++i) {
    values.insert(values.end(), snapshot.block(i).begin(), snapshot.block(i).end());
  }
  return values;
}

TestStream::TestStream(TestServer* server, ExchangeLimits limits) : server_(server) {
  auto opened = server->host.Open({.address = "test"}, limits, this);
  EXPECT_TRUE(opened.ok()) << opened.status();
  if (opened.ok()) end_ = std::move(*opened);
}

TestStream::~TestStream() {
  if (!closed_) Cut();
}

void TestStream::Cut(const absl::Status& status) {
  closed_ = true;
  end_->Closed(status);
}

wire::ClientHello TestStream::Hello(WorkerId worker, uint64_t incarnation) const {
  wire::ClientHello hello;
  hello.set_version(kProtocolVersion);
  hello.set_version_min(kProtocolVersionMin);
  hello.set_job_fingerprint(server_->fingerprint);
  hello.set_worker(worker);
  hello.set_incarnation(incarnation);
  return hello;
}

void TestStream::SayHello(WorkerId worker, uint64_t incarnation) {
  worker_ = worker;
  incarnation_ = incarnation;
  SlicedClientMessage message;
  *message.rest.mutable_hello() = Hello(worker, incarnation);
  Send(std::move(message));
}

wire::PushPiece TestStream::Header(ShardId shard, uint64_t sequence, const std::vector<float>& gradient) const {
  wire::PushPiece header;
  header.set_shard(shard);
  header.set_epoch(1);
  header.set_worker(worker_);
  header.set_incarnation(incarnation_);
  header.set_sequence(sequence);
  header.set_clock(sequence);
  header.set_dtype(FLOAT32);
  header.set_element_count(gradient.size());
  header.set_total_bytes(gradient.size() * sizeof(float));
  return header;
}

SlicedPushPiece TestStream::Piece(const wire::PushPiece& header, const std::vector<float>& gradient, uint64_t offset,
                                  std::optional<uint64_t> bytes) const {
  SlicedPushPiece piece;
  piece.header = header;
  piece.header.set_offset(offset);
  const auto copy = std::make_shared<std::vector<float>>(gradient);
  const std::byte* const start = reinterpret_cast<const std::byte*>(copy->data());
  piece.payload.emplace_back(start + offset, bytes.value_or(gradient.size() * sizeof(float) - offset));
  piece.owner = copy;
  return piece;
}

void TestStream::Push(ShardId shard, uint64_t sequence, const std::vector<float>& gradient, size_t piece_bytes) {
  const wire::PushPiece header = Header(shard, sequence, gradient);
  for (uint64_t offset = 0; offset < header.total_bytes(); offset += piece_bytes) {
    Send(Piece(header, gradient, offset, std::min<uint64_t>(piece_bytes, header.total_bytes() - offset)));
  }
}

void TestStream::Send(SlicedPushPiece piece) {
  SlicedClientMessage message;
  message.pieces.push_back(std::move(piece));
  Send(std::move(message));
}

void TestStream::Pull(uint64_t ticket, std::vector<uint32_t> shards, uint64_t clock) {
  SlicedClientMessage message;
  wire::PullRequest& pull = *message.rest.add_pulls();
  pull.set_ticket(ticket);
  pull.set_epoch(1);
  pull.set_worker(worker_);
  pull.set_incarnation(incarnation_);
  pull.set_clock(clock);
  for (const uint32_t shard : shards) pull.add_shards(shard);
  Send(std::move(message));
}

std::optional<SlicedServerMessage> TestStream::ReadOne() {
  {
    MutexLock lock(&mutex_);
    woken_ = false;
  }
  SlicedServerMessage message;
  if (!end_->Next(&message)) return std::nullopt;
  return message;
}

std::vector<SlicedServerMessage> TestStream::ReadAll() {
  std::vector<SlicedServerMessage> messages;
  while (std::optional<SlicedServerMessage> message = ReadOne()) messages.push_back(*std::move(message));
  return messages;
}

std::vector<wire::Acknowledgement> TestStream::ReadAcknowledgements() {
  std::vector<wire::Acknowledgement> all;
  for (const SlicedServerMessage& message : ReadAll()) {
    all.insert(all.end(), message.rest.acknowledgements().begin(), message.rest.acknowledgements().end());
  }
  return all;
}

std::string TestStream::ReadFate() {
  const std::vector<wire::Acknowledgement> all = ReadAcknowledgements();
  if (all.empty()) return "";
  const wire::Acknowledgement& first = all.front();
  const std::string fate = wire::Acknowledgement::Fate_Name(first.fate());
  if (first.fate() == wire::Acknowledgement::REFUSED) {
    return absl::StrCat(fate, " ", wire::Refusal::Reason_Name(first.refusal().reason()));
  }
  return absl::StrCat(fate, " ", first.version(), first.duplicate() ? " again" : "");
}

bool TestStream::woken() const {
  MutexLock lock(&mutex_);
  return woken_;
}

std::optional<absl::Status> TestStream::finished() const {
  MutexLock lock(&mutex_);
  return finished_;
}

void TestStream::Wake() {
  MutexLock lock(&mutex_);
  woken_ = true;
}

void TestStream::Finish(absl::Status status) {
  MutexLock lock(&mutex_);
  if (!finished_.has_value()) finished_ = std::move(status);
}

std::vector<float> WeightsIn(const std::vector<SlicedServerMessage>& messages, ShardId shard) {
  std::vector<std::byte> bytes;
  for (const SlicedServerMessage& message : messages) {
    for (const SlicedWeightsPiece& piece : message.pieces) {
      if (piece.header.shard() != shard) continue;
      EXPECT_EQ(piece.header.offset(), bytes.size());
      for (const absl::Span<const std::byte> run : piece.payload) bytes.insert(bytes.end(), run.begin(), run.end());
      EXPECT_LE(bytes.size(), piece.header.total_bytes());
    }
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

}  // namespace downpour::testing
