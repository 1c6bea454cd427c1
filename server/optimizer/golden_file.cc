#include "server/optimizer/golden_file.h"

#include <fstream>
#include <sstream>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

constexpr char kPath[] = "server/optimizer/testdata/goldens.txt";

// SplitMix64.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

double Unit(uint64_t x) { return static_cast<double>(Mix(x) >> 44) / (1 << 20); }

std::vector<double> RestOf(std::istream& line) {
  std::vector<double> values;
  for (double value; line >> value;) values.push_back(value);
  return values;
}

template <typename Message>
void ParseRestOf(std::istream& line, Message* message) {
  std::string text;
  std::getline(line, text);
  if (!google::protobuf::TextFormat::ParseFromString(text, message)) ADD_FAILURE() << "cannot parse: " << text;
}

void ReadOptimizerLine(const std::string& key, std::istream& line, OptimizerGolden* golden) {
  int step = 0;
  if (key == "config") {
    ParseRestOf(line, &golden->config);
  } else if (key == "gradient") {
    line >> golden->gradient_scale >> golden->period;
  } else if (key == "pulled_lag") {
    line >> golden->pulled_lag;
  } else if (key == "zero_weights") {
    golden->zero_weights = true;
  } else if (key == "weight") {
    line >> step;
    golden->weights[step] = RestOf(line);
  } else if (key == "average") {
    line >> step;
    golden->averages[step] = RestOf(line);
  } else {
    ADD_FAILURE() << golden->name << ": unknown line: " << key;
  }
}

void ReadScheduleLine(const std::string& key, std::istream& line, ScheduleGolden* golden) {
  if (key == "config") {
    ParseRestOf(line, &golden->config);
  } else if (key == "base") {
    line >> golden->base_rate;
  } else if (key == "rate") {
    uint64_t step = 0;
    line >> step;
    for (const double rate : RestOf(line)) golden->rates[step++] = rate;
  } else {
    ADD_FAILURE() << golden->name << ": unknown line: " << key;
  }
}

}  // namespace

Goldens ReadGoldens() {
  std::ifstream file(kPath);
  if (!file) ADD_FAILURE() << "cannot open " << kPath;
  Goldens goldens;
  bool in_schedule = false;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string key;
    line >> key;
    if (key == "#") continue;
    if (key == "case") {
      in_schedule = false;
      line >> goldens.optimizers.emplace_back().name;
    } else if (key == "schedule") {
      in_schedule = true;
      line >> goldens.schedules.emplace_back().name;
    } else if (in_schedule) {
      ReadScheduleLine(key, line, &goldens.schedules.back());
    } else {
      ReadOptimizerLine(key, line, &goldens.optimizers.back());
    }
  }
  return goldens;
}

std::vector<float> InitialWeights(const OptimizerGolden& golden) {
  std::vector<float> weights(kGoldenCount);
  for (int i = 0; i < kGoldenCount && !golden.zero_weights; ++i) {
    weights[i] = static_cast<float>((1 + Unit(i)) * (i % 2 == 1 ? -1 : 1));
  }
  return weights;
}

std::vector<float> Gradients(const OptimizerGolden& golden, int step) {
  std::vector<float> gradients(kGoldenCount);
  for (int i = 0; i < kGoldenCount; ++i) {
    if (i % golden.period == golden.period - 1) continue;
    const double power = static_cast<double>(1 << (i % 4)) / 4;
    const double size = golden.gradient_scale * power * (Unit(1000 + step * kGoldenCount + i) - 0.25);
    gradients[i] = static_cast<float>(i % 2 == 1 ? size : -size);
  }
  return gradients;
}

}  // namespace downpour::testing
