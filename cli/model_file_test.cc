#include "cli/model_file.h"

#include <fstream>
#include <string>

#include "common/tensor/shape.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ErrorOf(std::string_view what) { return std::string(OpenModel(what).status().message()); }

TEST(ModelFileTest, AShippedModelIsKnownByItsName) {
  const absl::StatusOr<Graph> graph = OpenModel("lenet5");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->name(), "lenet5");
}

TEST(ModelFileTest, AFileIsKnownByItsPath) {
  const std::string path = ::testing::TempDir() + "/tiny.textproto";
  std::ofstream(path) << R"(input { name: "x" shape: 3 } layer { name: "y" dense { units: 2 } input: "x" })";
  const absl::StatusOr<Graph> graph = OpenModel(path);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->layers().size(), 1u);
}

TEST(ModelFileTest, AnErrorInAFileIsFoundByItsPath) {
  const std::string path = ::testing::TempDir() + "/broken.textproto";
  std::ofstream(path) << "layer {\n  wrong: 1\n}\n";
  EXPECT_THAT(ErrorOf(path), HasSubstr("broken.textproto:2:"));
}

TEST(ModelFileTest, WhatCannotBeReadAsAFileIsRefused) {
  EXPECT_THAT(ErrorOf(::testing::TempDir()), HasSubstr(::testing::TempDir()));
  EXPECT_FALSE(OpenModel("/dev/zero").ok());  // endless
}

TEST(ModelFileTest, ImagesMayHaveAnotherSizeThanTheFileSays) {
  const absl::StatusOr<Graph> graph = OpenModel("cifar10@32x40");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->inputs()[0].type.shape, Shape(32, 40, 3));
  EXPECT_EQ(graph->inputs()[1].type.shape, Shape());
}

TEST(ModelFileTest, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  EXPECT_THAT(ErrorOf("cifar1o"), AllOf(HasSubstr("\"cifar1o\""), HasSubstr("cifar10"), HasSubstr("resnet20")));
}

TEST(ModelFileTest, ASizeThatMakesNoSenseIsRefused) {
  EXPECT_THAT(ErrorOf("cifar10@32"), HasSubstr("@32"));
  EXPECT_THAT(ErrorOf("cifar10@32xlarge"), HasSubstr("@32xlarge"));
  EXPECT_THAT(ErrorOf("cifar10@"), HasSubstr("no size"));
  EXPECT_THAT(ErrorOf("wide_deep@32x32"), HasSubstr("no image"));
  EXPECT_FALSE(OpenModel("lenet5@2x2").ok());
  EXPECT_FALSE(OpenModel("cifar10@0x24").ok());
}

}  // namespace
}  // namespace downpour
