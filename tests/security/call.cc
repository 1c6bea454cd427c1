#include "tests/security/call.h"

#include <chrono>

#include "absl/time/time.h"
#include "common/rpc/security/credentials.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "gtest/gtest.h"

namespace downpour::testing {

std::shared_ptr<grpc::Channel> Connect(const std::string& address, const SecurityOptions& options,
                                       const std::shared_ptr<grpc::ChannelCredentials>& instead) {
  std::shared_ptr<grpc::ChannelCredentials> credentials = instead;
  if (credentials == nullptr) {
    const auto made = MakeChannelCredentials(options, absl::Seconds(1));
    EXPECT_TRUE(made.ok()) << made.status();
    if (!made.ok()) return nullptr;
    credentials = *made;
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  bool answered = false;
  if (wait()) {
    const grpc::Slice nothing("", 0);
    call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
    wait();
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    answered = wait();
  }
  if (answered) context.TryCancel();  // or a Watch would go on for ever
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  return answered ? grpc::Status::OK : status;
}

bool CameThrough(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return false;
    default:
      return true;
  }
}

std::shared_ptr<grpc::ChannelCredentials> UncheckedCredentials(const SecurityOptions& options) {
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      options.key_file, options.cert_file, options.trusted_ca_file, 1));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(tls);
}

}  // namespace downpour::testing
