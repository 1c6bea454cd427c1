#include "worker/client/ps_client.h"

#include <utility>

#include "common/base/status.h"
#include "worker/client/client_core.h"

namespace downpour {

absl::StatusOr<std::unique_ptr<PsClient>> PsClient::Join(PsClientOptions options, CarrierFactory carriers) {
  std::unique_ptr<PsClient> client(new PsClient(std::make_shared<ClientCore>(std::move(options), std::move(carriers))));
  DP_RETURN_IF_ERROR(client->core_->Start());
  return client;
}

PsClient::~PsClient() { core_->Close(); }

OperationHandle PsClient::Push(absl::Span<const Gradient> gradients, OperationOptions options) {
  return core_->Submit(gradients, {}, std::move(options));
}

OperationHandle PsClient::Pull(absl::Span<const Target> targets, OperationOptions options) {
  return core_->Submit({}, targets, std::move(options));
}

OperationHandle PsClient::PushPull(absl::Span<const Gradient> gradients, absl::Span<const Target> targets,
                                   OperationOptions options) {
  return core_->Submit(gradients, targets, std::move(options));
}

const OperationResult& PsClient::Wait(const OperationHandle& operation) { return operation->Wait(); }

absl::Status PsClient::Flush() { return core_->Flush(); }
void PsClient::ReportClock(uint64_t clock) { core_->ReportClock(clock); }
absl::StatusOr<uint64_t> PsClient::Rejoin() { return core_->Rejoin(); }
absl::Status PsClient::Leave() { return core_->Leave(); }
absl::StatusOr<wire::TakeWorkResponse> PsClient::TakeWork() { return core_->TakeWork(); }
absl::StatusOr<wire::ReportWorkResponse> PsClient::ReportWork(wire::ReportWorkRequest report) {
  return core_->ReportWork(std::move(report));
}
uint64_t PsClient::clock() const { return core_->clock(); }
uint64_t PsClient::incarnation() const { return core_->incarnation(); }
std::shared_ptr<const ShardMap> PsClient::shard_map() const { return core_->shard_map(); }
PsClientCounters PsClient::counters() const { return core_->counters(); }
absl::Status PsClient::status() const { return core_->status(); }

}  // namespace downpour
