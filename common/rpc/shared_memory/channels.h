// The shared memory of an exchange between a worker and a server of one machine, found and set up by itself:
//
//   - the client's hello says what machine it is on (HostIdentity);
//   - a server on the same one answers, in its hello, with a socket and a nonce;
//   - the client fetches the memory there (handover.h), before it looks at the rest of that message;
//   - from then on each side puts payloads into the ring of its direction (ring.h) when there is room.
//
// Whatever goes wrong on the way leaves a plain gRPC stream, and one line in the log.
#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_CHANNELS_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_CHANNELS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/payload_channel.h"
#include "common/rpc/shared_memory/handover.h"
#include "common/rpc/shared_memory/memory_budget.h"
#include "common/rpc/shared_memory/shared_payloads.h"

namespace downpour {

// For streams that this process opens; one for any number of carriers. Thread-safe.
class SharedMemoryClientChannels : public ClientPayloadChannels {
 public:
  // `host_identity` is another than this machine's only in tests.
  SharedMemoryClientChannels();
  explicit SharedMemoryClientChannels(std::string host_identity);

  // Uses no metadata.
  std::unique_ptr<ClientPayloadChannel> Open(StreamMetadata* metadata) override;

 private:
  const std::string host_identity_;
};

struct SharedMemoryServerOptions {
  SegmentShape shape = kSharedMemoryShape;
  size_t bytes_max = size_t{192} << 20;  // of all streams together; the streams beyond go without
};

// For streams that this server is asked for; has a thread for the handing over. Thread-safe. Outlives its channels.
class SharedMemoryServerChannels : public ServerPayloadChannels {
 public:
  // UNAVAILABLE where the system has no such sockets: serve without.
  static absl::StatusOr<std::unique_ptr<SharedMemoryServerChannels>> Start(
      const SharedMemoryServerOptions& options = {});
  ~SharedMemoryServerChannels() override;

  absl::StatusOr<std::unique_ptr<ServerPayloadChannel>> Accept(const StreamMetadata& metadata) override;

  // Of the memory that streams have at the moment.
  size_t bytes_in_use() const;

 private:
  SharedMemoryServerChannels(const SharedMemoryServerOptions& options, std::unique_ptr<HandoverListener> listener);

  const SegmentShape shape_;
  const std::string host_identity_;
  const std::shared_ptr<MemoryBudget> budget_;  // shared with segments that outlive us
  const std::unique_ptr<HandoverListener> listener_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_CHANNELS_H_
