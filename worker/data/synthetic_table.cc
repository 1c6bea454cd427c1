#include "worker/data/synthetic_table.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "worker/data/example_key.h"

namespace downpour {
namespace {

// Nearly normal, mean 0 and deviation 1, and by sums and products alone: the same bits everywhere.
float NearlyNormal(PhiloxStream& random) {
  float sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.UniformFloat();
  return sum - 6;
}

// Which half a pair of categories falls into is found out of this few kinds of each, so that a row's pair was met
// in training.
constexpr uint64_t kKinds = 8;

class SyntheticTable final : public TableDataset {
 public:
  SyntheticTable(const SyntheticTableOptions& options, Split split)
      : options_(options),
        effects_seed_(SeedFor("synthetic table effects", options.seed)),
        rows_seed_(SeedFor(SplitName(split), SeedFor("synthetic table", options.seed))) {
    for (int i = 0; i < options.dense; ++i) schema_.dense.push_back(absl::StrCat("dense_", i));
    for (int i = 0; i < options.categorical; ++i) schema_.categorical.push_back(absl::StrCat("category_", i));
    schema_.classes = 2;
    PhiloxStream random(SeedFor("synthetic table weights", options.seed));
    float squares = 0;
    for (int i = 0; i < options.dense; ++i) {
      weights_.push_back(NearlyNormal(random));
      squares += weights_.back() * weights_.back();
    }
    for (float& weight : weights_) weight /= std::sqrt(squares);
    const int parts = (options.dense > 0) + (options.categorical > 0) + (options.categorical > 1);
    part_weight_ = 1 / std::sqrt(static_cast<float>(parts));
  }

  const TableSchema& schema() const override { return schema_; }
  uint64_t size() const override { return options_.examples; }

  TableExample Get(uint64_t index, Scratch& scratch) const override {
    PhiloxStream random(rows_seed_, index);
    scratch.dense.resize(weights_.size());
    scratch.keys.resize(static_cast<size_t>(options_.categorical));
    float linear = 0;
    for (size_t i = 0; i < weights_.size(); ++i) {
      scratch.dense[i] = NearlyNormal(random);
      linear += weights_[i] * scratch.dense[i];
    }
    float effects = 0;
    float pairs = 0;
    for (size_t column = 0; column < scratch.keys.size(); ++column) {
      // The cube of a uniform number: a tenth of all categories have almost half of the rows.
      const double uniform = random.UniformDouble();
      const auto category = static_cast<uint64_t>(uniform * uniform * uniform * options_.categories);
      scratch.keys[column] = static_cast<uint64_t>(column) << 32 | category;
      effects += Effect(0, scratch.keys[column]);
      if (column % 2 == 1) pairs += PairEffect(scratch.keys[column - 1], scratch.keys[column]);
    }
    if (options_.categorical > 0) effects /= std::sqrt(static_cast<float>(options_.categorical));
    if (options_.categorical > 1) pairs /= std::sqrt(static_cast<float>(options_.categorical / 2));
    const float score = part_weight_ * (linear + effects + pairs) + options_.noise * NearlyNormal(random);
    return {scratch.dense, scratch.keys, score > 0 ? 1.0f : 0.0f};
  }

 private:
  // Of a category, or of something else that a number stands for: -1 or 1, by its own coin.
  float Effect(uint64_t kind, uint64_t key) const {
    return (ExampleBits(effects_seed_, kind, key)[0] & 1) != 0 ? 1.0f : -1.0f;
  }

  float PairEffect(uint64_t first, uint64_t second) const {
    const uint64_t first_kind = ExampleBits(effects_seed_, 1, first)[0] % kKinds;
    const uint64_t second_kind = ExampleBits(effects_seed_, 1, second)[0] % kKinds;
    return Effect(2, (second >> 32) * kKinds * kKinds + first_kind * kKinds + second_kind);
  }

  const SyntheticTableOptions options_;
  const uint64_t effects_seed_;
  const uint64_t rows_seed_;
  TableSchema schema_;
  std::vector<float> weights_;  // of the dense columns, of length 1
  float part_weight_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TableDataset>> MakeSyntheticTable(const SyntheticTableOptions& options, Split split) {
  constexpr int kColumnsMax = 4096;
  for (const int columns : {options.dense, options.categorical}) {
    if (columns < 0 || columns > kColumnsMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a synthetic table with ", columns, " columns of a kind; it must be in 0..", kColumnsMax));
    }
  }
  if (options.dense + options.categorical == 0) {
    return absl::InvalidArgumentError("a synthetic table without columns; it needs one at least");
  }
  if (options.categories == 0) return absl::InvalidArgumentError("a synthetic table with 0 categories; at least 1");
  if (options.examples == 0) return absl::InvalidArgumentError("a synthetic table with 0 examples; at least 1");
  if (!(options.noise >= 0 && options.noise <= 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a synthetic table with noise ", options.noise, "; it must be in [0, 100]"));
  }
  return std::make_unique<SyntheticTable>(options, split);
}

}  // namespace downpour
