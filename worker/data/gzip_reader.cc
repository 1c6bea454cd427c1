#include "worker/data/gzip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {

struct GzipReader::Stream {
  z_stream z = {};
  bool ready = false;
};

bool IsGzip(std::span<const uint8_t> bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

GzipReader::GzipReader(std::span<const uint8_t> compressed, std::string path)
    : compressed_(compressed), path_(std::move(path)), stream_(std::make_unique<Stream>()) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  stream_->z.next_in = const_cast<Bytef*>(compressed_.data());
  stream_->ready = inflateInit2(&stream_->z, kGzipOnly) == Z_OK;
}

GzipReader::~GzipReader() {
  if (stream_->ready) inflateEnd(&stream_->z);
}

size_t GzipReader::offset() const { return static_cast<size_t>(stream_->z.next_in - compressed_.data()); }

absl::Status GzipReader::Damaged(const char* how) const {
  return absl::DataLossError(
      absl::StrCat(path_, ": the compressed data are ", how, " at offset ", offset(), " of ", compressed_.size()));
}

absl::Status GzipReader::NextMember() {
  if (offset() == compressed_.size()) {
    at_end_ = true;
    return absl::OkStatus();
  }
  if (!IsGzip(compressed_.subspan(offset()))) return Damaged("followed by something else");
  if (inflateReset(&stream_->z) != Z_OK) return Damaged("not to be gone on with");
  return absl::OkStatus();
}

absl::StatusOr<size_t> GzipReader::Read(std::span<uint8_t> bytes) {
  if (!stream_->ready) return absl::ResourceExhaustedError(absl::StrCat(path_, ": no memory to decompress it"));
  constexpr size_t kAtOnce = size_t{1} << 30;  // zlib counts in 32 bits
  z_stream& z = stream_->z;
  size_t done = 0;
  while (!at_end_ && done < bytes.size()) {
    const size_t room = std::min(bytes.size() - done, kAtOnce);
    z.next_out = bytes.data() + done;
    z.avail_out = static_cast<uInt>(room);
    z.avail_in = static_cast<uInt>(std::min(compressed_.size() - offset(), kAtOnce));
    const size_t offset_before = offset();
    const int result = inflate(&z, Z_NO_FLUSH);
    const size_t made = room - z.avail_out;
    done += made;
    if (result == Z_STREAM_END) {
      DP_RETURN_IF_ERROR(NextMember());
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Damaged(z.msg != nullptr ? z.msg : "damaged");
    } else if (made == 0 && offset() == offset_before) {
      return Damaged("cut short");
    }
  }
  return done;
}

}  // namespace downpour
