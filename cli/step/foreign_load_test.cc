#include "cli/step/foreign_load.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace downpour {
namespace {

// Of all children that have ended.
double ChildrensSeconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
}

TEST(ForeignLoadTest, StartsOneProcessForEachCoreAndLeavesNoneBehind) {
  ASSERT_FALSE(UsableCores().empty());
  auto load = std::make_unique<ForeignLoad>();
  EXPECT_TRUE(load->status().ok()) << load->status();
  load->Start();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0) << "children are there, and busy";
  load.reset();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(ForeignLoadTest, IsBusyOnlyBetweenStartAndStop) {
  const auto seconds_of = [](bool busy) {
    const double before = ChildrensSeconds();
    auto load = std::make_unique<ForeignLoad>();
    if (busy) load->Start();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    load->Stop();
    load.reset();
    return ChildrensSeconds() - before;
  };
  EXPECT_LT(seconds_of(false), 0.02);
  EXPECT_GT(seconds_of(true), 0.02) << "on a machine that is not busy itself nearly all of the time";
}

}  // namespace
}  // namespace downpour
