// Programs on the reference device with weights and inputs that follow from their names: for tests.
#ifndef DOWNPOUR_WORKER_MODELS_PROGRAM_FIXTURE_H_
#define DOWNPOUR_WORKER_MODELS_PROGRAM_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/device/reference/reference_device.h"
#include "worker/models/program.h"

namespace downpour::testing {

std::shared_ptr<const Graph> ParseGraph(const std::string& text);

// What a step leaves behind, as doubles.
struct StepTrace {
  std::vector<LossResult> losses;
  std::vector<std::vector<double>> outputs, gradients, input_gradients;
};

// A program in float64.
class Replica {
 public:
  Replica(std::shared_ptr<const Graph> graph, const ReferenceDeviceOptions& device_options,
          const ProgramOptions& program_options);

  Program& program() { return *program_; }
  Device& device() { return *device_; }
  double* weights(size_t parameter) { return static_cast<double*>(program_->weights(parameter)); }

  // Inputs of so many examples, a pure function of `seed`; indices in [0, index_bound).
  const Batch& FillBatch(int64_t size, uint64_t seed, int64_t index_bound = 1);
  const Batch& batch() const { return batch_; }
  void* input(size_t i) { return inputs_[i].data(); }

  StepTrace Train(uint64_t step, const Program::GradientCallback& on_gradient = nullptr);
  double Loss(uint64_t step);  // in training, the sum of all

 private:
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<Device> device_;
  std::vector<Buffer> inputs_;
  std::unique_ptr<Program> program_;
  Batch batch_;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_PROGRAM_FIXTURE_H_
