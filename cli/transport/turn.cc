#include "cli/transport/turn.h"

#include <algorithm>
#include <deque>
#include <thread>

#include "common/base/interleaved.h"
#include "common/base/status.h"

namespace downpour {
namespace {

absl::Status RunDirection(TransportClient& client, const TransportShape& shape, const Turn& turn, Transfer direction,
                          TurnResult* result) {
  std::deque<double> starts;
  const auto finish = [&]() -> absl::Status {
    DP_RETURN_IF_ERROR(client.Finish(direction));
    if (result->latencies.size() < kLatenciesMax) {
      result->latencies.push_back(static_cast<float>(SteadySeconds() - starts.front()));
    }
    starts.pop_front();
    ++result->operations;
    return absl::OkStatus();
  };

  const size_t in_flight = std::clamp<size_t>(turn.in_flight, 1, shape.tensors);
  result->begin_seconds = SteadySeconds();
  size_t tensor = 0;
  for (uint64_t started = 0;; ++started) {
    const double now = SteadySeconds();
    if (started >= turn.operations_min && now - result->begin_seconds >= turn.seconds) break;
    if (starts.size() == in_flight) DP_RETURN_IF_ERROR(finish());
    starts.push_back(SteadySeconds());
    DP_RETURN_IF_ERROR(client.Start(direction, tensor));
    tensor = (tensor + 1) % shape.tensors;
  }
  while (!starts.empty()) DP_RETURN_IF_ERROR(finish());
  result->end_seconds = SteadySeconds();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TurnResult> RunTurn(TransportClient& client, const TransportShape& shape, const Turn& turn) {
  TurnResult pushes;
  TurnResult pulls;
  if (!turn.pull) {
    DP_RETURN_IF_ERROR(RunDirection(client, shape, turn, Transfer::kPush, &pushes));
    return pushes;
  }
  if (!turn.push) {
    DP_RETURN_IF_ERROR(RunDirection(client, shape, turn, Transfer::kPull, &pulls));
    return pulls;
  }
  absl::Status pull_status;
  std::thread puller([&] { pull_status = RunDirection(client, shape, turn, Transfer::kPull, &pulls); });
  const absl::Status push_status = RunDirection(client, shape, turn, Transfer::kPush, &pushes);
  puller.join();
  DP_RETURN_IF_ERROR(push_status);
  DP_RETURN_IF_ERROR(pull_status);
  pushes.begin_seconds = std::min(pushes.begin_seconds, pulls.begin_seconds);
  pushes.end_seconds = std::max(pushes.end_seconds, pulls.end_seconds);
  pushes.operations += pulls.operations;
  pushes.latencies.insert(pushes.latencies.end(), pulls.latencies.begin(), pulls.latencies.end());
  return pushes;
}

}  // namespace downpour
