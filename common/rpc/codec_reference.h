// For tests and fuzz targets: the codec held against protobuf itself.
#ifndef DOWNPOUR_COMMON_RPC_CODEC_REFERENCE_H_
#define DOWNPOUR_COMMON_RPC_CODEC_REFERENCE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "common/base/philox.h"
#include "common/rpc/sliced_message.h"
#include "grpcpp/support/slice.h"

namespace downpour::testing {

// Between protobuf's own form, payload strings included, and ours. Payloads that do not lie together, and those of a
// decoded message, become one string.
wire::ClientMessage ToPlain(const SlicedClientMessage& message);
wire::ServerMessage ToPlain(const SlicedServerMessage& message);
SlicedClientMessage ToSliced(wire::ClientMessage message);
SlicedServerMessage ToSliced(wire::ServerMessage message);

// `bytes` as slices, cut before each of `cuts`, which rise (equal ones leave an empty slice between them). The copies
// are of exactly the size, so that the address sanitizer sees each step beyond one.
std::vector<grpc::Slice> CutAt(std::string_view bytes, absl::Span<const size_t> cuts);
// Cuts at up to four places that follow from the bytes.
std::vector<grpc::Slice> CutByContent(std::string_view bytes);
std::string Join(absl::Span<const grpc::Slice> slices);

// Decodes the slices and parses the same bytes with protobuf. Returns what is wrong, or nothing: both accept them with
// the same result, which encodes to the same message; or both refuse them; or they are beyond a limit.
std::string ComplaintOfClientMessage(const std::vector<grpc::Slice>& slices);
std::string ComplaintOfServerMessage(const std::vector<grpc::Slice>& slices);

// Messages of up to a few pieces with fields of all magnitudes, small payloads, and everything sometimes absent.
wire::ClientMessage RandomClientMessage(PhiloxStream* random);
wire::ServerMessage RandomServerMessage(PhiloxStream* random);

}  // namespace downpour::testing

#endif  // DOWNPOUR_COMMON_RPC_CODEC_REFERENCE_H_
