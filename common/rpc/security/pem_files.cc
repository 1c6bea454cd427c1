#include "common/rpc/security/pem_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

struct Free {
  void operator()(FILE* file) const { std::fclose(file); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  const std::unique_ptr<FILE, Free> in(std::fopen(file.c_str(), "re"));
  std::string bytes;
  if (in != nullptr) {
    std::array<char, 4096> buffer;
    while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), in.get()))
      bytes.append(buffer.data(), count);
    if (std::ferror(in.get()) == 0) return bytes;
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", file));
}

Bio MemoryBio(const std::string& bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

// The first certificate of a file.
absl::StatusOr<Certificate> ReadCertificate(const std::string& file) {
  DP_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  Certificate certificate(PEM_read_bio_X509(MemoryBio(bytes).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError(
      absl::StrCat(file, " has no certificate that can be read (PEM, \"BEGIN CERTIFICATE\")"));
}

// For keys with a passphrase there is nobody to ask.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ReadKey(const std::string& file) {
  DP_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  Key key(PEM_read_bio_PrivateKey(MemoryBio(bytes).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key != nullptr) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(file, " has no private key that can be read (PEM, \"BEGIN PRIVATE KEY\", without a passphrase)"));
}

std::string TimeText(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(length));
}

absl::Status CheckValidNow(const X509* certificate, const std::string& file) {
  const ASN1_TIME* const begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(end) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate ", file, " expired on ", TimeText(end), ": renew it"));
  }
  if (X509_cmp_current_time(begin) > 0) {
    return absl::FailedPreconditionError(absl::StrCat("the certificate ", file, " is valid from ", TimeText(begin),
                                                      " on: look at this machine's clock"));
  }
  return absl::OkStatus();
}

absl::Status CheckKeptPrivate(const std::string& file) {
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", file));
  if ((status.st_mode & (S_IROTH | S_IWOTH)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the private key ", file, " is open to everybody on this machine: chmod 600 it"));
}

}  // namespace

absl::Status CheckCertificates(const std::string& file) { return ReadCertificate(file).status(); }

absl::Status CheckCertificateAndKey(const std::string& certificate_file, const std::string& key_file) {
  DP_ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(certificate_file));
  DP_ASSIGN_OR_RETURN(const Key key, ReadKey(key_file));
  DP_RETURN_IF_ERROR(CheckKeptPrivate(key_file));
  const bool match = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!match) {
    return absl::FailedPreconditionError(absl::StrCat("the private key ", key_file, " is not that of the certificate ",
                                                      certificate_file, ": give the two that were made together"));
  }
  return CheckValidNow(certificate.get(), certificate_file);
}

}  // namespace downpour
