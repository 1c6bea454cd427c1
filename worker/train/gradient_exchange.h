#ifndef DOWNPOUR_WORKER_TRAIN_GRADIENT_EXCHANGE_H_
#define DOWNPOUR_WORKER_TRAIN_GRADIENT_EXCHANGE_H_

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "common/tensor/aligned_buffer.h"
#include "worker/train/exchange.h"
#include "worker/train/local_step.h"

namespace downpour {

// Pushes gradients and pulls weights: async, bounded_staleness and sync. A gradient is pushed while earlier layers are
// still in backward, and where the carrier works beside the computing the next weights follow each push at once; unless
// the gradient has to wait for others: to be clipped by the norm of all, to be added to those of more steps, or to be
// late on purpose.
class GradientExchange final : public Exchange {
 public:
  struct Options {
    uint32_t fetch_every = 1;
    uint32_t push_every = 1;
    uint32_t virtual_replicas = 0;
    uint64_t warm_start_steps = 0;  // until then there is no crowd, not even a virtual one
    std::optional<double> clip_global_norm;
    DType push_dtype = DType::kFloat32;
    bool carrier_is_inline = false;
  };

  // `local`: how the replica goes on by itself between fetches; null: it does not.
  GradientExchange(const Options& options, std::unique_ptr<LocalStep> local, PsClient* client, Network* network);

  absl::Status Begin() override;
  void GradientReady(size_t parameter) override;
  absl::Status End() override;
  absl::Status Settle() override;
  absl::Status Finish() override;
  void Refetch() override { refetch_ = true; }

 private:
  // The gradients of a step, all in one piece of memory.
  struct Gradients {
    AlignedBuffer memory;
    std::vector<absl::InlinedVector<uint64_t, 1>> versions;  // that they were computed from, by parameter
  };

  void Forget() override;
  absl::Status Allocate(size_t element_bytes, AlignedBuffer* memory) const;
  // The parameter's part of memory that was allocated for elements of this size.
  std::span<std::byte> PartOf(const AlignedBuffer& memory, size_t parameter, size_t element_bytes) const;
  std::span<float> FloatsOf(const AlignedBuffer& memory, size_t parameter) const;

  absl::Status TakeFetched();
  // The weights are those of the servers.
  void Fetched();
  void Clip();
  // Of memory that stays as it is until the push is over.
  Gradient MakeGradient(size_t parameter, std::span<const float> values);
  absl::Status PushAll(const AlignedBuffer* memory,
                       const std::vector<absl::InlinedVector<uint64_t, 1>>* versions = nullptr);
  absl::Status PushLate();

  const Options options_;
  const std::unique_ptr<LocalStep> local_;
  const bool streaming_;               // each gradient is pushed as soon as it is there
  const bool copies_;                  // into memory of its own, so that the network may go on
  std::vector<size_t> first_element_;  // of each parameter, and one past the last

  bool refetch_ = true;
  uint32_t steps_since_fetch_ = 0;
  uint32_t steps_since_push_ = 0;

  // What is on its way; by turns, so that a step's pushes may go on during the next.
  size_t turn_ = 0;
  std::array<std::vector<OperationHandle>, 2> pushes_;
  std::array<AlignedBuffer, 2> sent_;
  std::vector<OperationHandle> fetches_;  // of the next step's weights
  AlignedBuffer fetched_;

  AlignedBuffer sum_;              // of steps_since_push_ steps
  std::deque<Gradients> late_;     // by virtual_replicas
  std::vector<Gradients> unused_;  // memory of those that were pushed
};

absl::StatusOr<std::unique_ptr<Exchange>> MakeGradientExchange(const LoadedJob& job, const ExchangeOptions& options,
                                                               PsClient* client, Network* network);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_GRADIENT_EXCHANGE_H_
