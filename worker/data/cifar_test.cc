#include "worker/data/cifar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/philox.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using testing::WriteFile;

// A record whose pixels tell which it is.
std::string Record(const std::string& labels, int fill) {
  std::string record = labels;
  for (int i = 0; i < 3072; ++i) record += static_cast<char>(fill + i / 1024);
  return record;
}

class CifarTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    WriteFile(folder_ + "/" + name, bytes);
    return folder_ + "/" + name;
  }
  std::string ErrorOf(CifarKind kind, const std::vector<std::string>& paths) {
    const absl::Status status = LoadCifar(kind, paths).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  }

  const std::string folder_ = testing::MakeTestFolder("files");
};

TEST_F(CifarTest, ReadsTheRecordsOfAllFilesInOrder) {
  std::vector<std::string> paths;
  int fill = 0;
  for (const std::string& name : CifarFileNames(CifarKind::kCifar10, Split::kTrain)) {
    const std::string label(1, static_cast<char>(9 - fill));
    paths.push_back(Write(name, Record(label, fill) + Record(label, fill + 1)));
    fill += 2;
  }
  ASSERT_EQ(paths.size(), 5u);
  const auto dataset = LoadCifar(CifarKind::kCifar10, paths);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->schema(), (ImageSchema{32, 32, 3, PixelLayout::kPlanar, 10}));
  ASSERT_EQ((*dataset)->size(), 10u);
  for (int i = 0; i < 10; ++i) {
    const ImageExample example = (*dataset)->Get(static_cast<uint64_t>(i), {});
    EXPECT_EQ(example.label, 9 - i / 2 * 2);
    for (int channel = 0; channel < 3; ++channel) {
      EXPECT_EQ(example.pixels[channel * 1024], i + channel);
      EXPECT_EQ(example.pixels[channel * 1024 + 1023], i + channel);
    }
  }
}

TEST_F(CifarTest, TakesEitherLabelOfCifar100) {
  const std::string path = Write("train.bin", Record("\x13\x63", 1) + Record("\x04\x05", 2));
  const auto fine = LoadCifar(CifarKind::kCifar100Fine, {path});
  const auto coarse = LoadCifar(CifarKind::kCifar100Coarse, {path});
  ASSERT_TRUE(fine.ok() && coarse.ok()) << fine.status() << coarse.status();
  EXPECT_EQ((*fine)->schema().classes, 100);
  EXPECT_EQ((*coarse)->schema().classes, 20);
  EXPECT_EQ((*fine)->Get(0, {}).label, 99);
  EXPECT_EQ((*coarse)->Get(0, {}).label, 19);
  EXPECT_EQ((*fine)->Get(1, {}).pixels[0], 2);
}

TEST_F(CifarTest, RefusesEveryTruncationAndTrailingBytes) {
  const std::string good = Write("good.bin", Record("\x01", 1));
  const std::string whole = Record("\x02", 7);
  for (size_t size = 0; size < whole.size(); size += size < 8 || size > 3060 ? 1 : 61) {
    const std::string bad = Write("bad.bin", whole.substr(0, size));
    EXPECT_THAT(ErrorOf(CifarKind::kCifar10, {good, bad}),
                HasSubstr(absl::StrCat("/bad.bin: ", size, " bytes; a file of records of 3073 bytes")));
  }
  EXPECT_THAT(ErrorOf(CifarKind::kCifar10, {Write("bad.bin", whole + "x")}), HasSubstr("/bad.bin: 3074 bytes"));
  EXPECT_THAT(ErrorOf(CifarKind::kCifar100Fine, {good}), HasSubstr("3073 bytes; a file of records of 3074 bytes"));
}

TEST_F(CifarTest, NamesALabelOutOfRange) {
  const std::string ten = Write("ten.bin", Record("\x09", 1) + Record("\x0a", 1));
  EXPECT_THAT(ErrorOf(CifarKind::kCifar10, {ten}),
              HasSubstr("/ten.bin: the label of record 1 at offset 3073 is 10; it must be below 10"));
  const std::string hundred = Write("hundred.bin", Record("\x13\x64", 1));
  EXPECT_THAT(ErrorOf(CifarKind::kCifar100Coarse, {hundred}),
              HasSubstr("the label of record 0 at offset 1 is 100; it must be below 100"));
}

TEST_F(CifarTest, NamesAMissingBatch) {
  const absl::Status status =
      LoadCifar(CifarKind::kCifar10, {Write("good.bin", Record("\x01", 1)), folder_ + "/data_batch_2.bin"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/data_batch_2.bin: cannot be opened"));
}

TEST_F(CifarTest, SurvivesRandomDamage) {
  const std::string whole = Record("\x13\x63", 1) + Record("\x04\x05", 2);
  PhiloxStream random(1);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = whole.substr(0, 3074 * (1 + random.UniformInt(2)));
    for (const size_t at : {uint64_t{0}, uint64_t{1}, random.UniformInt(bytes.size())}) {
      bytes[at] ^= static_cast<char>(1 << random.UniformInt(8));
    }
    const auto dataset = LoadCifar(CifarKind::kCifar100Fine, {Write("damaged.bin", bytes)});
    if (dataset.ok()) {
      EXPECT_LT((*dataset)->Get((*dataset)->size() - 1, {}).label, 100);
    }
  }
}

}  // namespace
}  // namespace downpour
