// Calls of any method with any certificate.
#ifndef DOWNPOUR_TESTS_SECURITY_CALL_H_
#define DOWNPOUR_TESTS_SECURITY_CALL_H_

#include <memory>
#include <string>

#include "common/rpc/security/options.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace downpour::testing {

// A channel of its own, with its own connection.
std::shared_ptr<grpc::Channel> Connect(const std::string& address, const SecurityOptions& options,
                                       const std::shared_ptr<grpc::ChannelCredentials>& instead = nullptr);

// Calls a method with an empty message, which is a message of any type.
grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method);

// Whether a call came to the service, whatever that made of it.
bool CameThrough(const grpc::Status& status);

// What a certificate would have that has expired: the factory refuses to take one.
std::shared_ptr<grpc::ChannelCredentials> UncheckedCredentials(const SecurityOptions& options);

}  // namespace downpour::testing

#endif  // DOWNPOUR_TESTS_SECURITY_CALL_H_
