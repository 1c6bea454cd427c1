// Who may call what. A role is written into a certificate by the CA, as its one URI in the subject's alternative names:
//
//   spiffe://downpour/role/worker       and server, monitor, admin
//
// A URI, because it is typed (no parsing of a distinguished name, whose parts CAs reorder and users choose), because
// CAs and SPIRE issue it, and because gRPC hands it to us only where it is well-formed and the only one.
#ifndef DOWNPOUR_COMMON_RPC_SECURITY_ROLES_H_
#define DOWNPOUR_COMMON_RPC_SECURITY_ROLES_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"

namespace downpour {

enum class Role : uint8_t {
  kWorker,   // trains: the data plane and what belongs to it
  kServer,   // another server of the job
  kMonitor,  // looks, and changes nothing
  kAdmin,    // a person who runs jobs
};
inline constexpr Role kRoles[] = {Role::kWorker, Role::kServer, Role::kMonitor, Role::kAdmin};

// "worker", ...
std::string_view RoleName(Role role);

// The role that such a URI names; none for any other text.
std::optional<Role> RoleOfUri(std::string_view uri);

// A method, and the roles that may call it. Every method that a server of ours can have is here: what is not here
// nobody with a certificate may call.
struct MethodRule {
  std::string_view method;  // as HTTP/2 has it: "/downpour.wire.Control/Join"
  uint8_t roles = 0;        // a bit for each

  bool Allows(Role role) const { return (roles >> static_cast<int>(role) & 1) != 0; }
};
absl::Span<const MethodRule> MethodRules();

// Null where there is no rule.
const MethodRule* FindMethodRule(std::string_view method);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SECURITY_ROLES_H_
