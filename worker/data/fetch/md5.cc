#include "worker/data/fetch/md5.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "common/base/status.h"
#include "openssl/evp.h"
#include "worker/data/input_file.h"

namespace downpour {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> Md5OfFile(const std::string& path) {
  DP_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1) {
    return absl::FailedPreconditionError("OpenSSL of this system has no MD5 (FIPS mode?): the file cannot be checked");
  }
  std::vector<uint8_t> piece(kPieceBytes);
  for (size_t size = piece.size(); size == piece.size();) {
    DP_ASSIGN_OR_RETURN(size, file.Read(piece));
    EVP_DigestUpdate(context.get(), piece.data(), size);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), length));
}

}  // namespace downpour
