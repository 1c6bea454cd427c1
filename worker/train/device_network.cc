#include "worker/train/device_network.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "kernels/kernels.h"

namespace downpour {

absl::StatusOr<std::unique_ptr<DeviceNetwork>> DeviceNetwork::Create(std::shared_ptr<const Graph> graph,
                                                                     ModelInputs inputs, std::unique_ptr<Device> device,
                                                                     const NetworkOptions& options) {
  std::unique_ptr<DeviceNetwork> network(new DeviceNetwork(std::move(graph), inputs, std::move(device)));
  DP_RETURN_IF_ERROR(network->SetUp(options));
  return network;
}

// Nothing that work may still use is freed before it.
DeviceNetwork::~DeviceNetwork() { (void)device_->Synchronize(); }

absl::Status DeviceNetwork::SetUp(const NetworkOptions& options) {
  DP_ASSIGN_OR_RETURN(
      program_,
      Program::Create(
          shared_graph(), device_.get(),
          {.compute = options.compute, .batch_max = options.batch_max, .fuse = options.fuse, .seed = options.seed}));
  if (program_->parameter_dtype() != DType::kFloat32) {
    return absl::UnimplementedError("servers keep float32 weights: compute in float32 or bfloat16");
  }
  host_memory_ = device_->description().memory_is_host_memory;
  for (size_t i = 0; i < input_memory_.size(); ++i) {
    const Graph::Tensor& input = graph().inputs()[i];
    const DType dtype = input.type.element_type == ElementType::kIndex ? DType::kInt32 : options.compute;
    const size_t bytes = static_cast<size_t>(options.batch_max * input.type.elements) * DTypeSize(dtype);
    const bool converted = dtype == DType::kBFloat16;
    if (!host_memory_ || converted) {
      DP_ASSIGN_OR_RETURN(input_staging_[i], device_->AllocateStaging(bytes, input.name));
    }
    if (!host_memory_) {
      DP_ASSIGN_OR_RETURN(input_memory_[i], device_->Allocate(bytes, input.name));
    }
  }
  if (host_memory_) return absl::OkStatus();
  DP_ASSIGN_OR_RETURN(weights_staging_, device_->AllocateStaging(program_->block_bytes(), "weights"));
  DP_ASSIGN_OR_RETURN(gradients_staging_, device_->AllocateStaging(program_->block_bytes(), "gradients"));
  std::memset(weights_staging_.data(), 0, weights_staging_.size());
  for (size_t p = 0; p < parameter_count(); ++p) {
    DP_ASSIGN_OR_RETURN(std::unique_ptr<Event> event, device_->CreateEvent());
    gradient_copied_.push_back(std::move(event));
  }
  return absl::OkStatus();
}

std::span<float> DeviceNetwork::weights(size_t parameter) {
  std::byte* const block =
      host_memory_ ? static_cast<std::byte*>(program_->weights_block()) : weights_staging_.As<std::byte>();
  return {reinterpret_cast<float*>(block + program_->parameter_offset(parameter)), CountOf(parameter)};
}

std::span<std::byte> DeviceNetwork::weights_block() {
  void* const block = host_memory_ ? program_->weights_block() : weights_staging_.data();
  return {static_cast<std::byte*>(block), program_->block_bytes()};
}

void DeviceNetwork::WeightsChanged() {
  if (!host_memory_)
    device_->CopyIn(Queue::kCompute, program_->weights_block(), weights_staging_.data(), program_->block_bytes());
  program_->WeightsChanged();
}

std::span<float> DeviceNetwork::gradient(size_t parameter) {
  std::byte* const block =
      host_memory_ ? static_cast<std::byte*>(program_->gradients_block()) : gradients_staging_.As<std::byte>();
  return {reinterpret_cast<float*>(block + program_->parameter_offset(parameter)), CountOf(parameter)};
}

absl::StatusOr<Batch> DeviceNetwork::Feed(const HostBatch& host) {
  Batch batch;
  batch.size = host.size;
  batch.inputs.resize(input_memory_.size());
  for (size_t i = 0; i < input_memory_.size(); ++i) {
    const Graph::Tensor& input = graph().inputs()[i];
    const AlignedBuffer& from = i == inputs_.labels ? host.labels : host.examples;
    const size_t count = static_cast<size_t>(host.size * input.type.elements);
    if (from.size() < count * sizeof(float)) {
      return absl::InternalError(
          absl::StrCat("the batch has ", from.size(), " bytes of ", input.name, " for ", count, " numbers"));
    }
    const void* at = from.data();
    size_t bytes = count * sizeof(float);
    if (input_staging_[i].size() > 0) {
      if (input.type.element_type == ElementType::kReal && program_->options().compute != DType::kFloat32) {
        BestKernels().FromFloat(from.Elements<float>().data(), program_->options().compute,
                                input_staging_[i].As<std::byte>(), count);
        bytes = count * DTypeSize(program_->options().compute);
      } else {
        std::memcpy(input_staging_[i].data(), from.data(), bytes);
      }
      at = input_staging_[i].data();
    }
    if (!host_memory_) {
      device_->CopyIn(Queue::kCompute, input_memory_[i].data(), at, bytes);
      at = input_memory_[i].data();
    }
    batch.inputs[i] = at;
  }
  return batch;
}

absl::StatusOr<BatchLoss> DeviceNetwork::LossOf(const HostBatch& batch) {
  DP_ASSIGN_OR_RETURN(const StepResult result, program_->Result());
  BatchLoss loss = {.examples = batch.size, .loss = result.loss};
  if (!result.losses.empty()) loss.correct = result.losses.front().correct;
  return loss;
}

absl::StatusOr<BatchLoss> DeviceNetwork::Train(const HostBatch& host, uint64_t step,
                                               const GradientCallback& on_gradient) {
  DP_ASSIGN_OR_RETURN(const Batch batch, Feed(host));
  if (host_memory_ && device_->description().runs_inline) {
    DP_RETURN_IF_ERROR(program_->Train(batch, step, on_gradient));
    return LossOf(host);
  }
  DP_RETURN_IF_ERROR(program_->Train(batch, step, [this](size_t p) {
    if (host_memory_) return;
    device_->WaitFor(Queue::kCopyOut, program_->gradient_event(p));
    device_->CopyOut(Queue::kCopyOut, gradient(p).data(), program_->gradient(p), CountOf(p) * sizeof(float));
    device_->Record(Queue::kCopyOut, *gradient_copied_[p]);
  }));
  for (const size_t p : gradient_order()) {
    DP_RETURN_IF_ERROR(host_memory_ ? program_->gradient_event(p).Wait() : gradient_copied_[p]->Wait());
    if (on_gradient) on_gradient(p);
  }
  return LossOf(host);
}

absl::StatusOr<BatchLoss> DeviceNetwork::Evaluate(const HostBatch& host) {
  DP_ASSIGN_OR_RETURN(const Batch batch, Feed(host));
  DP_RETURN_IF_ERROR(program_->Evaluate(batch));
  return LossOf(host);
}

absl::StatusOr<std::string> DeviceNetwork::FindNonFinite(const HostBatch& host, uint64_t step) {
  DP_ASSIGN_OR_RETURN(const Batch batch, Feed(host));
  return program_->FindNonFinite(batch, step);
}

}  // namespace downpour
