#include "worker/models/program_fixture.h"

#include <utility>

#include "common/base/hash.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

std::vector<double> Numbers(const void* data, int64_t count) {
  const auto* const from = static_cast<const double*>(data);
  return {from, from + count};
}

}  // namespace

std::shared_ptr<const Graph> ParseGraph(const std::string& text) {
  absl::StatusOr<Graph> graph = Graph::FromText(text, "test");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? std::make_shared<const Graph>(*std::move(graph)) : nullptr;
}

Replica::Replica(std::shared_ptr<const Graph> graph, const ReferenceDeviceOptions& device_options,
                 const ProgramOptions& program_options)
    : graph_(std::move(graph)), device_(MakeReferenceDevice(device_options)) {
  ProgramOptions options = program_options;
  options.compute = DType::kFloat64;
  auto program = Program::Create(graph_, device_.get(), options);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return;
  program_ = *std::move(program);
  for (size_t p = 0; p < graph_->parameters().size(); ++p) {
    const ParameterSpec& spec = *graph_->parameters()[p].spec;
    PhiloxStream random(Hash64(spec.name));
    const bool near_one = spec.name.ends_with("/scale") || spec.name.ends_with("/variance");
    for (int64_t i = 0; i < spec.elements; ++i) {
      weights(p)[i] = (near_one ? 1 : 0) + 0.5 * (random.UniformDouble() - 0.5);
    }
  }
  program_->WeightsChanged();
}

const Batch& Replica::FillBatch(int64_t size, uint64_t seed, int64_t index_bound) {
  batch_.size = size;
  batch_.inputs.clear();
  inputs_.resize(graph_->input_count());
  for (size_t i = 0; i < graph_->input_count(); ++i) {
    const TensorType& type = graph_->inputs()[i].type;
    const auto most = static_cast<size_t>(program_->options().batch_max * type.elements);
    if (inputs_[i].data() == nullptr) {
      auto buffer = device_->Allocate(most * sizeof(double), "an input");
      EXPECT_TRUE(buffer.ok()) << buffer.status();
      inputs_[i] = *std::move(buffer);
    }
    PhiloxStream random(seed, i);
    for (int64_t k = 0; k < size * type.elements; ++k) {
      if (type.element_type == ElementType::kIndex) {
        inputs_[i].As<int32_t>()[k] = static_cast<int32_t>(random.UniformInt(static_cast<uint64_t>(index_bound)));
      } else {
        inputs_[i].As<double>()[k] = 2 * random.UniformDouble() - 1;
      }
    }
    batch_.inputs.push_back(inputs_[i].data());
  }
  return batch_;
}

StepTrace Replica::Train(uint64_t step, const Program::GradientCallback& on_gradient) {
  StepTrace trace;
  const absl::Status status = program_->Train(batch_, step, on_gradient);
  EXPECT_TRUE(status.ok()) << status;
  const absl::StatusOr<StepResult> result = program_->Result();
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return trace;
  trace.losses = result->losses;
  for (size_t i = 0; i < graph_->outputs().size(); ++i) {
    const TensorType& type = graph_->tensors()[graph_->outputs()[i]].type;
    trace.outputs.push_back(Numbers(program_->output(i), batch_.size * type.elements));
  }
  for (size_t p = 0; p < graph_->parameters().size(); ++p) {
    trace.gradients.push_back(Numbers(program_->gradient(p), graph_->parameters()[p].spec->elements));
  }
  for (size_t i = 0; i < graph_->input_count(); ++i) {
    if (const void* gradient = program_->input_gradient(i); gradient != nullptr) {
      trace.input_gradients.push_back(Numbers(gradient, batch_.size * graph_->inputs()[i].type.elements));
    }
  }
  return trace;
}

double Replica::Loss(uint64_t step) {
  EXPECT_TRUE(program_->Train(batch_, step).ok());
  const absl::StatusOr<StepResult> result = program_->Result();
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->loss : 0;
}

}  // namespace downpour::testing
