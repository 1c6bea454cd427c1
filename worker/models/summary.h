// What a model is, in numbers: for people and scripts.
#ifndef DOWNPOUR_WORKER_MODELS_SUMMARY_H_
#define DOWNPOUR_WORKER_MODELS_SUMMARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "worker/models/graph.h"

namespace downpour {

struct LayerSummary {
  std::string name;
  std::string kind;
  Shape output;              // of one example
  int64_t parameters = 0;    // elements, those of states included
  double forward_flops = 0;  // of one example
  int64_t output_bytes = 0;  // of one example in float32; 0 for what takes no memory of its own
};

struct ModelSummary {
  std::string name;
  std::vector<LayerSummary> layers;
  int64_t parameters = 0;
  int64_t trained_parameters = 0;  // without running statistics
  double forward_flops = 0;        // of one example
  double step_flops = 0;           // of one example: forward and backward
  int64_t batch = 0;
  // Of a training step in float32, with a device that fuses nothing: values and gradients between layers, reusing
  // memory or not, and weights with their gradients.
  int64_t tensor_bytes = 0;
  int64_t tensor_bytes_without_reuse = 0;
  int64_t parameter_bytes = 0;
};

// Requires batch >= 1 and at most 2^20.
ModelSummary Summarize(const Graph& graph, int64_t batch);

std::string SummaryText(const ModelSummary& summary);  // a table
std::string SummaryJson(const ModelSummary& summary);  // one object on a line

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_SUMMARY_H_
