#ifndef DOWNPOUR_KERNELS_UPDATE_BENCH_CASES_H_
#define DOWNPOUR_KERNELS_UPDATE_BENCH_CASES_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "common/base/interleaved.h"
#include "kernels/interface.h"

namespace downpour {

// Elements of one block of a table in the store: one Kernels::Update call each.
inline constexpr size_t kBenchBlockElements = 64 * 1024;

struct UpdateBenchOptions {
  size_t elements = 25'000'000;  // of the table: far more than any cache holds
  int rounds = 9;
  // Called with each line as soon as it is known; may be empty.
  std::function<void(const BenchLine&)> on_line;
};

// What an update costs beside what memory costs, on the calling thread; about 20 bytes of memory for each element.
//   update/<optimizer>/<elements>         beside a bare loop that reads and writes the same streams in place
//   update_slices/<optimizer>/<elements>  gradient in slices of 1 MiB cut at odd bytes, beside the contiguous one
//   all_finite/<elements>                 the check of a push, beside a bare loop that reads as much
// Values are in 1e9 elements per second.
std::vector<BenchLine> RunUpdateBench(const Kernels& kernels, const UpdateBenchOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_UPDATE_BENCH_CASES_H_
