#include "server/store/initializer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "server/store/normal_quantile.h"

namespace downpour {
namespace {

// Sets these draws apart from whatever else a job draws under its seed.
constexpr uint32_t kPurpose = 0x696e6974;  // "init"

// The probability of a standard normal variable to lie below -2.
constexpr double kBelowTwoDeviations = 0.022750131948179207;

constexpr double kFloatMax = std::numeric_limits<float>::max();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Fans {
  double in = 0;
  double out = 0;
};

// As proto/initializer.proto says.
Fans FansOf(const InitializerConfig::Scaled& config, const Shape& shape) {
  const size_t rank = shape.rank();
  Fans fans = {1, 1};
  for (size_t axis = 0; axis < rank; ++axis) {
    if (rank < 2 || axis != rank - 1) fans.in *= static_cast<double>(shape.dim(axis));
    if (rank < 2 || axis != rank - 2) fans.out *= static_cast<double>(shape.dim(axis));
  }
  if (config.has_fan_in()) fans.in = static_cast<double>(config.fan_in());
  if (config.has_fan_out()) fans.out = static_cast<double>(config.fan_out());
  return fans;
}

absl::Status CheckFinite(double value, std::string_view field) {
  if (std::abs(value) <= kFloatMax) return absl::OkStatus();  // false for NaN
  return absl::InvalidArgumentError(absl::StrCat("initializer.", ToAbsl(field), ": ", value, " is not a finite float"));
}

absl::Status CheckSpread(double value, std::string_view field) {
  DP_RETURN_IF_ERROR(CheckFinite(value, field));
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("initializer.", ToAbsl(field), ": ", value, " must be above 0; for equal values use `constant`"));
}

// gain * sqrt(`numerator` / `fan`).
absl::StatusOr<double> Spread(const InitializerConfig::Scaled& config, double numerator, double fan,
                              std::string_view kind) {
  if (!(fan > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("initializer.", ToAbsl(kind), ": the fan is 0; give a fan above 0"));
  }
  const double gain = config.has_gain() ? config.gain() : 1.0;
  DP_RETURN_IF_ERROR(CheckSpread(gain, std::string(kind) + ".gain"));
  return gain * std::sqrt(numerator / fan);
}

}  // namespace

absl::StatusOr<Initializer> Initializer::Create(const InitializerConfig& config, const Shape& shape, uint64_t seed,
                                                std::string_view table) {
  switch (config.kind_case()) {
    case InitializerConfig::KIND_NOT_SET:
    case InitializerConfig::kZeros:
      return Initializer(Kind::kConstant, 0, 0, seed, table);
    case InitializerConfig::kConstant:
      DP_RETURN_IF_ERROR(CheckFinite(config.constant().value(), "constant.value"));
      return Initializer(Kind::kConstant, config.constant().value(), 0, seed, table);
    case InitializerConfig::kUniform: {
      const double low = config.uniform().low();
      const double high = config.uniform().high();
      DP_RETURN_IF_ERROR(CheckFinite(low, "uniform.low"));
      DP_RETURN_IF_ERROR(CheckFinite(high, "uniform.high"));
      if (!(static_cast<float>(low) < static_cast<float>(high))) {
        return absl::InvalidArgumentError(absl::StrCat("initializer.uniform: low ", low, " must be below high ", high));
      }
      return Initializer(Kind::kUniform, low, high - low, seed, table);
    }
    case InitializerConfig::kNormal:
      DP_RETURN_IF_ERROR(CheckFinite(config.normal().mean(), "normal.mean"));
      DP_RETURN_IF_ERROR(CheckSpread(config.normal().stddev(), "normal.stddev"));
      return Initializer(Kind::kNormal, config.normal().mean(), config.normal().stddev(), seed, table);
    case InitializerConfig::kTruncatedNormal:
      DP_RETURN_IF_ERROR(CheckFinite(config.truncated_normal().mean(), "truncated_normal.mean"));
      DP_RETURN_IF_ERROR(CheckSpread(config.truncated_normal().stddev(), "truncated_normal.stddev"));
      return Initializer(Kind::kTruncatedNormal, config.truncated_normal().mean(), config.truncated_normal().stddev(),
                         seed, table);
    case InitializerConfig::kGlorotUniform: {
      const Fans fans = FansOf(config.glorot_uniform(), shape);
      DP_ASSIGN_OR_RETURN(const double bound, Spread(config.glorot_uniform(), 6, fans.in + fans.out, "glorot_uniform"));
      return Initializer(Kind::kUniform, -bound, 2 * bound, seed, table);
    }
    case InitializerConfig::kGlorotNormal: {
      const Fans fans = FansOf(config.glorot_normal(), shape);
      DP_ASSIGN_OR_RETURN(const double stddev, Spread(config.glorot_normal(), 2, fans.in + fans.out, "glorot_normal"));
      return Initializer(Kind::kNormal, 0, stddev, seed, table);
    }
    case InitializerConfig::kHeUniform: {
      const Fans fans = FansOf(config.he_uniform(), shape);
      DP_ASSIGN_OR_RETURN(const double bound, Spread(config.he_uniform(), 6, fans.in, "he_uniform"));
      return Initializer(Kind::kUniform, -bound, 2 * bound, seed, table);
    }
    case InitializerConfig::kHeNormal: {
      const Fans fans = FansOf(config.he_normal(), shape);
      DP_ASSIGN_OR_RETURN(const double stddev, Spread(config.he_normal(), 2, fans.in, "he_normal"));
      return Initializer(Kind::kNormal, 0, stddev, seed, table);
    }
  }
  return absl::InvalidArgumentError("initializer: of a kind that this version does not know");
}

Initializer::Initializer(Kind kind, double a, double b, uint64_t seed, std::string_view table)
    : kind_(kind), a_(a), b_(b) {
  // The table's name and the seed share Philox's key; the counter is left to the element.
  const uint64_t key = Hash64(table, seed);
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

double Initializer::Uniform(uint64_t element) const {
  const std::array<uint32_t, 4> bits =
      Philox4x32({static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32), kPurpose, 0}, key_);
  const uint64_t random = bits[0] | uint64_t{bits[1]} << 32;
  // The middle of one of 2^52 equal intervals: exact in a double, and never 0 or 1.
  return (static_cast<double>(random >> 12) + 0.5) * 0x1p-52;
}

void Initializer::Fill(uint64_t first_element, std::span<float> values) const {
  switch (kind_) {
    case Kind::kConstant:
      std::fill(values.begin(), values.end(), static_cast<float>(a_));
      return;
    case Kind::kUniform: {
      // Rounding to float may reach the upper end, which is outside.
      const float below_high = std::nextafter(static_cast<float>(a_ + b_), -kInfinity);
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = std::min(static_cast<float>(a_ + b_ * Uniform(first_element + i)), below_high);
      }
      return;
    }
    case Kind::kNormal:
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(a_ + b_ * NormalQuantile(Uniform(first_element + i)));
      }
      return;
    case Kind::kTruncatedNormal:
      // Drawing again what lies outside is the same as spreading the draw over the probabilities of what lies inside.
      for (size_t i = 0; i < values.size(); ++i) {
        const double inside = kBelowTwoDeviations + (1 - 2 * kBelowTwoDeviations) * Uniform(first_element + i);
        values[i] = static_cast<float>(a_ + b_ * NormalQuantile(inside));
      }
      return;
  }
}

}  // namespace downpour
