#ifndef DOWNPOUR_CLI_BENCH_H_
#define DOWNPOUR_CLI_BENCH_H_

#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/base/interleaved.h"

// The parts of `downpour bench`, one file each.

namespace downpour {

class Bench {
 public:
  virtual ~Bench() = default;

  // Adds the part's own flags to its command. `this` outlives it.
  virtual CLI::App* Register(CLI::App& bench) = 0;

  // Measures, and calls `on_line` with each line as soon as it is known. Returns a heading for the table of them all.
  virtual absl::StatusOr<std::string> Run(const std::function<void(const BenchLine&)>& on_line) = 0;
};

std::unique_ptr<Bench> MakeStoreBench();
std::unique_ptr<Bench> MakeTransportBench();
std::unique_ptr<Bench> MakeStepBench();

}  // namespace downpour

#endif  // DOWNPOUR_CLI_BENCH_H_
