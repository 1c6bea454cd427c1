#include "common/rpc/security/options.h"

#include <arpa/inet.h>

#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/rpc/security/pem_files.h"

namespace downpour {
namespace {

bool TakePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// "[::1]:7070", "[::1]", "::1", "127.0.0.1:7070" or "localhost", without port and brackets.
std::string HostOf(std::string_view address) {
  if (TakePrefix("[", &address)) return std::string(address.substr(0, address.find(']')));
  const size_t colon = address.find(':');
  const bool one_colon = colon != std::string_view::npos && address.find(':', colon + 1) == std::string_view::npos;
  return std::string(one_colon ? address.substr(0, colon) : address);
}

absl::Status CheckPair(const SecurityOptions& options) {
  if (options.cert_file.empty() == options.key_file.empty()) return absl::OkStatus();
  const bool certificate = !options.cert_file.empty();
  return absl::InvalidArgumentError(absl::StrCat(certificate ? "--cert_file" : "--key_file", " is given without ",
                                                 certificate ? "--key_file" : "--cert_file", ": TLS needs both"));
}

absl::Status CheckFiles(const SecurityOptions& options) {
  if (!options.cert_file.empty()) DP_RETURN_IF_ERROR(CheckCertificateAndKey(options.cert_file, options.key_file));
  if (!options.trusted_ca_file.empty()) DP_RETURN_IF_ERROR(CheckCertificates(options.trusted_ca_file));
  return absl::OkStatus();
}

}  // namespace

bool IsLoopback(std::string_view address) {
  if (address.starts_with("unix:") || address.starts_with("unix-abstract:")) return true;
  (void)(TakePrefix("dns:///", &address) || TakePrefix("dns:", &address) || TakePrefix("ipv4:", &address) ||
         TakePrefix("ipv6:", &address));
  std::string host = HostOf(address);
  absl::AsciiStrToLower(&host);
  if (host == "localhost") return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status CheckAddress(std::string_view address, const SecurityOptions& options) {
  if (options.tls() || options.insecure_allow_plaintext || IsLoopback(address)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(ToAbsl(address),
                   " can be reached from other machines, where anybody could read and change the model. Give "
                   "--cert_file, --key_file and --trusted_ca_file (deploy/make_certs.sh makes them), or "
                   "--insecure_allow_plaintext if the network is yours alone"));
}

absl::Status CheckServerOptions(const SecurityOptions& options) {
  if (!options.tls()) {
    if (!options.client_cert_auth) return absl::OkStatus();
    return absl::InvalidArgumentError("--client_cert_auth needs --cert_file, --key_file and --trusted_ca_file");
  }
  if (options.cert_file.empty()) {
    return absl::InvalidArgumentError("A server that speaks TLS needs --cert_file and --key_file");
  }
  DP_RETURN_IF_ERROR(CheckPair(options));
  if (options.client_cert_auth && options.trusted_ca_file.empty()) {
    return absl::InvalidArgumentError("--client_cert_auth needs --trusted_ca_file, the CA of the clients");
  }
  if (!options.client_cert_auth && !options.trusted_ca_file.empty()) {
    return absl::InvalidArgumentError(
        "--trusted_ca_file is for knowing clients by: give --client_cert_auth too, or leave it away");
  }
  return CheckFiles(options);
}

absl::Status CheckClientOptions(const SecurityOptions& options) {
  if (!options.tls()) return absl::OkStatus();
  if (options.trusted_ca_file.empty()) {
    return absl::InvalidArgumentError("A client that speaks TLS needs --trusted_ca_file, the CA of the servers");
  }
  DP_RETURN_IF_ERROR(CheckPair(options));
  return CheckFiles(options);
}

}  // namespace downpour
