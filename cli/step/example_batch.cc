#include "cli/step/example_batch.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "common/base/philox.h"
#include "common/base/status.h"
#include "common/tensor/half.h"

namespace downpour {
namespace {

// What the layers that take an input ask of it.
struct Demand {
  int64_t indices_below = std::numeric_limits<int32_t>::max();
  bool zero_or_one = false;
};

Demand DemandOn(const Graph& graph, TensorId tensor) {
  Demand demand;
  for (size_t i = 0; i < graph.layers().size(); ++i) {
    const std::span<const TensorId> inputs = graph.InputsOf(i);
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k] != tensor) continue;
      const Layer& layer = graph.layers()[i];
      if (const auto* embedding = layer.As<Embedding>()) {
        demand.indices_below = std::min(demand.indices_below, embedding->rows);
      } else if (const auto* loss = layer.As<SoftmaxCrossEntropy>()) {
        demand.indices_below = std::min(demand.indices_below, loss->classes);
      }
      demand.zero_or_one = demand.zero_or_one || (layer.As<SigmoidCrossEntropy>() != nullptr && k == 1);
    }
  }
  return demand;
}

float Convert(float value, const float*) { return value; }
double Convert(float value, const double*) { return value; }
BFloat16 Convert(float value, const BFloat16*) { return BFloat16::FromFloat(value); }

template <typename T>
void FillReal(bool zero_or_one, PhiloxStream& random, void* to, int64_t count) {
  constexpr double kWidth = 2 * 1.7320508075688772;  // of a uniform distribution with deviation 1
  T* const values = static_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) {
    const double uniform = Uniform01Double(random());
    values[i] = Convert(static_cast<float>(zero_or_one ? std::floor(2 * uniform) : kWidth * (uniform - 0.5)), values);
  }
}

void Fill(const Graph::Tensor& input, const Demand& demand, DType dtype, PhiloxStream& random, void* to,
          int64_t count) {
  if (input.type.element_type == ElementType::kIndex) {
    for (int64_t i = 0; i < count; ++i) {
      const double uniform = Uniform01Double(random());
      static_cast<int32_t*>(to)[i] = static_cast<int32_t>(uniform * static_cast<double>(demand.indices_below));
    }
  } else if (dtype == DType::kFloat64) {
    FillReal<double>(demand.zero_or_one, random, to, count);
  } else if (dtype == DType::kBFloat16) {
    FillReal<BFloat16>(demand.zero_or_one, random, to, count);
  } else {
    FillReal<float>(demand.zero_or_one, random, to, count);
  }
}

}  // namespace

absl::StatusOr<ExampleBatch> MakeExampleBatch(const Graph& graph, int64_t size, DType compute, uint64_t seed,
                                              Device* device) {
  ExampleBatch examples;
  examples.batch.size = size;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const Graph::Tensor& input = graph.inputs()[i];
    const DType dtype = input.type.element_type == ElementType::kIndex ? DType::kInt32 : compute;
    const int64_t count = size * input.type.elements;
    const size_t bytes = static_cast<size_t>(count) * DTypeSize(dtype);
    DP_ASSIGN_OR_RETURN(const Buffer staging, device->AllocateStaging(bytes, input.name));
    DP_ASSIGN_OR_RETURN(Buffer buffer, device->Allocate(bytes, input.name));
    PhiloxStream random(seed, i);
    Fill(input, DemandOn(graph, i), compute, random, staging.data(), count);
    device->CopyIn(Queue::kCompute, buffer.data(), staging.data(), bytes);
    DP_RETURN_IF_ERROR(device->Synchronize());
    examples.batch.inputs.push_back(buffer.data());
    examples.memory.push_back(std::move(buffer));
  }
  return examples;
}

}  // namespace downpour
