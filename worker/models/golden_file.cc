#include "worker/models/golden_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

constexpr uint64_t kOutputGradientStream = 99;
constexpr uint64_t kParameterStream = 100;

// SplitMix64.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

double Unit(uint64_t stream, uint64_t k) { return static_cast<double>(Mix((stream << 32) + k) >> 44) / (1 << 20); }

std::vector<double> Numbers(uint64_t stream, double low, double high, int64_t count) {
  std::vector<double> numbers;
  for (int64_t k = 0; k < count; ++k) numbers.push_back(low + (high - low) * Unit(stream, static_cast<uint64_t>(k)));
  return numbers;
}

int64_t Product(const std::vector<int64_t>& dims) {
  int64_t product = 1;
  for (const int64_t dim : dims) product *= dim;
  return product;
}

template <typename T>
std::vector<T> RestOf(std::istream& line) {
  std::vector<T> values;
  for (T value; line >> value;) values.push_back(value);
  EXPECT_TRUE(line.eof()) << "not a number";
  return values;
}

template <typename Message>
void ParseRestOf(std::istream& line, Message* message) {
  std::string text;
  std::getline(line, text);
  if (!google::protobuf::TextFormat::ParseFromString(text, message)) ADD_FAILURE() << "cannot parse: " << text;
}

GoldenInput ReadInput(std::istream& line) {
  GoldenInput input;
  std::string type;
  line >> type;
  if (type == "index") {
    input.element_type = ElementType::kIndex;
    line >> input.high;
  } else {
    EXPECT_EQ(type, "real");
    line >> input.low >> input.high;
  }
  input.dims = RestOf<int64_t>(line);
  return input;
}

void ReadLine(const std::string& key, std::istream& line, GoldenCase* golden) {
  if (key == "layer") {
    ParseRestOf(line, &golden->layer);
    golden->layer.set_name(golden->name);
  } else if (key == "model") {
    ParseRestOf(line, &golden->model);
  } else if (key == "mode") {
    std::string mode;
    line >> mode;
    EXPECT_EQ(mode, "evaluate");
    golden->evaluate = true;
  } else if (key == "batch") {
    line >> golden->batch;
  } else if (key == "input") {
    golden->inputs.push_back(ReadInput(line));
  } else if (key == "parameter") {
    GoldenParameter parameter;
    line >> parameter.name >> parameter.low >> parameter.high;
    parameter.dims = RestOf<int64_t>(line);
    golden->parameters.push_back(parameter);
  } else if (key == "output") {
    golden->output = RestOf<double>(line);
  } else if (key == "loss") {
    LossResult loss;
    line >> loss.loss >> loss.correct;
    golden->loss = loss;
  } else if (key == "input_gradient") {
    size_t input = 0;
    line >> input;
    golden->input_gradients[input] = RestOf<double>(line);
  } else if (key == "parameter_gradient") {
    std::string name;
    line >> name;
    golden->parameter_gradients[name] = RestOf<double>(line);
  } else {
    ADD_FAILURE() << golden->name << ": unknown line: " << key;
  }
}

}  // namespace

std::vector<GoldenCase> ReadGoldens(const std::string& which) {
  const std::string path = "worker/models/testdata/" + which + ".txt";
  std::ifstream file(path);
  if (!file) ADD_FAILURE() << "cannot open " << path;
  std::vector<GoldenCase> goldens;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string key;
    if (!(line >> key) || key == "#") continue;
    if (key == "case") {
      line >> goldens.emplace_back().name;
    } else if (goldens.empty()) {
      ADD_FAILURE() << path << " does not begin with a case";
    } else {
      ReadLine(key, line, &goldens.back());
    }
  }
  return goldens;
}

std::vector<double> GoldenInputNumbers(const GoldenCase& golden, size_t i) {
  const GoldenInput& input = golden.inputs[i];
  return Numbers(i, input.low, input.high, golden.batch * Product(input.dims));
}

std::vector<int32_t> GoldenInputIndices(const GoldenCase& golden, size_t i) {
  std::vector<int32_t> indices;
  for (const double number : Numbers(i, 0, golden.inputs[i].high, golden.batch * Product(golden.inputs[i].dims))) {
    indices.push_back(static_cast<int32_t>(number));
  }
  return indices;
}

std::vector<double> GoldenParameterNumbers(const GoldenCase& golden, size_t j) {
  const GoldenParameter& parameter = golden.parameters[j];
  return Numbers(kParameterStream + j, parameter.low, parameter.high, Product(parameter.dims));
}

std::vector<double> GoldenOutputGradient(const GoldenCase& golden) {
  return Numbers(kOutputGradientStream, -1, 1, static_cast<int64_t>(golden.output.size()));
}

void ExpectGolden(const std::vector<double>& got, const std::vector<double>& want, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double largest = 0.01;
  for (const double value : want) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < got.size(); ++i) {
    // Written so that NaN fails.
    if (!(std::abs(got[i] - want[i]) <= tolerance * largest)) {
      ADD_FAILURE() << what << "[" << i << "] is " << got[i] << ", PyTorch says " << want[i] << ", off by "
                    << std::abs(got[i] - want[i]) / largest << " of the largest";
      return;
    }
  }
}

}  // namespace downpour::testing
