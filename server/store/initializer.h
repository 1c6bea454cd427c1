#ifndef DOWNPOUR_SERVER_STORE_INITIALIZER_H_
#define DOWNPOUR_SERVER_STORE_INITIALIZER_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/tensor/shape.h"
#include "proto/initializer.pb.h"

namespace downpour {

// The first values of a table: each a pure function of (seed, table name, element index), so that they are the same
// whatever the number of shards and servers, and nobody has to send them. Immutable; any thread.
//
// The bits are the same on every machine whose double is IEEE 754 and whose compiler does not contract or reorder it
// (.bazelrc sees to that): from Philox's integers to the float there are only additions, multiplications, divisions and
// square roots, all of which IEEE rounds in one way, and no call into a mathematics library.
class Initializer {
 public:
  // Refuses, naming the field, what proto/initializer.proto does not allow. `shape` is the whole table's.
  static absl::StatusOr<Initializer> Create(const InitializerConfig& config, const Shape& shape, uint64_t seed,
                                            std::string_view table);

  // The values of elements [first_element, first_element + values.size()) of the table.
  void Fill(uint64_t first_element, std::span<float> values) const;

 private:
  enum class Kind : uint8_t { kConstant, kUniform, kNormal, kTruncatedNormal };

  Initializer(Kind kind, double a, double b, uint64_t seed, std::string_view table);

  // In the open interval (0, 1), from 52 random bits.
  double Uniform(uint64_t element) const;

  Kind kind_;
  double a_;  // the constant, the lower bound, the mean
  double b_;  // the width of the interval, the standard deviation
  std::array<uint32_t, 2> key_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_INITIALIZER_H_
