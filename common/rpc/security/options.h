// What is said on the command line about who may connect, and how.
#ifndef DOWNPOUR_COMMON_RPC_SECURITY_OPTIONS_H_
#define DOWNPOUR_COMMON_RPC_SECURITY_OPTIONS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace downpour {

// Of a server or a client; each field is the flag of its name. All files are PEM.
struct SecurityOptions {
  std::string cert_file = {};             // this process's certificate, and those between it and the CA
  std::string key_file = {};              // its private key
  std::string trusted_ca_file = {};       // the CAs by which the other side is known
  bool client_cert_auth = false;          // of a server: who comes must show a certificate
  bool insecure_allow_plaintext = false;  // no TLS, also to and from other machines

  // Any file named means TLS.
  bool tls() const { return !cert_file.empty() || !key_file.empty() || !trusted_ca_file.empty(); }
};

// Whether an address names this machine only: 127.0.0.0/8, ::1, localhost, a Unix socket. With or without a port,
// and with or without gRPC's scheme ("ipv6:[::1]:7070"). Asks no resolver: any other name is not of this machine.
bool IsLoopback(std::string_view address);

// The rule for addresses to listen on or to connect to: this machine's own always; any other one with TLS, or when
// plaintext was allowed by name. FAILED_PRECONDITION says which flags to give.
absl::Status CheckAddress(std::string_view address, const SecurityOptions& options);

// Whether the options of a server, or of a client, go together and their files are there: readable PEM, the key that of
// the certificate, the certificate valid at this time, no private key that everybody may read. Says which file, what is
// wrong with it, and what to do. What the files become later is not our error but a line in the log (credentials.h).
absl::Status CheckServerOptions(const SecurityOptions& options);
absl::Status CheckClientOptions(const SecurityOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SECURITY_OPTIONS_H_
