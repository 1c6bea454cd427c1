#ifndef DOWNPOUR_COMMON_FUZZ_MUTATE_H_
#define DOWNPOUR_COMMON_FUZZ_MUTATE_H_

#include <string>
#include <string_view>

#include "common/base/philox.h"

namespace downpour {

// `input` with one to four changes of the kinds that break decoders: a flipped bit, a byte set to an extreme value,
// bytes left out, doubled or put in from `other`, the end cut off. Follows from the arguments alone.
std::string Mutate(std::string input, std::string_view other, PhiloxStream* random);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_FUZZ_MUTATE_H_
