#include "common/sharding/table_spec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/config/field_check.h"
#include "common/tensor/wire_dtype.h"

namespace downpour {
namespace {

absl::Status CheckName(const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("a table has no name");
  if (name.size() > kTableNameBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the table name \"", absl::CHexEscape(name.substr(0, 32)),
                                                   "...\" has ", name.size(), " bytes; at most ", kTableNameBytesMax,
                                                   " are allowed"));
  }
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; })) {
    return absl::InvalidArgumentError(absl::StrCat("the table name \"", absl::CHexEscape(name),
                                                   "\" may have only printable ASCII characters without spaces"));
  }
  return absl::OkStatus();
}

// The type of a table's weights: float32 where none is given; nothing for one that there is no arithmetic for.
std::optional<DType> WeightsDType(DataType wire) {
  if (wire == DATA_TYPE_UNSPECIFIED) return DType::kFloat32;
  const std::optional<DType> dtype = FromWireDType(wire);
  const bool trainable = dtype == DType::kFloat32 || dtype == DType::kBFloat16 || dtype == DType::kFloat16;
  return trainable ? dtype : std::nullopt;
}

}  // namespace

absl::StatusOr<TableSpec> TableSpec::FromProto(const TableProto& proto) {
  TableSpec table;
  DP_RETURN_IF_ERROR(CheckName(proto.name()));
  table.name = proto.name();
  const std::string context = absl::StrCat("table ", table.name);

  const std::optional<DType> dtype = WeightsDType(proto.dtype());
  if (!dtype.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(context, ": weights cannot have the dtype ",
                                                   DataType_Name(proto.dtype()), " (", static_cast<int>(proto.dtype()),
                                                   "); use FLOAT32, BFLOAT16 or FLOAT16"));
  }
  table.dtype = *dtype;

  std::vector<int64_t> dims;
  if (proto.dimensions_size() > static_cast<int>(Shape::kRankMax)) {
    return absl::InvalidArgumentError(absl::StrCat(context, ": has ", proto.dimensions_size(), " dimensions; at most ",
                                                   Shape::kRankMax, " are allowed"));
  }
  for (const uint64_t dim : proto.dimensions()) {
    if (dim == 0) return absl::InvalidArgumentError(absl::StrCat(context, ": a dimension is 0"));
    if (dim > kTableElementsMax || table.element_count > kTableElementsMax / dim) {
      return absl::InvalidArgumentError(
          absl::StrCat(context, ": has more than ", kTableElementsMax, " elements, which no server can hold"));
    }
    table.element_count *= dim;
    dims.push_back(static_cast<int64_t>(dim));
  }
  absl::StatusOr<Shape> shape = Shape::FromDims(dims);
  if (!shape.ok()) return Annotate(shape.status(), context);
  table.shape = *shape;
  table.initializer = proto.initializer();
  if (proto.role() != TableProto::TRAINED && proto.role() != TableProto::STATE) {
    return absl::InvalidArgumentError(absl::StrCat(context, ": there is no role ", static_cast<int>(proto.role())));
  }
  table.is_state = proto.role() == TableProto::STATE;
  if (proto.has_learning_rate_multiplier()) {
    table.learning_rate_multiplier = proto.learning_rate_multiplier();
    DP_RETURN_IF_ERROR(
        Annotate(CheckField("learning_rate_multiplier", table.learning_rate_multiplier, kNonNegative), context));
  }
  if (proto.has_weight_decay()) {
    table.weight_decay = proto.weight_decay();
    DP_RETURN_IF_ERROR(Annotate(CheckField("weight_decay", *table.weight_decay, kNonNegative), context));
  }
  return table;
}

TableProto TableSpec::ToProto() const {
  TableProto proto;
  proto.set_name(name);
  for (const int64_t dim : shape.dims()) proto.add_dimensions(static_cast<uint64_t>(dim));
  proto.set_dtype(ToWireDType(dtype));
  if (initializer.kind_case() != InitializerConfig::KIND_NOT_SET) *proto.mutable_initializer() = initializer;
  if (is_state) proto.set_role(TableProto::STATE);
  if (learning_rate_multiplier != 1) proto.set_learning_rate_multiplier(learning_rate_multiplier);
  if (weight_decay.has_value()) proto.set_weight_decay(*weight_decay);
  return proto;
}

}  // namespace downpour
