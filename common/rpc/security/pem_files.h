#ifndef DOWNPOUR_COMMON_RPC_SECURITY_PEM_FILES_H_
#define DOWNPOUR_COMMON_RPC_SECURITY_PEM_FILES_H_

#include <string>

#include "absl/status/status.h"

namespace downpour {

// Whether a file has certificates that can be read, one at least. NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT,
// with the file's name. Any thread.
absl::Status CheckCertificates(const std::string& file);

// Whether a certificate and a private key are there and belong together; the certificate is valid now, and nobody but
// the owner (and the group) may read the key. FAILED_PRECONDITION where the files are sound but no good.
absl::Status CheckCertificateAndKey(const std::string& certificate_file, const std::string& key_file);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SECURITY_PEM_FILES_H_
