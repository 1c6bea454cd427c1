// A fake cluster as a process, for tests of what draws on a terminal: two servers, four workers (worker/2 is slow and
// worker/3 dead). Prints the address of server/0 and answers until its stdin ends.

#include <cstdio>

#include "cli/status/fake_cluster.h"

int main() {
  using downpour::ExampleCluster;
  ExampleCluster example = downpour::FakeCluster::Local(2, 4);
  example.workers[2].compute = 0.3;
  example.workers[3].state = downpour::wire::WorkerStatus::DEAD;
  downpour::FakeCluster cluster(example);
  std::printf("%s\n", cluster.address().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
