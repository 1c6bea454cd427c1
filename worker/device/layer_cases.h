// Every layer with every option, small: what gradient checks and the conformance of devices go through.
#ifndef DOWNPOUR_WORKER_DEVICE_LAYER_CASES_H_
#define DOWNPOUR_WORKER_DEVICE_LAYER_CASES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/models/graph.h"

namespace downpour::testing {

struct LayerCase {
  std::string name;         // letters and digits
  std::string model;        // proto/model.proto: a layer, or a chain of them
  int64_t index_bound = 1;  // indices among the inputs are below
  bool ties = false;        // inputs with many equal numbers: not for finite differences
};

std::vector<LayerCase> LayerCases();

// Chains that a device may fuse.
std::vector<LayerCase> ChainCases();

std::shared_ptr<const Graph> GraphOf(const LayerCase& layer_case);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DEVICE_LAYER_CASES_H_
