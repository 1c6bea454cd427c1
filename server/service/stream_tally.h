#ifndef DOWNPOUR_SERVER_SERVICE_STREAM_TALLY_H_
#define DOWNPOUR_SERVER_SERVICE_STREAM_TALLY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace downpour {

// What one worker's streams have carried. Counted by the session's thread, read by any.
struct StreamTally {
  // One more than the largest of wire::Refusal::Reason; what is beyond is counted as 0.
  static constexpr size_t kReasons = 64;

  std::atomic<uint64_t> bytes_received = 0;  // payload
  std::atomic<uint64_t> bytes_sent = 0;
  std::array<std::atomic<uint64_t>, kReasons> refusals = {};

  void CountRefusal(int reason) {
    const size_t index = reason > 0 && static_cast<size_t>(reason) < kReasons ? static_cast<size_t>(reason) : 0;
    refusals[index].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_STREAM_TALLY_H_
