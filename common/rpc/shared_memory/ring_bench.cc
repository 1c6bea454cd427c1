// The ring alone, between two processes: what a push (copy in, apply where it lies) and a pull (copy in, copy out)
// could reach at most, beside a memcpy of the same tensor on one core. References travel as small messages on a Unix
// socket.
//   bazel run -c opt //common/rpc/shared_memory:ring_bench [-- --rounds=7 --slot_kib=1024 --slots=8]
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "common/base/interleaved.h"
#include "common/rpc/shared_memory/ring.h"

namespace downpour {
namespace {

enum class Use : uint32_t { kApply, kCopy, kStop };

struct Reference {
  Use use = Use::kStop;
  uint32_t slot = 0;
  uint64_t generation = 0;
  uint64_t offset = 0;  // in the tensor
};

constexpr size_t kTensorBytesMax = size_t{100} << 20;

float* Tensor() {
  void* memory =
      mmap(nullptr, kTensorBytesMax, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return static_cast<float*>(memory);
}

// The server's kernels are not ours to use here; this is as fast as them.
#if defined(__clang__)
#define DP_VECTORIZED
#else
#define DP_VECTORIZED __attribute__((target_clones("avx2", "default"), optimize("O3")))
#endif
DP_VECTORIZED void Apply(float* weights, const float* gradient, size_t count) {
  for (size_t i = 0; i < count; ++i) weights[i] -= 0.1f * gradient[i];
}

// The other process: until it is told to stop.
void Serve(int socket, const std::shared_ptr<Segment>& segment) {
  RingReader reader(segment, Direction::kToServer);
  float* const tensor = Tensor();
  Reference reference;
  while (recv(socket, &reference, sizeof(reference), 0) == sizeof(reference) && reference.use != Use::kStop) {
    const auto slot = reader.Open(reference.slot, reference.generation);
    if (!slot.ok()) _exit(1);
    char* const at = reinterpret_cast<char*>(tensor) + reference.offset;
    if (reference.use == Use::kApply) {
      Apply(reinterpret_cast<float*>(at), reinterpret_cast<const float*>(slot->bytes.data()), slot->bytes.size() / 4);
    } else {
      std::memcpy(at, slot->bytes.data(), slot->bytes.size());
    }
    if (send(socket, &reference.offset, sizeof(reference.offset), 0) < 0) _exit(1);
  }
}

void Send(int socket, RingWriter* writer, Use use, const float* tensor, size_t bytes) {
  size_t open = 0;
  for (size_t offset = 0; offset < bytes || open > 0;) {
    if (offset < bytes) {
      if (const auto slot = writer->Begin()) {
        const size_t count = std::min(slot->memory.size(), bytes - offset);
        const std::byte* from = reinterpret_cast<const std::byte*>(tensor) + offset;
        // Not past the caches: the other core fetches what is new from ours faster than from memory (non-temporal
        // stores took half as long again).
        std::memcpy(slot->memory.data(), from, count);
        writer->Commit(*slot, count);
        const Reference reference = {use, slot->index, slot->generation, offset};
        if (send(socket, &reference, sizeof(reference), 0) < 0) std::exit(1);
        offset += count;
        ++open;
        continue;
      }
    }
    uint64_t done = 0;
    if (recv(socket, &done, sizeof(done), 0) != sizeof(done)) std::exit(1);
    --open;
  }
}

int Main(int argc, char** argv) {
  int rounds = 7;
  SegmentShape shape = {8, 1 << 20};
  for (int i = 1; i < argc; ++i) {
    unsigned value = 0;
    if (std::sscanf(argv[i], "--rounds=%u", &value) == 1) rounds = static_cast<int>(value);
    if (std::sscanf(argv[i], "--slots=%u", &value) == 1) shape.slot_count = value;
    if (std::sscanf(argv[i], "--slot_kib=%u", &value) == 1) shape.slot_bytes = value << 10;
  }
  const auto made = Segment::Create(shape);
  int sockets[2];
  if (!made.ok() || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    close(sockets[1]);
    Serve(sockets[0], made->segment);
    _exit(0);
  }
  close(sockets[0]);
  const int socket = sockets[1];
  RingWriter writer(made->segment, Direction::kToServer);
  float* const from = Tensor();
  float* const to = Tensor();
  std::memset(from, 0, kTensorBytesMax);
  std::memset(to, 0, kTensorBytesMax);

  std::vector<BenchLine> lines;
  for (const size_t mib : {size_t{1}, size_t{16}, size_t{100}}) {
    const size_t bytes = mib << 20;
    const int repeats = static_cast<int>(200 / mib);
    const auto repeated = [repeats](auto work) {
      return [repeats, work] {
        for (int i = 0; i < repeats; ++i) work();
      };
    };
    const std::vector<Timing> timings = RunInterleaved(
        {
            {"memcpy", repeated([=] { std::memcpy(to, from, bytes); })},
            {"apply", repeated([=] { Apply(to, from, bytes / 4); })},
            {"push/ring", repeated([=, &writer] { Send(socket, &writer, Use::kApply, from, bytes); })},
            {"pull/ring", repeated([=, &writer] { Send(socket, &writer, Use::kCopy, from, bytes); })},
        },
        rounds);
    const double gigabytes = static_cast<double>(bytes) * repeats / 1e9;
    for (const Timing& timing : timings) {
      lines.push_back({"ring", timing.name + "/" + std::to_string(mib) + "MiB/1", "throughput",
                       gigabytes / timing.seconds, "GB/s", "memcpy", gigabytes / timings[0].seconds, timing.ratio,
                       rounds});
    }
  }
  std::fputs(ToTable(lines).c_str(), stdout);
  const Reference stop;
  (void)send(socket, &stop, sizeof(stop), 0);
  waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) { return downpour::Main(argc, argv); }
