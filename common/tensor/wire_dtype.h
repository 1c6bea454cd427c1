#ifndef DOWNPOUR_COMMON_TENSOR_WIRE_DTYPE_H_
#define DOWNPOUR_COMMON_TENSOR_WIRE_DTYPE_H_

#include <optional>

#include "common/tensor/dtype.h"
#include "proto/tensor.pb.h"

namespace downpour {

// The element types by their numbers in messages and files; nothing for a number that we do not know.
std::optional<DType> FromWireDType(DataType dtype);
DataType ToWireDType(DType dtype);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_WIRE_DTYPE_H_
