#include "cli/step/lane_team.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "kernels/kernels.h"
#include "server/store/initializer.h"

namespace downpour {
namespace {

constexpr uint64_t kSeed = 1;

constexpr size_t kPieceElements = 32768;  // some microseconds' work, and a few pieces for each of many lanes
constexpr size_t kMeanElements = 2048;    // at a time: they stay in the first-level cache

}  // namespace

absl::StatusOr<std::unique_ptr<LaneTeam>> LaneTeam::Create(std::shared_ptr<const Graph> graph,
                                                           const LaneTeamOptions& options) {
  std::unique_ptr<LaneTeam> team(new LaneTeam(std::move(graph), options));
  team->RunOnAll([&](int lane) { team->lanes_[lane].status = team->SetUp(lane); });
  DP_RETURN_IF_ERROR(team->FirstError());
  return team;
}

LaneTeam::LaneTeam(std::shared_ptr<const Graph> graph, const LaneTeamOptions& options)
    : graph_(std::move(graph)),
      options_(options),
      lanes_(static_cast<size_t>(options.lanes)),
      begin_(options.lanes + 1),
      end_(options.lanes + 1),
      lanes_meet_(options.lanes) {
  for (size_t p = 0; p < graph_->parameters().size(); ++p) {
    const auto elements = static_cast<size_t>(graph_->parameters()[p].spec->elements);
    for (size_t begin = 0; begin < elements; begin += kPieceElements) {
      pieces_.push_back({p, begin, std::min(kPieceElements, elements - begin)});
    }
  }
  for (int lane = 0; lane < options.lanes; ++lane) threads_.emplace_back([this, lane] { Loop(lane); });
}

LaneTeam::~LaneTeam() {
  RunOnAll([this](int lane) {
    Lane& mine = lanes_[lane];
    mine.program.reset();
    mine.examples = ExampleBatch();
    mine.device.reset();
  });
  work_ = nullptr;
  begin_.arrive_and_wait();
  for (std::thread& thread : threads_) thread.join();
}

void LaneTeam::Loop(int lane) {
  for (;;) {
    begin_.arrive_and_wait();
    if (work_ == nullptr) return;
    (*work_)(lane);
    end_.arrive_and_wait();
  }
}

void LaneTeam::RunOnAll(const std::function<void(int lane)>& work) {
  work_ = &work;
  begin_.arrive_and_wait();
  end_.arrive_and_wait();
}

absl::Status LaneTeam::SetUp(int lane) {
  Lane& mine = lanes_[lane];
  DP_ASSIGN_OR_RETURN(mine.device, options_.make_device(lane));
  const DeviceDescription& description = mine.device->description();
  if (!description.memory_is_host_memory || !description.runs_inline) {
    return absl::UnimplementedError(description.name +
                                    " has memory or time of its own: lanes that work together share the host's");
  }
  DP_ASSIGN_OR_RETURN(
      mine.program, Program::Create(graph_, mine.device.get(),
                                    {.compute = options_.compute, .batch_max = options_.batch, .fuse = options_.fuse}));
  if (mine.program->parameter_dtype() != DType::kFloat32) {
    return absl::UnimplementedError("lanes add up float32 gradients: compute in float32 or bfloat16");
  }
  for (size_t p = 0; p < graph_->parameters().size(); ++p) {
    const ParameterSpec& spec = *graph_->parameters()[p].spec;
    DP_ASSIGN_OR_RETURN(const Initializer initializer,
                        Initializer::Create(spec.initializer, spec.shape, kSeed, spec.name));
    initializer.Fill(0, {static_cast<float*>(mine.program->weights(p)), static_cast<size_t>(spec.elements)});
  }
  mine.program->WeightsChanged();
  DP_ASSIGN_OR_RETURN(mine.examples, MakeExampleBatch(*graph_, options_.batch, options_.compute,
                                                      kSeed + static_cast<uint64_t>(lane), mine.device.get()));
  return absl::OkStatus();
}

absl::Status LaneTeam::Train(int steps) {
  RunOnAll([this, steps](int lane) { TrainLane(lane, steps); });
  step_ += static_cast<uint64_t>(steps);
  return FirstError();
}

// A lane that failed goes on meeting the others.
void LaneTeam::TrainLane(int lane, int steps) {
  Lane& mine = lanes_[lane];
  for (int i = 0; i < steps; ++i) {
    if (mine.status.ok()) mine.status = mine.program->Train(mine.examples.batch, step_ + static_cast<uint64_t>(i));
    lanes_meet_.arrive_and_wait();
    for (size_t taken; (taken = piece_taken_.fetch_add(1, std::memory_order_relaxed)) < pieces_.size();) {
      Update(pieces_[taken]);
    }
    lanes_meet_.arrive_and_wait();
    piece_taken_.store(0, std::memory_order_relaxed);  // by every lane, before any can ask again
    mine.program->WeightsChanged();
  }
}

void LaneTeam::Update(const Piece& piece) {
  const ParameterSpec& spec = *graph_->parameters()[piece.parameter].spec;
  const bool trained = spec.role == ParameterSpec::Role::kTrained;
  UpdateScalars scalars;
  scalars.rate = trained ? static_cast<float>(options_.learning_rate * spec.learning_rate_multiplier) : 1.0f;
  scalars.weight_decay = trained ? static_cast<float>(spec.weight_decay.value_or(0)) : 0.0f;
  std::array<float, kMeanElements> mean;
  std::vector<FloatInput> gradients(lanes_.size());
  for (size_t done = 0; done < piece.count; done += kMeanElements) {
    const size_t begin = piece.begin + done;
    const size_t count = std::min(kMeanElements, piece.count - done);
    for (size_t i = 0; i < lanes_.size(); ++i) {
      const auto* const gradient = static_cast<const float*>(lanes_[i].program->gradient(piece.parameter));
      gradients[i].values = reinterpret_cast<const std::byte*>(gradient + begin);
    }
    UpdateArrays arrays;
    arrays.count = count;
    arrays.gradient = gradients[0].values;
    if (lanes_.size() > 1) {
      BestKernels().SumOfN(gradients, 1.0f / static_cast<float>(lanes_.size()), mean.data(), count);
      arrays.gradient = reinterpret_cast<const std::byte*>(mean.data());
    }
    // All from the weights of lane 0, which are the last to change.
    arrays.weight_in = static_cast<const float*>(lanes_[0].program->weights(piece.parameter)) + begin;
    for (size_t i = lanes_.size(); i-- > 0;) {
      arrays.weight_out = static_cast<float*>(lanes_[i].program->weights(piece.parameter)) + begin;
      BestKernels().Update(UpdateRule::kSgd, scalars, arrays);
    }
  }
}

absl::StatusOr<double> LaneTeam::Loss() {
  std::vector<double> losses(lanes_.size());
  RunOnAll([&](int lane) {
    const absl::StatusOr<StepResult> result = lanes_[lane].program->Result();
    if (result.ok()) {
      losses[lane] = result->loss / options_.lanes;
    } else {
      lanes_[lane].status = result.status();
    }
  });
  DP_RETURN_IF_ERROR(FirstError());
  double sum = 0;
  for (const double loss : losses) sum += loss;
  return sum;
}

absl::Status LaneTeam::FirstError() const {
  for (const Lane& lane : lanes_) DP_RETURN_IF_ERROR(lane.status);
  return absl::OkStatus();
}

}  // namespace downpour
