// TLS from files, and the check of roles, for both sides.
//
// Files that change are read again (within kReloadPeriod, by FileWatcherCertificateProvider): connections made from
// then on use them, those that are there go on. Replace certificate and key by renames, both of them within that time;
// what cannot be read or does not match is reported in gRPC's log, and what was there before stays.
#ifndef DOWNPOUR_COMMON_RPC_SECURITY_CREDENTIALS_H_
#define DOWNPOUR_COMMON_RPC_SECURITY_CREDENTIALS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/authorizer.h"
#include "common/rpc/security/options.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace downpour {

inline constexpr absl::Duration kReloadPeriod = absl::Seconds(10);

// What a server asks about each call, by its options. With client_cert_auth: the method must have a rule that allows
// the role in the caller's certificate (roles.h); UNAUTHENTICATED for a caller without a role, PERMISSION_DENIED
// otherwise. Without it nobody is known, and everybody who can connect may call everything.
std::unique_ptr<Authorizer> MakeAuthorizer(const SecurityOptions& options);

// For a server's ports; the options' own error if they are no good (options.h). With client_cert_auth every call of
// every service, known or not, passes `authorizer` before any handler sees it; so a service cannot forget to ask.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const SecurityOptions& options, std::shared_ptr<const Authorizer> authorizer,
    absl::Duration reload_period = kReloadPeriod);

// For a client's channels: with TLS the server must show a certificate by the trusted CA for the name that we connect
// to.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const SecurityOptions& options, absl::Duration reload_period = kReloadPeriod);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SECURITY_CREDENTIALS_H_
