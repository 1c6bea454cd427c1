#include "worker/data/known_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "worker/data/cifar.h"
#include "worker/data/linear_classifier.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::WriteFile;

struct Facts {
  std::vector<uint64_t> label_counts;
  double mean_pixel = 0;  // of 1
};

Facts FactsOf(const ImageDataset& dataset) {
  Facts facts = {std::vector<uint64_t>(static_cast<size_t>(dataset.schema().classes)), 0};
  uint64_t sum = 0;
  const size_t bytes = dataset.schema().image_bytes();
  std::vector<uint8_t> scratch(bytes);
  for (uint64_t i = 0; i < dataset.size(); ++i) {
    const ImageExample example = dataset.Get(i, scratch);
    ++facts.label_counts[static_cast<size_t>(example.label)];
    sum = std::accumulate(example.pixels, example.pixels + bytes, sum);
  }
  facts.mean_pixel = static_cast<double>(sum) / static_cast<double>(dataset.size() * bytes) / 255;
  return facts;
}

TEST(KnownImagesTest, FashionMnistIsWhatItsAuthorsPublished) {
  const auto train = OpenKnownImages("fashion-mnist", Split::kTrain, DataPlaces::Of());
  const auto test = OpenKnownImages("fashion-mnist", Split::kTest, DataPlaces::Of());
  if (absl::IsNotFound(train.status())) GTEST_SKIP() << "NOT TESTED on real data: " << train.status().message();
  ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
  EXPECT_EQ((*train)->schema(), (ImageSchema{28, 28, 1, PixelLayout::kInterleaved, 10}));
  EXPECT_EQ((*train)->size(), 60'000u);
  EXPECT_EQ((*test)->size(), 10'000u);
  const Facts facts = FactsOf(**train);
  EXPECT_THAT(facts.label_counts, Each(6000u));
  EXPECT_THAT(FactsOf(**test).label_counts, Each(1000u));
  EXPECT_NEAR(facts.mean_pixel, 0.2860, 0.00005);
  EXPECT_GT(testing::LinearAccuracy(**train, 10'000, **test, 2000), 0.7) << "images and labels belong together";
}

TEST(KnownImagesTest, Cifar10IsWhatItsAuthorsPublished) {
  const auto train = OpenKnownImages("cifar10", Split::kTrain, DataPlaces::Of());
  const auto test = OpenKnownImages("cifar10", Split::kTest, DataPlaces::Of());
  if (absl::IsNotFound(train.status())) GTEST_SKIP() << "NOT TESTED on real data: " << train.status().message();
  ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
  EXPECT_EQ((*train)->size(), 50'000u);
  EXPECT_EQ((*test)->size(), 10'000u);
  const Facts facts = FactsOf(**train);
  EXPECT_THAT(facts.label_counts, Each(5000u));
  EXPECT_THAT(FactsOf(**test).label_counts, Each(1000u));
  EXPECT_NEAR(facts.mean_pixel, 0.4734, 0.002);  // the published mean of the three channels
  EXPECT_GT(testing::LinearAccuracy(**train, 10'000, **test, 2000), 0.2) << "images and labels belong together";
}

TEST(KnownImagesTest, FindsEverySetInItsOfficialFolder) {
  const std::string root = testing::MakeTestFolder("root");
  const DataPlaces places = {.data_dir = root};
  mkdir((root + "/cifar-10-batches-bin").c_str(), 0755);
  mkdir((root + "/cifar-100-binary").c_str(), 0755);
  mkdir((root + "/mnist").c_str(), 0755);
  for (const Split split : {Split::kTrain, Split::kTest}) {
    for (const std::string& name : CifarFileNames(CifarKind::kCifar10, split)) {
      WriteFile(root + "/cifar-10-batches-bin/" + name, std::string(3073, '\x03'));
    }
    for (const std::string& name : CifarFileNames(CifarKind::kCifar100Fine, split)) {
      WriteFile(root + "/cifar-100-binary/" + name, std::string(3074, '\x04'));
    }
    const std::string prefix = root + (split == Split::kTrain ? "/mnist/train" : "/mnist/t10k");
    WriteFile(prefix + "-images-idx3-ubyte", testing::IdxBytes({1, 1, 2}, "ab"));
    WriteFile(prefix + "-labels-idx1-ubyte.gz", testing::Gzip(testing::IdxBytes({1}, "\x05")));

    const std::pair<const char*, uint64_t> sizes[] = {
        {"cifar10", split == Split::kTrain ? 5 : 1}, {"cifar100", 1}, {"cifar100-coarse", 1}, {"mnist", 1}};
    for (const auto& [name, size] : sizes) {
      const auto dataset = OpenKnownImages(name, split, places);
      ASSERT_TRUE(dataset.ok()) << dataset.status();
      EXPECT_EQ((*dataset)->size(), size) << name;
    }
  }
  remove((root + "/cifar-10-batches-bin/data_batch_3.bin").c_str());
  EXPECT_THAT(std::string(OpenKnownImages("cifar10", Split::kTrain, places).status().message()),
              HasSubstr("cifar-10-batches-bin (the data folder that was named): incomplete: no data_batch_3.bin\n"));
}

TEST(KnownImagesTest, SaysHowToGetWhatIsMissingAndWhatIsKnown) {
  const absl::Status missing =
      OpenKnownImages("fashion-mnist", Split::kTrain, {.system = testing::MakeTestFolder("empty")}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("fashion-mnist (train) is not here"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("apt-get install dataset-fashion-mnist"));
  const absl::Status unknown = OpenKnownImages("imagenet", Split::kTrain, {}).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("there are fashion-mnist, mnist, cifar10, cifar100"));
}

}  // namespace
}  // namespace downpour
