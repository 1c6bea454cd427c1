#include "worker/data/idx.h"

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/gzip_reader.h"
#include "worker/data/input_file.h"

namespace downpour {
namespace {

// The contents of a file, decompressed if need be, one piece after the other.
class Contents {
 public:
  static absl::StatusOr<std::unique_ptr<Contents>> Open(const std::string& path) {
    DP_ASSIGN_OR_RETURN(AlignedBuffer bytes, ReadWholeFile(path));
    return std::unique_ptr<Contents>(new Contents(path, std::move(bytes)));
  }

  const std::string& path() const { return path_; }
  const char* where() const { return gzip_ ? " (decompressed)" : ""; }

  // More than this cannot come out of the file.
  uint64_t size_max() const { return gzip_ ? bytes_.size() * GzipReader::kRatioMax : bytes_.size(); }

  absl::StatusOr<size_t> Read(std::span<uint8_t> bytes) {
    if (gzip_) return gzip_->Read(bytes);
    const size_t count = std::min(bytes.size(), bytes_.size() - position_);
    if (count > 0) std::memcpy(bytes.data(), bytes_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  Contents(std::string path, AlignedBuffer bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {
    if (IsGzip(bytes_.Elements<uint8_t>())) gzip_.emplace(bytes_.Elements<uint8_t>(), path_);
  }

  const std::string path_;
  const AlignedBuffer bytes_;
  size_t position_ = 0;
  std::optional<GzipReader> gzip_;
};

struct Idx {
  std::vector<uint32_t> dimensions;
  AlignedBuffer values;
};

// Reads a file of unsigned bytes with so many dimensions.
absl::StatusOr<Idx> ReadIdx(const std::string& path, size_t rank) {
  DP_ASSIGN_OR_RETURN(const std::unique_ptr<Contents> contents, Contents::Open(path));
  const auto damaged = [&](const auto&... what) {
    return absl::DataLossError(absl::StrCat(path, contents->where(), ": ", what...));
  };

  std::array<uint8_t, 16> header = {};
  const size_t header_size = 4 + 4 * rank;
  DP_ASSIGN_OR_RETURN(const size_t header_got, contents->Read(std::span(header).first(header_size)));
  const std::array<uint8_t, 4> magic = {0, 0, 8, static_cast<uint8_t>(rank)};
  if (std::memcmp(header.data(), magic.data(), std::min<size_t>(header_got, magic.size())) != 0) {
    return damaged(
        absl::StrFormat("wrong magic number %02x%02x%02x%02x at offset 0; an IDX file of unsigned bytes with %d "
                        "dimension%s begins with 0000080%d",
                        header[0], header[1], header[2], header[3], rank, rank == 1 ? "" : "s", rank));
  }
  if (header_got < header_size)
    return damaged("truncated: ", header_got, " bytes where the header alone has ", header_size);

  Idx idx;
  unsigned __int128 size = 1;
  for (size_t i = 0; i < rank; ++i) {
    const uint8_t* const at = header.data() + 4 + 4 * i;
    const uint32_t dimension = uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
    if (dimension == 0) return damaged("dimension ", i, " at offset ", 4 + 4 * i, " is 0: the file holds no examples");
    idx.dimensions.push_back(dimension);
    size *= dimension;  // at most three of 32 bits
  }
  const std::string promise = absl::StrJoin(idx.dimensions, " x ");
  if (size + header_size > contents->size_max()) {
    return damaged("truncated: the header promises ", promise, " bytes after offset ", header_size, ", but at most ",
                   contents->size_max(), " bytes can be in the file");
  }
  DP_ASSIGN_OR_RETURN(idx.values, AllocateFor(path, static_cast<uint64_t>(size)));
  DP_ASSIGN_OR_RETURN(const size_t got, contents->Read(idx.values.Elements<uint8_t>()));
  if (got < idx.values.size()) {
    return damaged("truncated: the header promises ", promise, " bytes after offset ", header_size, ", and ", got,
                   " are there");
  }
  // Also makes gzip look at its checksum.
  uint8_t beyond;
  DP_ASSIGN_OR_RETURN(const size_t trailing, contents->Read({&beyond, 1}));
  if (trailing > 0) {
    return damaged("bytes after offset ", header_size + got, ", where the ", promise, " that the header promises end");
  }
  return idx;
}

class IdxDataset final : public ImageDataset {
 public:
  IdxDataset(ImageSchema schema, uint64_t size, AlignedBuffer images, AlignedBuffer labels)
      : schema_(schema), size_(size), images_(std::move(images)), labels_(std::move(labels)) {}

  const ImageSchema& schema() const override { return schema_; }
  uint64_t size() const override { return size_; }
  ImageExample Get(uint64_t index, std::span<uint8_t>) const override {
    return {images_.Elements<uint8_t>().data() + index * schema_.image_bytes(), labels_.Elements<uint8_t>()[index]};
  }

 private:
  const ImageSchema schema_;
  const uint64_t size_;
  const AlignedBuffer images_;
  const AlignedBuffer labels_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImageDataset>> LoadIdx(const std::string& images_path, const std::string& labels_path,
                                                      int classes) {
  DP_ASSIGN_OR_RETURN(Idx images, ReadIdx(images_path, 3));
  DP_ASSIGN_OR_RETURN(Idx labels, ReadIdx(labels_path, 1));
  const uint32_t count = images.dimensions[0];
  if (labels.dimensions[0] != count) {
    return absl::DataLossError(absl::StrCat(images_path, " has ", count, " images, but ", labels_path, " has ",
                                            labels.dimensions[0], " labels: they do not belong together"));
  }
  constexpr uint32_t kSideMax = 4096;  // as ValidateImageSchema has it, before the narrowing to int
  for (const size_t side : {1, 2}) {
    if (images.dimensions[side] > kSideMax) {
      return absl::DataLossError(absl::StrCat(images_path, ": images of ", images.dimensions[1], " x ",
                                              images.dimensions[2], " pixels; at most ", kSideMax,
                                              " a side can be used"));
    }
  }
  const ImageSchema schema = {.height = static_cast<int>(images.dimensions[1]),
                              .width = static_cast<int>(images.dimensions[2]),
                              .channels = 1,
                              .layout = PixelLayout::kInterleaved,
                              .classes = classes};
  DP_RETURN_IF_ERROR(ValidateImageSchema(schema));
  const std::span<const uint8_t> values = labels.values.Elements<uint8_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= classes) {
      return absl::DataLossError(absl::StrCat(labels_path, ": label ", i, " at offset ", 8 + i, " is ", values[i],
                                              "; with ", classes, " classes it must be below ", classes));
    }
  }
  return std::make_unique<IdxDataset>(schema, count, std::move(images.values), std::move(labels.values));
}

}  // namespace downpour
