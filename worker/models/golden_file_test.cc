#include "worker/models/golden_file.h"

#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

std::string KindOf(const LayerConfig& layer) {
  const google::protobuf::OneofDescriptor* kinds = LayerConfig::descriptor()->FindOneofByName("kind");
  const google::protobuf::FieldDescriptor* kind = layer.GetReflection()->GetOneofFieldDescriptor(layer, kinds);
  return kind == nullptr ? "" : std::string(kind->name());
}

TEST(GoldenFileTest, HasACaseOfEveryKindOfLayerThatComputes) {
  std::set<std::string> seen;
  for (const GoldenCase& golden : ReadGoldens("layers")) seen.insert(KindOf(golden.layer));
  const google::protobuf::OneofDescriptor* kinds = LayerConfig::descriptor()->FindOneofByName("kind");
  for (int i = 0; i < kinds->field_count(); ++i) {
    const std::string kind(kinds->field(i)->name());
    const bool is_view = kind == "flatten" || kind == "reshape";
    EXPECT_EQ(seen.contains(kind), !is_view) << kind;
  }
}

TEST(GoldenFileTest, HasOfEachCaseNumbersAsManyAsItsShapesSay) {
  for (const GoldenCase& golden : ReadGoldens("layers")) {
    EXPECT_NE(golden.loss.has_value(), !golden.output.empty()) << golden.name;
    for (const auto& [i, gradient] : golden.input_gradients) {
      EXPECT_EQ(gradient.size(), GoldenInputNumbers(golden, i).size()) << golden.name;
    }
    for (size_t j = 0; j < golden.parameters.size(); ++j) {
      const auto gradient = golden.parameter_gradients.find(golden.parameters[j].name);
      if (golden.evaluate) continue;
      ASSERT_NE(gradient, golden.parameter_gradients.end()) << golden.name;
      EXPECT_EQ(gradient->second.size(), GoldenParameterNumbers(golden, j).size()) << golden.name;
    }
  }
  EXPECT_EQ(ReadGoldens("nets").size(), 2u);
}

TEST(GoldenFileTest, MakesTheNumbersThatTheScriptMade) {
  GoldenCase golden;
  golden.batch = 1;
  golden.inputs = {{.low = -1, .high = 1, .dims = {2}}, {.element_type = ElementType::kIndex, .high = 5, .dims = {3}}};
  // From make_goldens.py: numbers(0, -1, 1, (2,)) and indices(1, 5, (3,)).
  EXPECT_EQ(GoldenInputNumbers(golden, 0), (std::vector<double>{0.7666206359863281, 0.13312149047851562}));
  EXPECT_EQ(GoldenInputIndices(golden, 1), (std::vector<int32_t>{3, 0, 3}));
}

}  // namespace
}  // namespace downpour::testing
