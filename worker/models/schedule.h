// What a step calls, in which order, and which tensor lies where: the part of a program that is plain bookkeeping.
#ifndef DOWNPOUR_WORKER_MODELS_SCHEDULE_H_
#define DOWNPOUR_WORKER_MODELS_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "worker/models/fusion.h"
#include "worker/models/graph.h"

namespace downpour {

// What the schedule must know of a node's kernel: see KernelNeeds.
struct NodeTraits {
  bool backward_reads_inputs = true;
  bool backward_reads_output = true;
  bool forward_in_place = false;
  bool backward_in_place = false;
  bool accumulates = false;
};

// Where a tensor's value or gradient is found.
struct Place {
  enum class Kind : uint8_t {
    kNone,   // nowhere: not needed, or a loss
    kInput,  // in the batch that the caller hands in
    kSlot,
  };
  Kind kind = Kind::kNone;
  size_t index = 0;  // of the graph's inputs, or of Schedule::slots

  friend bool operator==(const Place&, const Place&) = default;
};

// A piece of memory with one purpose after the other, in the compute type. Slots whose times do not overlap may lie in
// the same place.
struct Slot {
  int64_t elements = 0;        // of one example
  size_t first = 0, last = 0;  // moments, both included
};

struct ForwardEntry {
  size_t node = 0;
  size_t moment = 0;
  std::vector<Place> inputs;
  Place output;
};

struct BackwardEntry {
  // Of gradients, after the call.
  struct Sum {
    bool copy_first = false;  // to = into + from; otherwise to += from (and into == to)
    Place from, into, to;
    int64_t elements = 0;  // of one example
  };

  size_t node = 0;
  size_t moment = 0;
  bool calls_kernel = true;  // false: the gradient is passed on as it is (views, sums), and only `sums` are to be done
  std::vector<Place> inputs;
  Place output, output_gradient;
  std::vector<Place> input_gradients;
  std::vector<bool> accumulate;
  std::vector<Sum> sums;
};

struct Schedule {
  std::vector<Slot> slots;
  std::vector<ForwardEntry> forward;    // without views, whose outputs lie where their inputs do
  std::vector<BackwardEntry> backward;  // of the nodes between a loss and something to train
  std::vector<Place> values;            // of each tensor of the graph; a slot holds it until its last use
  std::vector<Place> gradients;         // of each tensor; where it was when last used
  size_t moments = 0;

  // The moment of backward of each node that has an entry, or that of its forward.
  std::vector<size_t> last_moment_of_node;
};

// `traits` has one entry for each node. With `input_gradients` the gradients of real inputs are kept to the end of the
// step; those of graph.outputs() always are.
//
// Rules of memory, each of which the tests of the program hold it to:
//   - a value lives until its last reader in forward, or in backward where a kernel reads it there; outputs to the end;
//   - an output takes the place of input 0 where the kernel can and nobody reads that input afterwards;
//   - views and the gradients of a sum's inputs share the memory of what they are equal to; whoever then writes to it
//   in
//     place or adds to it does so only if no other reader is left, and otherwise to a copy.
Schedule MakeSchedule(const Graph& graph, std::span<const Node> nodes, std::span<const NodeTraits> traits,
                      bool training, bool input_gradients);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_SCHEDULE_H_
