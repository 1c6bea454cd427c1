#include "cli/step/foreign_load.h"

#include <sys/wait.h>

#include <cerrno>
#include <memory>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(ForeignLoadTest, StartsOneProcessForEachCoreAndLeavesNoneBehind) {
  ASSERT_FALSE(UsableCores().empty());
  auto load = std::make_unique<ForeignLoad>();
  EXPECT_TRUE(load->status().ok()) << load->status();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0) << "children are there, and busy";
  load.reset();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace downpour
