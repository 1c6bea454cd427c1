#include "server/service/wire_refusal.h"

#include <string>

#include "absl/strings/ascii.h"
#include "common/base/string_view.h"
#include "common/rpc/limits.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(WireRefusalTest, EveryReasonOfAShardHasItsNameOnTheWire) {
  for (size_t i = 1; i < kRefusalReasonCount; ++i) {
    const wire::Refusal refusal = ToWire(Refusal(static_cast<RefusalReason>(i), "why"));
    EXPECT_EQ(absl::AsciiStrToLower(wire::Refusal::Reason_Name(refusal.reason())),
              std::string(RefusalReasonName(static_cast<RefusalReason>(i))));
    EXPECT_EQ(refusal.message(), "why");
  }
}

TEST(WireRefusalTest, CutsLongMessagesBetweenCharacters) {
  std::string message(kRefusalMessageBytesMax - 1, 'x');
  message += "\xC3\xBC and more";
  EXPECT_EQ(MakeWireRefusal(wire::Refusal::POLICY, message).message(), std::string(kRefusalMessageBytesMax - 1, 'x'));
}

}  // namespace
}  // namespace downpour
