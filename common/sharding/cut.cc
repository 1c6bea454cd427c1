#include "common/sharding/cut.h"

#include <algorithm>

namespace downpour {

bool CutsAlike(const ShardMap& a, const ShardMap& b) {
  const auto same_table = [](const TableSpec& x, const TableSpec& y) { return x.name == y.name && x.dtype == y.dtype; };
  const auto same_range = [](const ShardPlacement& x, const ShardPlacement& y) {
    return x.table == y.table && x.first_element == y.first_element && x.element_count == y.element_count;
  };
  return std::ranges::equal(a.tables(), b.tables(), same_table) &&
         std::ranges::equal(a.shards(), b.shards(), same_range);
}

}  // namespace downpour
