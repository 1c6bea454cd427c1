#include "worker/data/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/philox.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using testing::Gzip;
using ::testing::HasSubstr;
using testing::IdxBytes;
using testing::WriteFile;

class IdxTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<ImageDataset>> Load(const std::string& images, const std::string& labels,
                                                     int classes = 10) {
    WriteFile(folder_ + "/images", images);
    WriteFile(folder_ + "/labels", labels);
    return LoadIdx(folder_ + "/images", folder_ + "/labels", classes);
  }

  std::string ErrorOf(const std::string& images, const std::string& labels, int classes = 10) {
    const absl::Status status = Load(images, labels, classes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  }

  const std::string folder_ = testing::MakeTestFolder("files");
  // Three images of 2 x 4.
  const std::string pixels_ = "abcdefghijklmnopqrstuvwx";
  const std::string images_ = IdxBytes({3, 2, 4}, pixels_);
  const std::string labels_ = IdxBytes({3}, std::string("\x00\x09\x05", 3));
};

TEST_F(IdxTest, ReadsImagesAndLabelsPlainOrCompressed) {
  for (const bool gzip_images : {false, true}) {
    for (const bool gzip_labels : {false, true}) {
      const auto dataset = Load(gzip_images ? Gzip(images_) : images_, gzip_labels ? Gzip(labels_) : labels_);
      ASSERT_TRUE(dataset.ok()) << dataset.status();
      EXPECT_EQ((*dataset)->schema(), (ImageSchema{2, 4, 1, PixelLayout::kInterleaved, 10}));
      ASSERT_EQ((*dataset)->size(), 3u);
      const int labels[] = {0, 9, 5};
      for (uint64_t i = 0; i < 3; ++i) {
        const ImageExample example = (*dataset)->Get(i, {});
        EXPECT_EQ(std::string(example.pixels, example.pixels + 8), pixels_.substr(8 * i, 8));
        EXPECT_EQ(example.label, labels[i]);
      }
    }
  }
}

TEST_F(IdxTest, NamesTheWrongMagicNumber) {
  EXPECT_THAT(ErrorOf(labels_, labels_), HasSubstr("/images: wrong magic number 00000801 at offset 0; an IDX file of "
                                                   "unsigned bytes with 3 dimensions begins with 00000803"));
  EXPECT_THAT(ErrorOf(images_, Gzip(images_)), HasSubstr("/labels (decompressed): wrong magic number 00000803"));
}

TEST_F(IdxTest, RefusesEveryTruncation) {
  for (size_t size = 0; size < images_.size(); ++size) {
    EXPECT_THAT(ErrorOf(images_.substr(0, size), labels_), HasSubstr("/images: truncated")) << size;
    EXPECT_THAT(ErrorOf(Gzip(images_.substr(0, size)), labels_), HasSubstr("/images (decompressed): truncated"))
        << size;
  }
  for (size_t size = 0; size < labels_.size(); ++size) {
    EXPECT_THAT(ErrorOf(images_, labels_.substr(0, size)), HasSubstr("/labels: truncated")) << size;
  }
  const std::string compressed = Gzip(images_);
  for (size_t size = 2; size < compressed.size(); ++size) {
    EXPECT_THAT(ErrorOf(compressed.substr(0, size), labels_), HasSubstr("/images")) << size;
  }
}

TEST_F(IdxTest, RefusesTrailingBytes) {
  EXPECT_THAT(ErrorOf(images_ + "y", labels_),
              HasSubstr("/images: bytes after offset 40, where the 3 x 2 x 4 that the header promises end"));
  EXPECT_THAT(ErrorOf(images_, Gzip(labels_ + "y")), HasSubstr("/labels (decompressed): bytes after offset 11"));
  EXPECT_THAT(ErrorOf(Gzip(images_) + "y", labels_), HasSubstr("followed by something else"));
}

TEST_F(IdxTest, AllocatesNothingForAHeaderThatPromisesMoreThanTheFileCanHold) {
  const std::string huge = IdxBytes({0xffffffff, 0xffffffff, 0xffffffff}, pixels_);
  EXPECT_THAT(ErrorOf(huge, labels_),
              HasSubstr("promises 4294967295 x 4294967295 x 4294967295 bytes after offset 16, but "
                        "at most 40 bytes can be in the file"));
  EXPECT_THAT(ErrorOf(Gzip(huge), labels_), HasSubstr("truncated: the header promises"));
}

TEST_F(IdxTest, DecompressesABombNoFurtherThanItsHeaderPromises) {
  const std::string bomb = Gzip(images_ + std::string(50'000'000, '\0'));
  EXPECT_THAT(ErrorOf(bomb, labels_), HasSubstr("bytes after offset 40"));
}

TEST_F(IdxTest, NamesALabelOutOfRange) {
  EXPECT_THAT(ErrorOf(images_, IdxBytes({3}, "\x01\x02\x0a")),
              HasSubstr("/labels: label 2 at offset 10 is 10; with 10 classes it must be below 10"));
  EXPECT_THAT(ErrorOf(images_, labels_, 9), HasSubstr("label 1 at offset 9 is 9"));
}

TEST_F(IdxTest, NamesBothFilesWhenTheirCountsDiffer) {
  const std::string error = ErrorOf(images_, IdxBytes({2}, "\x01\x02"));
  EXPECT_THAT(error, HasSubstr("/images has 3 images, but "));
  EXPECT_THAT(error, HasSubstr("/labels has 2 labels"));
}

TEST_F(IdxTest, RefusesEmptySetsAndImagesOfAbsurdSides) {
  EXPECT_THAT(ErrorOf(IdxBytes({0, 2, 4}, ""), IdxBytes({0}, "")), HasSubstr("dimension 0 at offset 4 is 0"));
  EXPECT_THAT(ErrorOf(IdxBytes({1, 1, 5000}, std::string(5000, 'x')), IdxBytes({1}, "\x01")),
              HasSubstr("at most 4096 a side"));
}

TEST_F(IdxTest, SaysWhatCannotBeOpened) {
  WriteFile(folder_ + "/images", images_);
  const absl::Status missing = LoadIdx(folder_ + "/images", folder_ + "/none").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(folder_ + "/none: cannot be opened"));
  EXPECT_THAT(std::string(LoadIdx(folder_, folder_).status().message()), HasSubstr("is a folder"));
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(std::string(LoadIdx(pipe, pipe).status().message()), HasSubstr("is no regular file"));
}

TEST_F(IdxTest, SurvivesRandomDamage) {
  const std::string wholes[] = {images_, Gzip(images_), labels_, Gzip(labels_)};
  PhiloxStream random(1);
  for (int round = 0; round < 2000; ++round) {
    const size_t which = random.UniformInt(4);
    std::string bytes = wholes[which];
    for (uint64_t flips = 1 + random.UniformInt(4); flips > 0; --flips) {
      bytes[random.UniformInt(bytes.size())] ^= static_cast<char>(1 << random.UniformInt(8));
    }
    const auto dataset = which < 2 ? Load(bytes, labels_) : Load(images_, bytes);
    if (!dataset.ok()) continue;
    for (uint64_t i = 0; i < (*dataset)->size(); ++i) {
      const ImageExample example = (*dataset)->Get(i, {});
      EXPECT_LT(example.label, 10);
      EXPECT_GE(example.pixels[(*dataset)->schema().image_bytes() - 1], 0);
    }
  }
}

}  // namespace
}  // namespace downpour
