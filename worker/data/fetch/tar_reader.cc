#include "worker/data/fetch/tar_reader.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kPieceBytes = 1 << 16;

// Where a header has its fields.
constexpr size_t kNameAt = 0, kNameBytes = 100;
constexpr size_t kSizeAt = 124, kSizeBytes = 12;
constexpr size_t kSumAt = 148, kSumBytes = 8;
constexpr size_t kKindAt = 156;
constexpr size_t kMagicAt = 257, kMagicBytes = 5;
constexpr size_t kPrefixAt = 345, kPrefixBytes = 155;

using Header = std::array<uint8_t, kBlock>;

std::string_view Field(const Header& header, size_t at, size_t bytes) {
  return std::string_view(reinterpret_cast<const char*>(header.data()) + at, bytes);
}

std::string TextField(const Header& header, size_t at, size_t bytes) {
  const std::string_view field = Field(header, at, bytes);
  return std::string(field.substr(0, field.find('\0')));
}

// Octal digits between spaces, ended by a space, a zero byte or the field's end. Numbers of 8 GiB and more, which GNU
// writes in binary, are refused as well.
std::optional<uint64_t> OctalField(const Header& header, size_t at, size_t bytes) {
  std::string_view field = Field(header, at, bytes);
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < field.size() && field[digits] >= '0' && field[digits] <= '7'; ++digits) {
    value = value * 8 + static_cast<uint64_t>(field[digits] - '0');
  }
  if (digits == 0 || (digits < field.size() && field[digits] != ' ' && field[digits] != '\0')) return std::nullopt;
  return value;
}

// The sum of all bytes, with the field of the sum itself as spaces.
uint64_t SumOf(const Header& header) {
  uint64_t sum = 0;
  for (size_t i = 0; i < header.size(); ++i) sum += i >= kSumAt && i < kSumAt + kSumBytes ? ' ' : header[i];
  return sum;
}

}  // namespace

absl::StatusOr<std::optional<TarEntry>> TarReader::Next() {
  for (;;) {
    DP_RETURN_IF_ERROR(PassOver());
    Header header;
    DP_RETURN_IF_ERROR(ReadExactly(header));
    if (std::all_of(header.begin(), header.end(), [](uint8_t byte) { return byte == 0; })) return std::nullopt;
    const std::optional<uint64_t> sum = OctalField(header, kSumAt, kSumBytes);
    const std::optional<uint64_t> size = OctalField(header, kSizeAt, kSizeBytes);
    if (!sum.has_value() || *sum != SumOf(header) || !size.has_value()) {
      return absl::DataLossError("the archive is damaged: a header of tar was expected");
    }
    left_ = *size;
    padding_ = (kBlock - *size % kBlock) % kBlock;
    const char kind = static_cast<char>(header[kKindAt]);
    if (kind != '0' && kind != '\0') continue;
    TarEntry entry = {.name = TextField(header, kNameAt, kNameBytes), .size = *size};
    if (Field(header, kMagicAt, kMagicBytes) == "ustar" && header[kMagicAt + kMagicBytes] == 0) {
      const std::string prefix = TextField(header, kPrefixAt, kPrefixBytes);
      if (!prefix.empty()) entry.name = absl::StrCat(prefix, "/", entry.name);
    }
    return entry;
  }
}

absl::StatusOr<size_t> TarReader::Read(std::span<uint8_t> bytes) {
  bytes = bytes.first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_)));
  DP_RETURN_IF_ERROR(ReadExactly(bytes));
  left_ -= bytes.size();
  return bytes.size();
}

absl::Status TarReader::ReadExactly(std::span<uint8_t> bytes) {
  if (bytes.empty()) return absl::OkStatus();
  DP_ASSIGN_OR_RETURN(const size_t size, source_(bytes));
  if (size < bytes.size()) return absl::DataLossError("the archive ends too early");
  return absl::OkStatus();
}

absl::Status TarReader::PassOver() {
  std::vector<uint8_t> piece(kPieceBytes);
  for (uint64_t left = left_ + padding_; left > 0;) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(piece.size(), left));
    DP_RETURN_IF_ERROR(ReadExactly(std::span(piece).first(size)));
    left -= size;
  }
  left_ = padding_ = 0;
  return absl::OkStatus();
}

}  // namespace downpour
