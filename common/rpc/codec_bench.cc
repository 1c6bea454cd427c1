// What the codec costs: a large piece beside a memcpy of it, and small pieces by the number.
//   bazel run -c opt //common/rpc:codec_bench
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/rpc/data_plane_decoder.h"
#include "common/rpc/data_plane_encoder.h"
#include "common/rpc/limits.h"
#include "grpcpp/support/slice.h"

namespace downpour {
namespace {

using Payload = std::shared_ptr<const std::string>;

Payload MakePayload(size_t bytes) { return std::make_shared<const std::string>(bytes, 'p'); }

void AddPush(const Payload& payload, uint32_t shard, SlicedClientMessage* message) {
  SlicedPushPiece& piece = message->pieces.emplace_back();
  piece.header.set_shard(shard);
  piece.header.set_epoch(1);
  piece.header.set_worker(3);
  piece.header.set_incarnation(1'795'238'316);
  piece.header.set_sequence(12'345);
  piece.header.set_clock(12'345);
  piece.header.set_version_pulled(98'765);
  piece.header.set_dtype(FLOAT32);
  piece.header.set_element_count(payload->size() / 4);
  piece.header.set_total_bytes(payload->size());
  piece.payload.emplace_back(reinterpret_cast<const std::byte*>(payload->data()), payload->size());
  piece.owner = payload;
}

// As many pieces of a size as share a message.
SlicedClientMessage MakeMessage(size_t payload_bytes) {
  SlicedClientMessage message;
  const Payload payload = MakePayload(payload_bytes);
  size_t bytes = 0;
  do {
    AddPush(payload, message.pieces.size(), &message);
    bytes += EncodedSize(message.pieces.back());
  } while (bytes + EncodedSize(message.pieces.back()) <= kCoalescedBytes && message.pieces.size() < kEntriesMax);
  return message;
}

std::vector<grpc::Slice> Encode(const SlicedClientMessage& message) { return *EncodeClientMessage(message); }

void Report(const SlicedClientMessage& message, size_t payload_bytes, benchmark::State& state) {
  const double pieces = static_cast<double>(state.iterations()) * static_cast<double>(message.pieces.size());
  state.counters["pieces/s"] = benchmark::Counter(pieces, benchmark::Counter::kIsRate);
  state.SetBytesProcessed(static_cast<int64_t>(pieces * static_cast<double>(payload_bytes)));
}

void BM_Encode(benchmark::State& state) {
  const SlicedClientMessage message = MakeMessage(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Encode(message));
  Report(message, state.range(0), state);
}

// Of slices as they come from gRPC, of 8 KiB.
void BM_Decode(benchmark::State& state) {
  const SlicedClientMessage message = MakeMessage(state.range(0));
  std::string bytes;
  for (const grpc::Slice& slice : Encode(message)) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += 8192) {
    slices.emplace_back(bytes.data() + at, std::min<size_t>(8192, bytes.size() - at));
  }
  for (auto _ : state) {
    auto decoded = DecodeClientMessage(slices);
    if (!decoded.ok()) state.SkipWithError("cannot be decoded");
    benchmark::DoNotOptimize(decoded);
  }
  Report(message, state.range(0), state);
}

void BM_EncodeAndDecode(benchmark::State& state) {
  const SlicedClientMessage message = MakeMessage(state.range(0));
  for (auto _ : state) {
    auto decoded = DecodeClientMessage(Encode(message));
    if (!decoded.ok()) state.SkipWithError("cannot be decoded");
    benchmark::DoNotOptimize(decoded);
  }
  Report(message, state.range(0), state);
}

// What a codec that goes through protobuf's strings copies at least, on each side.
void BM_Memcpy(benchmark::State& state) {
  const SlicedClientMessage message = MakeMessage(state.range(0));
  std::vector<std::byte> copy(state.range(0) * message.pieces.size());
  for (auto _ : state) {
    std::byte* at = copy.data();
    for (const SlicedPushPiece& piece : message.pieces) {
      std::memcpy(at, piece.payload[0].data(), piece.payload[0].size());
      at += piece.payload[0].size();
    }
    benchmark::ClobberMemory();
  }
  Report(message, state.range(0), state);
}

void Sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t size : {64, 256, 1024, 1028, 4096, 65536, 1 << 20}) bench->Arg(size);
}

BENCHMARK(BM_Memcpy)->Apply(Sizes);
BENCHMARK(BM_Encode)->Apply(Sizes);
BENCHMARK(BM_Decode)->Apply(Sizes);
BENCHMARK(BM_EncodeAndDecode)->Apply(Sizes);

}  // namespace
}  // namespace downpour

BENCHMARK_MAIN();
