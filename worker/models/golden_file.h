// The values that layers and nets are compared with: testdata/layers.txt and nets.txt, whose format
// testdata/make_goldens.py states.
#ifndef DOWNPOUR_WORKER_MODELS_GOLDEN_FILE_H_
#define DOWNPOUR_WORKER_MODELS_GOLDEN_FILE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "proto/model.pb.h"
#include "worker/layers/layer.h"

namespace downpour::testing {

struct GoldenInput {
  ElementType element_type = ElementType::kReal;
  double low = 0;   // of real numbers
  double high = 0;  // of real numbers; the bound of indices
  std::vector<int64_t> dims;
};

struct GoldenParameter {
  std::string name;
  double low = 0;
  double high = 0;
  std::vector<int64_t> dims;
};

struct GoldenCase {
  std::string name;
  LayerConfig layer;  // in layers.txt; with a name, without inputs
  ModelConfig model;  // in nets.txt
  bool evaluate = false;
  int64_t batch = 0;
  std::vector<GoldenInput> inputs;
  std::vector<GoldenParameter> parameters;

  std::vector<double> output;
  std::optional<LossResult> loss;
  std::map<size_t, std::vector<double>> input_gradients;           // by input
  std::map<std::string, std::vector<double>> parameter_gradients;  // by name

  friend std::ostream& operator<<(std::ostream& out, const GoldenCase& golden) { return out << golden.name; }
};

// "layers" or "nets". A line that is not understood fails the test that calls.
std::vector<GoldenCase> ReadGoldens(const std::string& which);

// What the script computed from: the batch of input i, parameter j, and the gradient of the output.
std::vector<double> GoldenInputNumbers(const GoldenCase& golden, size_t i);
std::vector<int32_t> GoldenInputIndices(const GoldenCase& golden, size_t i);
std::vector<double> GoldenParameterNumbers(const GoldenCase& golden, size_t j);
std::vector<double> GoldenOutputGradient(const GoldenCase& golden);

// EXPECTs each of `got` within `tolerance` * (the largest magnitude of `want`, at least 0.01) of `want`, which lies
// between what adds up to nothing and what is lost in rounding. Names the first that differs.
void ExpectGolden(const std::vector<double>& got, const std::vector<double>& want, double tolerance,
                  const std::string& what);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_GOLDEN_FILE_H_
