// The values that the optimizers are compared with: testdata/goldens.txt, whose format testdata/make_goldens.py states.
#ifndef DOWNPOUR_SERVER_OPTIMIZER_GOLDEN_FILE_H_
#define DOWNPOUR_SERVER_OPTIMIZER_GOLDEN_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/optimizer.pb.h"

namespace downpour::testing {

inline constexpr int kGoldenCount = 37;  // elements
inline constexpr int kGoldenSteps = 50;

struct OptimizerGolden {
  std::string name;
  OptimizerConfig config;
  double gradient_scale = 0;
  int period = 0;
  int pulled_lag = 0;
  bool zero_weights = false;
  std::map<int, std::vector<double>> weights;   // by the number of updates
  std::map<int, std::vector<double>> averages;  // likewise
};

struct ScheduleGolden {
  std::string name;
  ScheduleConfig config;
  double base_rate = 0;
  std::map<uint64_t, double> rates;  // by step
};

struct Goldens {
  std::vector<OptimizerGolden> optimizers;
  std::vector<ScheduleGolden> schedules;
};

// Reads the file; a line that it does not understand fails the test that calls.
Goldens ReadGoldens();

// What make_goldens.py starts from, and the gradients of update `step` (from 0).
std::vector<float> InitialWeights(const OptimizerGolden& golden);
std::vector<float> Gradients(const OptimizerGolden& golden, int step);

}  // namespace downpour::testing

#endif  // DOWNPOUR_SERVER_OPTIMIZER_GOLDEN_FILE_H_
