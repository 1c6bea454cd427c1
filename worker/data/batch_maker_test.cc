#include "worker/data/batch_maker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "worker/data/epoch_order.h"
#include "worker/data/prefetcher.h"
#include "worker/data/synthetic_images.h"
#include "worker/data/synthetic_table.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BatchMakerTest : public ::testing::Test {
 protected:
  ImageBatchMaker Maker(ImageBatchMaker::Mode mode) {
    return *ImageBatchMaker::Create(images_.get(), augmenter_, mode);
  }

  const std::unique_ptr<ImageDataset> images_ = *MakeSyntheticImages({.examples = 500}, Split::kTrain);
  const Augmenter augmenter_ = *Augmenter::Create(images_->schema(), {.pad = 2, .flip = true, .contrast_low = 0.5f}, 9);
};

TEST_F(BatchMakerTest, PutsAugmentedExamplesSideBySide) {
  ImageBatch batch;
  ASSERT_TRUE(Maker(ImageBatchMaker::Mode::kTrain).Make({3, {7, 499, 7}}, &batch).ok());
  EXPECT_EQ(batch.epoch, 3u);
  EXPECT_THAT(batch.indices, ElementsAre(7, 499, 7));
  ASSERT_EQ(batch.images().size(), 3 * 784u);
  ASSERT_EQ(batch.labels.size(), 3u);
  std::vector<uint8_t> scratch(784);
  std::vector<float> expected(784);
  for (size_t i = 0; i < 3; ++i) {
    const ImageExample example = images_->Get(batch.indices[i], scratch);
    augmenter_.Apply(example.pixels, augmenter_.Draw(3, batch.indices[i]), expected.data());
    EXPECT_EQ(batch.labels[i], example.label);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), batch.images().begin() + static_cast<ptrdiff_t>(784 * i)));
  }
}

TEST_F(BatchMakerTest, AugmentsEachEpochAnewAndEvaluationNever) {
  const auto images = [&](ImageBatchMaker::Mode mode, uint64_t epoch) {
    ImageBatch batch;
    EXPECT_TRUE(Maker(mode).Make({epoch, {1, 2, 3, 4}}, &batch).ok());
    return std::vector<float>(batch.images().begin(), batch.images().end());
  };
  EXPECT_NE(images(ImageBatchMaker::Mode::kTrain, 0), images(ImageBatchMaker::Mode::kTrain, 1));
  EXPECT_EQ(images(ImageBatchMaker::Mode::kEvaluate, 0), images(ImageBatchMaker::Mode::kEvaluate, 1));
}

TEST_F(BatchMakerTest, KeepsMemoryThatIsBigEnough) {
  const ImageBatchMaker maker = Maker(ImageBatchMaker::Mode::kTrain);
  ImageBatch batch;
  ASSERT_TRUE(maker.Make({0, std::vector<uint64_t>(8, 1)}, &batch).ok());
  const std::byte* const memory = batch.memory.data();
  ASSERT_TRUE(maker.Make({0, {2, 3}}, &batch).ok());
  EXPECT_EQ(batch.memory.data(), memory);
  EXPECT_EQ(batch.images().size(), 2 * 784u);
  ASSERT_TRUE(maker.Make({0, {}}, &batch).ok());
  EXPECT_TRUE(batch.images().empty());
}

TEST_F(BatchMakerTest, RefusesExamplesThatThereAreNotAndAForeignSchema) {
  ImageBatch batch;
  const absl::Status status = Maker(ImageBatchMaker::Mode::kTrain).Make({0, {1, 500}}, &batch);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("example 500 of a data set of 500"));
  ImageSchema foreign = images_->schema();
  foreign.channels = 3;
  EXPECT_FALSE(
      ImageBatchMaker::Create(images_.get(), *Augmenter::Create(foreign, {}, 1), ImageBatchMaker::Mode::kTrain).ok());
}

// The whole path of training: an epoch's order, cut into batches, made ahead.
TEST_F(BatchMakerTest, MakesTheSameEpochWithAnyNumberOfThreads) {
  const auto epoch = [&](int threads) {
    const EpochOrder order(images_->size(), 11, 2);
    const ImageBatchMaker maker = Maker(ImageBatchMaker::Mode::kTrain);
    uint64_t position = 0;
    const auto source = [&]() -> absl::StatusOr<std::optional<BatchRequest>> {
      if (position == order.size()) return std::nullopt;
      BatchRequest request = {.epoch = 2};
      while (position < order.size() && request.indices.size() < 64) request.indices.push_back(order[position++]);
      return request;
    };
    const auto make = [&](const BatchRequest& request, ImageBatch* batch) { return maker.Make(request, batch); };
    std::vector<float> all;
    std::vector<uint64_t> indices;
    Prefetcher<BatchRequest, ImageBatch> prefetcher(source, make, {.threads = threads, .ahead = 3});
    for (ImageBatch batch; *prefetcher.Next(&batch);) {
      all.insert(all.end(), batch.images().begin(), batch.images().end());
      indices.insert(indices.end(), batch.indices.begin(), batch.indices.end());
    }
    std::sort(indices.begin(), indices.end());
    EXPECT_EQ(indices.size(), 500u);
    EXPECT_TRUE(std::unique(indices.begin(), indices.end()) == indices.end()) << "each example once";
    return all;
  };
  const std::vector<float> alone = epoch(0);
  EXPECT_EQ(alone, epoch(1));
  EXPECT_EQ(alone, epoch(3));
}

TEST(TableBatchTest, PutsRowsSideBySide) {
  const auto table = *MakeSyntheticTable({.dense = 2, .categorical = 3, .examples = 100}, Split::kTrain);
  TableBatch batch;
  ASSERT_TRUE(MakeTableBatch(*table, {1, {5, 99}}, &batch).ok());
  ASSERT_TRUE(MakeTableBatch(*table, {1, {4, 99}}, &batch).ok()) << "and again";
  EXPECT_EQ(batch.dense.size(), 4u);
  EXPECT_EQ(batch.keys.size(), 6u);
  TableDataset::Scratch scratch;
  const TableExample row = table->Get(99, scratch);
  EXPECT_THAT(row.dense, ElementsAre(batch.dense[2], batch.dense[3]));
  EXPECT_THAT(row.keys, ElementsAre(batch.keys[3], batch.keys[4], batch.keys[5]));
  EXPECT_EQ(row.label, batch.labels[1]);
  EXPECT_EQ(MakeTableBatch(*table, {1, {100}}, &batch).code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace downpour
