// Who may call what: asked by a server once for each call, before anything of it is read.
#ifndef DOWNPOUR_COMMON_RPC_AUTHORIZER_H_
#define DOWNPOUR_COMMON_RPC_AUTHORIZER_H_

#include <string_view>

#include "absl/status/status.h"
#include "grpcpp/security/auth_context.h"

namespace downpour {

// Thread-safe; asked on the threads that serve calls, so it answers from memory and waits for nothing.
class Authorizer {
 public:
  virtual ~Authorizer() = default;

  // `method` as HTTP/2 has it: "/downpour.wire.Control/Join". `peer` is what the handshake of the connection has made
  // sure of; over plaintext it is not authenticated and has no names. PERMISSION_DENIED or UNAUTHENTICATED, with what
  // the caller lacks, ends the call with that status.
  virtual absl::Status Authorize(std::string_view method, const grpc::AuthContext& peer) const = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_AUTHORIZER_H_
