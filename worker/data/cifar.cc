#include "worker/data/cifar.h"

#include <cstdint>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/data/input_file.h"

namespace downpour {
namespace {

constexpr size_t kPixelBytes = 3 * 32 * 32;

struct RecordLayout {
  std::vector<int> classes;  // of each label byte before the pixels
  size_t used_label;

  size_t record_bytes() const { return classes.size() + kPixelBytes; }
};

RecordLayout LayoutOf(CifarKind kind) {
  if (kind == CifarKind::kCifar10) return {{10}, 0};
  return {{20, 100}, kind == CifarKind::kCifar100Fine ? size_t{1} : size_t{0}};
}

class CifarDataset final : public ImageDataset {
 public:
  CifarDataset(const RecordLayout& layout, AlignedBuffer records)
      : schema_{.height = 32,
                .width = 32,
                .channels = 3,
                .layout = PixelLayout::kPlanar,
                .classes = layout.classes[layout.used_label]},
        labels_(layout.classes.size()),
        used_label_(layout.used_label),
        record_bytes_(layout.record_bytes()),
        records_(std::move(records)) {}

  const ImageSchema& schema() const override { return schema_; }
  uint64_t size() const override { return records_.size() / record_bytes_; }
  ImageExample Get(uint64_t index, std::span<uint8_t>) const override {
    const uint8_t* const record = records_.Elements<uint8_t>().data() + index * record_bytes_;
    return {record + labels_, record[used_label_]};
  }

 private:
  const ImageSchema schema_;
  const size_t labels_;
  const size_t used_label_;
  const size_t record_bytes_;
  const AlignedBuffer records_;
};

absl::Status CheckLabels(const std::string& path, const RecordLayout& layout, std::span<const uint8_t> records) {
  const size_t record_bytes = layout.record_bytes();
  for (size_t record = 0; record < records.size() / record_bytes; ++record) {
    for (size_t i = 0; i < layout.classes.size(); ++i) {
      const size_t offset = record * record_bytes + i;
      if (records[offset] >= layout.classes[i]) {
        return absl::DataLossError(absl::StrCat(path, ": the label of record ", record, " at offset ", offset, " is ",
                                                records[offset], "; it must be below ", layout.classes[i]));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> CifarFileNames(CifarKind kind, Split split) {
  if (kind != CifarKind::kCifar10) return {split == Split::kTrain ? "train.bin" : "test.bin"};
  if (split == Split::kTest) return {"test_batch.bin"};
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
}

absl::StatusOr<std::unique_ptr<ImageDataset>> LoadCifar(CifarKind kind, const std::vector<std::string>& paths) {
  const RecordLayout layout = LayoutOf(kind);
  if (paths.empty()) return absl::InvalidArgumentError("a CIFAR data set of no files");
  std::vector<InputFile> files;
  uint64_t size = 0;
  for (const std::string& path : paths) {
    DP_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
    if (file.size() == 0 || file.size() % layout.record_bytes() != 0) {
      return absl::DataLossError(absl::StrCat(path, ": ", file.size(), " bytes; a file of records of ",
                                              layout.record_bytes(), " bytes (", layout.classes.size(), " of labels, ",
                                              kPixelBytes, " of pixels) has a multiple of that, and at least one"));
    }
    size += file.size();
    files.push_back(std::move(file));
  }
  DP_ASSIGN_OR_RETURN(AlignedBuffer records, AllocateFor(paths.front(), size));
  uint8_t* at = records.Elements<uint8_t>().data();
  for (InputFile& file : files) {
    const std::span<uint8_t> bytes(at, file.size());
    DP_RETURN_IF_ERROR(file.ReadExactly(bytes));
    DP_RETURN_IF_ERROR(CheckLabels(file.path(), layout, bytes));
    at += bytes.size();
  }
  return std::make_unique<CifarDataset>(layout, std::move(records));
}

}  // namespace downpour
