#ifndef DOWNPOUR_KERNELS_UPDATE_CASE_H_
#define DOWNPOUR_KERNELS_UPDATE_CASE_H_

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "kernels/interface.h"
#include "kernels/test_arrays.h"
#include "kernels/update.h"

// Every rule with every option, and arrays to run it on, for the kernels' tests.

namespace downpour::testing {

struct UpdateCase {
  std::string name;
  UpdateRule rule = UpdateRule::kSgd;
  UpdateScalars scalars;
  bool has_delay = false;
  bool has_average = false;
};

// Each rule (and each form of RMSProp) alone, with clipping and decay, and with delay compensation on top; each without
// and with the moving average.
std::vector<UpdateCase> AllUpdateCases();

// What an update reads, and where it writes.
class UpdateFixture {
 public:
  // Random inputs, the same for the same case and count.
  UpdateFixture(const UpdateCase& update_case, DType gradient_dtype, size_t count, bool in_place);

  // The arrays of `this`: pointers into it.
  UpdateArrays Arrays();

  const std::vector<float>& weight_in() const { return weight_in_; }
  const PackedFloats& gradient() const { return gradient_; }

  // What was written, by name ("weight", "slot 0", "average"); arrays that the rule must not write are left out.
  struct Output {
    std::string name;
    const GuardedFloats* values;
    const std::vector<float>* before;
  };
  std::vector<Output> Outputs() const;

  // Whether no guard zone was written, and no array that the rule must leave alone.
  bool NothingElseWasWritten() const;

  LambNorms norms;

 private:
  struct Array {
    Array(std::vector<float> values, bool in_place)
        : before(std::move(values)), in(before), out(in_place ? 0 : before.size()), is_in_place(in_place) {}
    float* target() { return is_in_place ? in.data() : out.data(); }
    const GuardedFloats& written() const { return is_in_place ? in : out; }

    std::vector<float> before;
    GuardedFloats in;
    GuardedFloats out;
    bool is_in_place;
  };

  static bool IsUntouched(const Array& array);

  UpdateCase case_;
  size_t count_;
  DType dtype_;
  PackedFloats gradient_;
  std::vector<float> weight_in_;
  Array weight_;
  std::vector<Array> slots_;
  std::vector<float> pulled_;
  Array average_;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_KERNELS_UPDATE_CASE_H_
