#include "common/rpc/security/roles.h"

#include <initializer_list>

namespace downpour {
namespace {

constexpr std::string_view kUriPrefix = "spiffe://downpour/role/";

constexpr uint8_t Only(std::initializer_list<Role> roles) {
  uint8_t bits = 0;
  for (const Role role : roles) bits |= 1 << static_cast<int>(role);
  return bits;
}
constexpr uint8_t kEverybody = Only({Role::kWorker, Role::kServer, Role::kMonitor, Role::kAdmin});

constexpr uint8_t kThoseWhoLook = Only({Role::kServer, Role::kMonitor, Role::kAdmin});

constexpr MethodRule kRules[] = {
    {"/downpour.wire.DataPlane/Exchange", Only({Role::kWorker})},
    {"/downpour.wire.Control/CreateJob", Only({Role::kWorker, Role::kAdmin})},
    {"/downpour.wire.Control/Join", Only({Role::kWorker})},
    {"/downpour.wire.Control/Leave", Only({Role::kWorker, Role::kAdmin})},
    {"/downpour.wire.Control/Heartbeat", Only({Role::kWorker})},
    {"/downpour.wire.Control/TakeWork", Only({Role::kWorker})},
    {"/downpour.wire.Control/ReportWork", Only({Role::kWorker})},
    {"/downpour.wire.Status/Get", kThoseWhoLook},
    {"/downpour.wire.Status/Watch", kThoseWhoLook},
    {"/downpour.wire.Admin/StopJob", Only({Role::kAdmin})},
    {"/downpour.wire.Admin/DrainWorker", Only({Role::kAdmin})},
    {"/downpour.wire.Admin/Shutdown", Only({Role::kAdmin})},
    {"/grpc.health.v1.Health/Check", kEverybody},
    {"/grpc.health.v1.Health/Watch", kEverybody},
};

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kWorker:
      return "worker";
    case Role::kServer:
      return "server";
    case Role::kMonitor:
      return "monitor";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::optional<Role> RoleOfUri(std::string_view uri) {
  if (!uri.starts_with(kUriPrefix)) return std::nullopt;
  uri.remove_prefix(kUriPrefix.size());
  for (const Role role : kRoles) {
    if (uri == RoleName(role)) return role;
  }
  return std::nullopt;
}

absl::Span<const MethodRule> MethodRules() { return kRules; }

const MethodRule* FindMethodRule(std::string_view method) {
  for (const MethodRule& rule : kRules) {
    if (rule.method == method) return &rule;
  }
  return nullptr;
}

}  // namespace downpour
