// Windows as model files write them.
#ifndef DOWNPOUR_WORKER_LAYERS_RESOLVE_WINDOW_H_
#define DOWNPOUR_WORKER_LAYERS_RESOLVE_WINDOW_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "proto/model.pb.h"
#include "worker/layers/window2d.h"

namespace downpour {

class LayerContext;

// A window as a model file writes it; what is not given is empty or PADDING_UNSPECIFIED.
struct WindowFields {
  std::string_view kernel_name;  // the field that errors speak of: "kernel", "window"
  google::protobuf::RepeatedField<uint32_t> kernel;
  google::protobuf::RepeatedField<uint32_t> stride;
  google::protobuf::RepeatedField<uint32_t> dilation;
  Padding padding = PADDING_UNSPECIFIED;
  google::protobuf::RepeatedField<uint32_t> explicit_padding;
};

// The window over the first two axes of the context's input 0, which has three. Refuses, naming layer, input and
// shapes, a number out of range and a window that fits nowhere.
absl::StatusOr<Window2D> ResolveWindow(const WindowFields& fields, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_RESOLVE_WINDOW_H_
