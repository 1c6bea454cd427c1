#include "worker/layers/resolve_window.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/layers/layer_context.h"

namespace downpour {
namespace {

// Beyond any image; products of two stay far from overflow.
constexpr uint32_t kFieldMax = 1u << 20;

// "", one number for both sides, or height and width.
absl::StatusOr<std::array<int64_t, 2>> Pair(std::string_view name,
                                            const google::protobuf::RepeatedField<uint32_t>& values,
                                            std::array<int64_t, 2> missing, const LayerContext& context) {
  if (values.empty()) return missing;
  if (values.size() > 2) {
    return context.Error(
        absl::StrCat(ToAbsl(name), " has ", values.size(), " numbers; give one for both sides, or height and width"));
  }
  for (const uint32_t value : values) {
    if (value < 1 || value > kFieldMax) {
      return context.Error(absl::StrCat(ToAbsl(name), " is ", value, "; it must be in [1, ", kFieldMax, "]"));
    }
  }
  return std::array<int64_t, 2>{values[0], values[values.size() - 1]};
}

// Top, bottom, left, right.
absl::StatusOr<std::array<int64_t, 4>> ExplicitPadding(const google::protobuf::RepeatedField<uint32_t>& values,
                                                       const LayerContext& context) {
  for (const uint32_t value : values) {
    if (value > kFieldMax) {
      return context.Error(absl::StrCat("explicit_padding is ", value, "; it must be in [0, ", kFieldMax, "]"));
    }
  }
  switch (values.size()) {
    case 1:
      return std::array<int64_t, 4>{values[0], values[0], values[0], values[0]};
    case 2:
      return std::array<int64_t, 4>{values[0], values[0], values[1], values[1]};
    case 4:
      return std::array<int64_t, 4>{values[0], values[1], values[2], values[3]};
    default:
      return context.Error(absl::StrCat("explicit_padding has ", values.size(),
                                        " numbers; give one for all sides, or height and width, or top, bottom, left, "
                                        "right"));
  }
}

int64_t Span(const WindowAxis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

void PadSame(WindowAxis* axis) {
  const int64_t output = (axis->input + axis->stride - 1) / axis->stride;
  const int64_t total = std::max<int64_t>(0, (output - 1) * axis->stride + Span(*axis) - axis->input);
  axis->before = total / 2;
  axis->after = total - axis->before;
}

absl::Status FindOutput(std::string_view side, std::string_view kernel_name, const LayerContext& context,
                        WindowAxis* axis) {
  const int64_t padded = axis->input + axis->before + axis->after;
  if (Span(*axis) > padded) {
    std::string text = absl::StrCat("the ", ToAbsl(kernel_name), " spans ", Span(*axis), " in ", ToAbsl(side));
    if (axis->dilation > 1) absl::StrAppend(&text, " (", axis->kernel, " taps, dilation ", axis->dilation, ")");
    absl::StrAppend(&text, ", more than the input's ", axis->input);
    if (padded > axis->input) absl::StrAppend(&text, " with ", padded - axis->input, " of padding");
    return context.InputError(0, text + "; make it smaller or pad");
  }
  axis->output = (padded - Span(*axis)) / axis->stride + 1;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Window2D> ResolveWindow(const WindowFields& fields, const LayerContext& context) {
  constexpr std::array<std::string_view, 3> kAxes = {"height", "width", "channels"};
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  DP_RETURN_IF_ERROR(context.CheckAxes(0, kAxes));
  if (fields.kernel.empty()) return context.Error(absl::StrCat(ToAbsl(fields.kernel_name), " is missing"));
  DP_ASSIGN_OR_RETURN(const auto kernel, Pair(fields.kernel_name, fields.kernel, {1, 1}, context));
  DP_ASSIGN_OR_RETURN(const auto stride, Pair("stride", fields.stride, {1, 1}, context));
  DP_ASSIGN_OR_RETURN(const auto dilation, Pair("dilation", fields.dilation, {1, 1}, context));

  Window2D window;
  window.height = {.input = context.shape(0).dim(0), .kernel = kernel[0], .stride = stride[0], .dilation = dilation[0]};
  window.width = {.input = context.shape(0).dim(1), .kernel = kernel[1], .stride = stride[1], .dilation = dilation[1]};
  if (!fields.explicit_padding.empty()) {
    if (fields.padding != PADDING_UNSPECIFIED) {
      return context.Error("has both padding and explicit_padding; leave one out");
    }
    DP_ASSIGN_OR_RETURN(const auto padding, ExplicitPadding(fields.explicit_padding, context));
    window.height.before = padding[0];
    window.height.after = padding[1];
    window.width.before = padding[2];
    window.width.after = padding[3];
  } else if (fields.padding == SAME) {
    PadSame(&window.height);
    PadSame(&window.width);
  } else if (fields.padding != VALID && fields.padding != PADDING_UNSPECIFIED) {
    return context.Error(absl::StrCat("padding is ", static_cast<int>(fields.padding), "; it must be SAME or VALID"));
  }
  DP_RETURN_IF_ERROR(FindOutput("height", fields.kernel_name, context, &window.height));
  DP_RETURN_IF_ERROR(FindOutput("width", fields.kernel_name, context, &window.width));
  return window;
}

}  // namespace downpour
