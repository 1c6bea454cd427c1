#ifndef DOWNPOUR_WORKER_TRAIN_AVERAGING_EXCHANGE_H_
#define DOWNPOUR_WORKER_TRAIN_AVERAGING_EXCHANGE_H_

#include <memory>
#include <optional>
#include <vector>

#include "worker/train/exchange.h"
#include "worker/train/local_step.h"

namespace downpour {

// Steps on its own weights and now and then pushes a difference of weights: model_averaging (weights pulled minus
// weights now, and fetches the average) and elastic_averaging (centre minus weights, and moves towards the centre).
class AveragingExchange final : public Exchange {
 public:
  struct Options {
    uint64_t period = 1;                // steps from one exchange to the next
    std::optional<double> elastic_rho;  // not given: model averaging
  };

  AveragingExchange(const Options& options, std::unique_ptr<LocalStep> local, PsClient* client, Network* network);

  absl::Status Begin() override;
  void GradientReady(size_t) override {}
  absl::Status End() override;
  absl::Status Settle() override { return absl::OkStatus(); }
  absl::Status Finish() override;
  void Refetch() override { refetch_ = true; }
  void KeepOwnWeights() override;
  void RestoreOwnWeights() override;

 private:
  void Forget() override { own_steps_ = 0; }
  // Pushes the differences, and waits for the answer.
  absl::Status PushDifferences();
  absl::Status ExchangeAverages();
  absl::Status ExchangeElastically();
  void CopyWeightsTo(std::vector<std::vector<float>>* copies);

  const Options options_;
  const std::unique_ptr<LocalStep> local_;
  bool refetch_ = true;
  uint64_t own_steps_ = 0;                  // since the last exchange
  std::vector<std::vector<float>> anchor_;  // the weights pulled last, or the centre
  std::vector<std::vector<float>> pushed_;  // differences
  std::vector<std::vector<float>> kept_;    // during an evaluation
  std::vector<OperationHandle> pushes_;
};

absl::StatusOr<std::unique_ptr<Exchange>> MakeAveragingExchange(const LoadedJob& job, PsClient* client,
                                                                Network* network);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_AVERAGING_EXCHANGE_H_
