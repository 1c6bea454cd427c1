// A table as a job describes it: what its shards are cut from.
#ifndef DOWNPOUR_COMMON_SHARDING_TABLE_SPEC_H_
#define DOWNPOUR_COMMON_SHARDING_TABLE_SPEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "common/tensor/shape.h"
#include "proto/initializer.pb.h"
#include "proto/shard_map.pb.h"

namespace downpour {

inline constexpr size_t kTableNameBytesMax = 256;
// 4 TiB of float32: beyond any machine, and far from where counts overflow.
inline constexpr uint64_t kTableElementsMax = uint64_t{1} << 40;

// A named parameter of the model: a dense tensor. A value; what FromProto returned is consistent.
struct TableSpec {
  std::string name;
  Shape shape;
  DType dtype = DType::kFloat32;
  InitializerConfig initializer;
  bool is_state = false;  // a running statistic: see TableProto::STATE
  double learning_rate_multiplier = 1;
  std::optional<double> weight_decay;  // in place of the optimizer's

  uint64_t element_count = 1;  // of the shape: 1 to kTableElementsMax
  uint64_t bytes() const { return element_count * DTypeSize(dtype); }

  // INVALID_ARGUMENT, naming the table and the field, for what proto/shard_map.proto does not allow. The initializer is
  // checked by whoever fills the table.
  static absl::StatusOr<TableSpec> FromProto(const TableProto& proto);
  TableProto ToProto() const;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_SHARDING_TABLE_SPEC_H_
