#include "common/rpc/security/credentials.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/rpc/security/roles.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace downpour {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

class AllowEverybody : public Authorizer {
 public:
  absl::Status Authorize(std::string_view, const grpc::AuthContext&) const override { return absl::OkStatus(); }
};

class RoleAuthorizer : public Authorizer {
 public:
  absl::Status Authorize(std::string_view method, const grpc::AuthContext& peer) const override {
    if (!peer.IsPeerAuthenticated()) {
      return absl::UnauthenticatedError(
          "This server wants a certificate with a role: connect with --cert_file and --key_file");
    }
    // gRPC gives at most one, and none where the certificate has several URIs or one that is not well-formed.
    const std::vector<grpc::string_ref> uris = peer.FindPropertyValues("peer_spiffe_id");
    const std::optional<Role> role =
        uris.size() == 1 ? RoleOfUri(std::string_view(uris[0].data(), uris[0].size())) : std::nullopt;
    if (!role) {
      return absl::UnauthenticatedError(
          "The certificate has no role: its subject needs one alternative name of type URI, such as "
          "spiffe://downpour/role/worker (docs/security.md)");
    }
    const MethodRule* const rule = FindMethodRule(method);
    if (rule != nullptr && rule->Allows(*role)) return absl::OkStatus();
    return absl::PermissionDeniedError(
        absl::StrCat("The role ", ToAbsl(RoleName(*role)), " may not call ", ToAbsl(method)));
  }
};

// Puts an authorizer in front of everything that a server has.
class AuthorizingProcessor : public grpc::AuthMetadataProcessor {
 public:
  explicit AuthorizingProcessor(std::shared_ptr<const Authorizer> authorizer) : authorizer_(std::move(authorizer)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    if (path == metadata.end()) return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "A call without a method");
    const absl::Status status =
        authorizer_->Authorize(std::string_view(path->second.data(), path->second.size()), *peer);
    if (status.ok()) return grpc::Status::OK;
    return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
  }

 private:
  const std::shared_ptr<const Authorizer> authorizer_;
};

std::shared_ptr<FileWatcherCertificateProvider> WatchFiles(const SecurityOptions& options, absl::Duration period) {
  const auto seconds = static_cast<unsigned>(std::max<int64_t>(1, absl::ToInt64Seconds(period)));
  return std::make_shared<FileWatcherCertificateProvider>(options.key_file, options.cert_file, options.trusted_ca_file,
                                                          seconds);
}

}  // namespace

std::unique_ptr<Authorizer> MakeAuthorizer(const SecurityOptions& options) {
  if (options.client_cert_auth) return std::make_unique<RoleAuthorizer>();
  return std::make_unique<AllowEverybody>();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const SecurityOptions& options, std::shared_ptr<const Authorizer> authorizer, absl::Duration reload_period) {
  DP_RETURN_IF_ERROR(CheckServerOptions(options));
  if (!options.tls()) return grpc::InsecureServerCredentials();
  grpc::experimental::TlsServerCredentialsOptions tls(WatchFiles(options, reload_period));
  tls.watch_identity_key_cert_pairs();
  if (options.client_cert_auth) tls.watch_root_certs();
  tls.set_cert_request_type(options.client_cert_auth ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                     : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::experimental::TlsServerCredentials(tls);
  if (options.client_cert_auth) {
    credentials->SetAuthMetadataProcessor(std::make_shared<AuthorizingProcessor>(std::move(authorizer)));
  }
  return credentials;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const SecurityOptions& options,
                                                                                 absl::Duration reload_period) {
  DP_RETURN_IF_ERROR(CheckClientOptions(options));
  if (!options.tls()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(WatchFiles(options, reload_period));
  tls.watch_root_certs();
  if (!options.cert_file.empty()) tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

}  // namespace downpour
