#include "worker/device/reference/op_math.h"

#include <type_traits>
#include <variant>

namespace downpour::reference {

void Forward(ForwardMath& math) {
  std::visit(
      [&math](const auto& op) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Reshape>) Forward(op, math);
      },
      math.layer.op);
}

void Backward(BackwardMath& math) {
  std::visit(
      [&math](const auto& op) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(op)>, Reshape>) Backward(op, math);
      },
      math.layer.op);
}

}  // namespace downpour::reference
