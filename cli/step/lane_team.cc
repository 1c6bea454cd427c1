#include "cli/step/lane_team.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "kernels/kernels.h"
#include "server/store/initializer.h"

namespace downpour {
namespace {

constexpr uint64_t kSeed = 1;
// Of gradients that are added up at a time: they stay in the nearest cache until the update has read them.
constexpr size_t kPiece = 4096;
constexpr size_t kFloatsOfACacheLine = 16;

// Elements [first, last) of a parameter that a lane updates: whole cache lines, the last lane takes what is left.
struct Share {
  size_t first = 0;
  size_t last = 0;
};

Share ShareOf(int lane, int lanes, size_t elements) {
  const size_t lines = elements / kFloatsOfACacheLine;
  const auto cut = [&](int i) {
    return i == lanes ? elements : lines * static_cast<size_t>(i) / static_cast<size_t>(lanes) * kFloatsOfACacheLine;
  };
  return {cut(lane), cut(lane + 1)};
}

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
  if (!mine.device->description().memory_is_host_memory) {
    return absl::UnimplementedError(mine.device->description().name +
                                    " has memory of its own: lanes that work together share the host's");
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
  mine.sum.resize(kPiece);
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
    if (mine.status.ok()) mine.status = mine.program->finished_event().Wait();
    lanes_meet_.arrive_and_wait();
    Update(lane);
    lanes_meet_.arrive_and_wait();
    mine.program->WeightsChanged();
  }
}

void LaneTeam::Update(int lane) {
  for (size_t p = 0; p < graph_->parameters().size(); ++p) {
    const Share share = ShareOf(lane, options_.lanes, static_cast<size_t>(graph_->parameters()[p].spec->elements));
    // One lane has nothing to add up, and does all in one pass.
    const size_t piece = options_.lanes == 1 ? share.last : kPiece;
    for (size_t begin = share.first; begin < share.last; begin += piece) {
      UpdatePiece(lane, p, begin, std::min(piece, share.last - begin));
    }
  }
}

void LaneTeam::UpdatePiece(int lane, size_t parameter, size_t begin, size_t count) {
  const ParameterSpec& spec = *graph_->parameters()[parameter].spec;
  const bool trained = spec.role == ParameterSpec::Role::kTrained;
  const auto gradient_of = [&](Lane& of) { return static_cast<float*>(of.program->gradient(parameter)) + begin; };
  const auto weights_of = [&](Lane& of) { return static_cast<float*>(of.program->weights(parameter)) + begin; };
  const Kernels& kernels = BestKernels();

  const float* gradient = gradient_of(lanes_[lane]);
  if (options_.lanes > 1) {
    std::vector<FloatInput> inputs;
    for (Lane& other : lanes_) inputs.push_back({.values = reinterpret_cast<const std::byte*>(gradient_of(other))});
    float* const sum = lanes_[lane].sum.data();
    kernels.SumOfN(inputs, 1.0f / static_cast<float>(options_.lanes), sum, count);
    gradient = sum;
  }

  UpdateScalars scalars;
  scalars.rate = trained ? static_cast<float>(options_.learning_rate * spec.learning_rate_multiplier) : 1.0f;
  scalars.weight_decay = trained ? static_cast<float>(spec.weight_decay.value_or(0)) : 0.0f;
  float* const weights = weights_of(lanes_[lane]);
  UpdateArrays arrays;
  arrays.gradient = reinterpret_cast<const std::byte*>(gradient);
  arrays.weight_in = arrays.weight_out = weights;
  arrays.count = count;
  kernels.Update(UpdateRule::kSgd, scalars, arrays);
  for (Lane& other : lanes_) {
    if (&other != &lanes_[lane]) std::memcpy(weights_of(other), weights, count * sizeof(float));
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
