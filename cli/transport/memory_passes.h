#ifndef DOWNPOUR_CLI_TRANSPORT_MEMORY_PASSES_H_
#define DOWNPOUR_CLI_TRANSPORT_MEMORY_PASSES_H_

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "cli/transport/huge_array.h"

namespace downpour {

// What one core does to tensors without any transport, on the calling thread: the limits of everything that moves them.
class MemoryPasses {
 public:
  // Two arrays of so many bytes.
  static absl::StatusOr<MemoryPasses> Make(size_t bytes);

  // Bytes per second of whole passes for about so long: memcpy from one array to the other, or SGD on the one with the
  // other as gradient.
  double Copy(double seconds);
  double Apply(double seconds);

 private:
  MemoryPasses(HugeArray from, HugeArray to) : from_(std::move(from)), to_(std::move(to)) {}

  HugeArray from_;
  HugeArray to_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_MEMORY_PASSES_H_
