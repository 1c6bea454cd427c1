#include "worker/models/schedule.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace downpour {
namespace {

class Scheduler {
 public:
  Scheduler(const Graph& graph, std::span<const Node> nodes, std::span<const NodeTraits> traits, bool training,
            bool input_gradients)
      : graph_(graph),
        nodes_(nodes),
        traits_(traits),
        training_(training),
        input_gradients_(input_gradients),
        end_(2 * nodes.size()) {}

  Schedule Make() {
    schedule_.moments = end_ + 1;
    schedule_.values.resize(graph_.tensors().size());
    schedule_.gradients.resize(graph_.tensors().size());
    for (TensorId input = 0; input < graph_.input_count(); ++input) {
      schedule_.values[input] = {Place::Kind::kInput, input};
    }
    FindParticipants();
    FindLastUses();
    for (size_t node = 0; node < nodes_.size(); ++node) PlaceForward(node);
    for (size_t node = nodes_.size(); node-- > 0;) {
      if (participates_[node]) PlaceBackward(node);
    }
    for (size_t node = 0; node < nodes_.size(); ++node) {
      schedule_.last_moment_of_node.push_back(participates_[node] ? BackwardMoment(node) : node);
    }
    for (size_t slot = 0; slot < members_.size(); ++slot) schedule_.slots[slot].last = LastUse(slot);
    return std::move(schedule_);
  }

 private:
  // A use of a slot: the value or gradient of a tensor, or something passing, and when it is read last.
  struct Member {
    std::optional<TensorId> gradient_of;
    size_t last = 0;
  };

  const Layer& LastLayer(size_t node) const { return graph_.layers()[nodes_[node].layers.back()]; }
  bool IsLossNode(size_t node) const { return IsLoss(LastLayer(node)); }
  bool IsViewNode(size_t node) const { return IsView(LastLayer(node)); }
  size_t BackwardMoment(size_t node) const { return 2 * nodes_.size() - 1 - node; }
  int64_t Elements(TensorId tensor) const { return graph_.tensors()[tensor].type.elements; }

  // A view, or a sum by itself: the gradient of each input is that of the output.
  bool PassesGradient(size_t node) const {
    if (nodes_[node].layers.size() > 1) return false;
    const auto* elementwise = LastLayer(node).As<Elementwise>();
    return IsViewNode(node) || (elementwise != nullptr && elementwise->kind == Elementwise::Kind::kAdd);
  }

  void FindParticipants() {
    wanted_ = TensorsWithGradient(graph_, input_gradients_);
    participates_.assign(nodes_.size(), false);
    if (!training_) return;
    std::vector<bool> reaches_loss(graph_.tensors().size());
    for (size_t node = nodes_.size(); node-- > 0;) {
      const TensorId output = nodes_[node].output;
      participates_[node] = wanted_[output] && (IsLossNode(node) || reaches_loss[output]);
      if (!participates_[node]) continue;
      for (const TensorId input : nodes_[node].inputs) reaches_loss[input] = true;
    }
  }

  void FindLastUses() {
    value_last_.assign(graph_.tensors().size(), 0);
    gradient_last_.assign(graph_.tensors().size(), 0);
    const auto extend = [](size_t* last, size_t moment) { *last = std::max(*last, moment); };
    for (size_t node = 0; node < nodes_.size(); ++node) {
      const size_t backward = BackwardMoment(node);
      const bool reads = participates_[node] && !PassesGradient(node);
      for (const TensorId input : nodes_[node].inputs) {
        extend(&value_last_[input], node);
        if (reads && traits_[node].backward_reads_inputs) extend(&value_last_[input], backward);
      }
      extend(&value_last_[nodes_[node].output], node);
      if (reads && traits_[node].backward_reads_output) extend(&value_last_[nodes_[node].output], backward);
      if (participates_[node]) gradient_last_[nodes_[node].output] = backward;
    }
    for (const TensorId output : graph_.outputs()) value_last_[output] = end_;
    for (TensorId input = 0; input < graph_.input_count(); ++input) gradient_last_[input] = end_;
  }

  Place NewSlot(int64_t elements, size_t moment, Member member) {
    schedule_.slots.push_back({.elements = elements, .first = moment, .last = moment});
    members_.push_back({member});
    return {Place::Kind::kSlot, schedule_.slots.size() - 1};
  }

  size_t LastUse(size_t slot) const {
    size_t last = schedule_.slots[slot].first;
    for (const Member& member : members_[slot]) last = std::max(last, member.last);
    return last;
  }

  // Whether nobody but the gradient of `tensor` needs the slot after `moment`.
  bool OnlyFor(TensorId tensor, size_t slot, size_t moment) const {
    return std::all_of(members_[slot].begin(), members_[slot].end(),
                       [&](const Member& member) { return member.gradient_of == tensor || member.last <= moment; });
  }

  void PlaceForward(size_t node) {
    const TensorId output = nodes_[node].output;
    const std::span<const TensorId> inputs = nodes_[node].inputs;
    if (IsViewNode(node)) {
      const Place place = schedule_.values[inputs[0]];
      schedule_.values[output] = place;
      if (place.kind == Place::Kind::kSlot) members_[place.index].push_back({std::nullopt, value_last_[output]});
      return;
    }
    ForwardEntry entry{.node = node, .moment = node, .inputs = {}, .output = {}};
    for (const TensorId input : inputs) entry.inputs.push_back(schedule_.values[input]);
    if (!IsLossNode(node)) {
      const Place first = entry.inputs[0];
      const bool alone = std::count(entry.inputs.begin(), entry.inputs.end(), first) == 1;
      if (traits_[node].forward_in_place && first.kind == Place::Kind::kSlot && alone &&
          Elements(inputs[0]) == Elements(output) && LastUse(first.index) <= node) {
        entry.output = first;
        members_[first.index].push_back({std::nullopt, value_last_[output]});
      } else {
        entry.output = NewSlot(Elements(output), node, {std::nullopt, value_last_[output]});
      }
      schedule_.values[output] = entry.output;
    }
    schedule_.forward.push_back(std::move(entry));
  }

  void PlaceBackward(size_t node) {
    const std::span<const TensorId> inputs = nodes_[node].inputs;
    BackwardEntry entry;
    entry.node = node;
    entry.moment = BackwardMoment(node);
    entry.calls_kernel = !PassesGradient(node);
    entry.output_gradient = schedule_.gradients[nodes_[node].output];
    entry.input_gradients.resize(inputs.size());
    entry.accumulate.resize(inputs.size());
    entry.inputs.resize(inputs.size());
    if (entry.calls_kernel) {
      if (traits_[node].backward_reads_inputs) {
        for (size_t i = 0; i < inputs.size(); ++i) entry.inputs[i] = schedule_.values[inputs[i]];
      }
      if (traits_[node].backward_reads_output) entry.output = schedule_.values[nodes_[node].output];
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!wanted_[inputs[i]]) continue;
      if (!entry.calls_kernel) {
        PassGradient(inputs[i], &entry);
      } else {
        PlaceInputGradient(i, &entry);
      }
    }
    schedule_.backward.push_back(std::move(entry));
  }

  void PassGradient(TensorId input, BackwardEntry* entry) {
    Place& gradient = schedule_.gradients[input];
    if (gradient.kind == Place::Kind::kNone) {
      gradient = entry->output_gradient;
      members_[gradient.index].push_back({input, gradient_last_[input]});
    } else {
      AddTo(input, entry->output_gradient, entry);
    }
  }

  void PlaceInputGradient(size_t i, BackwardEntry* entry) {
    const Node& node = nodes_[entry->node];
    const TensorId input = node.inputs[i];
    const NodeTraits& traits = traits_[entry->node];
    const size_t moment = entry->moment;
    Place& gradient = schedule_.gradients[input];
    if (gradient.kind == Place::Kind::kNone) {
      const Place above = entry->output_gradient;
      if (i == 0 && traits.backward_in_place && above.kind == Place::Kind::kSlot &&
          Elements(input) == Elements(node.output) && LastUse(above.index) <= moment) {
        gradient = above;
        members_[above.index].push_back({input, gradient_last_[input]});
      } else {
        gradient = NewSlot(Elements(input), moment, {input, gradient_last_[input]});
      }
      entry->input_gradients[i] = gradient;
      return;
    }
    const bool once = std::count(node.inputs.begin(), node.inputs.end(), input) == 1;
    if (traits.accumulates && once && !(gradient == entry->output_gradient) &&
        OnlyFor(input, gradient.index, moment - 1)) {
      entry->input_gradients[i] = gradient;
      entry->accumulate[i] = true;
      return;
    }
    entry->input_gradients[i] = NewSlot(Elements(input), moment, {std::nullopt, moment});
    AddTo(input, entry->input_gradients[i], entry);
  }

  // Adds `from` to the gradient of `input`, which exists.
  void AddTo(TensorId input, Place from, BackwardEntry* entry) {
    Place& gradient = schedule_.gradients[input];
    BackwardEntry::Sum sum{.from = from, .into = gradient, .to = gradient, .elements = Elements(input)};
    if (from == gradient || !OnlyFor(input, gradient.index, entry->moment) || IsReadNow(gradient, *entry)) {
      sum.copy_first = true;
      sum.to = NewSlot(sum.elements, entry->moment, {input, gradient_last_[input]});
      // What was there is read for the last time now.
      for (Member& member : members_[gradient.index]) {
        if (member.gradient_of == input) member.last = entry->moment;
      }
      gradient = sum.to;
    }
    entry->sums.push_back(sum);
  }

  // A later sum of the same entry may pass on the gradient of the output: that must stay as it is.
  bool IsReadNow(Place place, const BackwardEntry& entry) const {
    return !entry.calls_kernel && place == entry.output_gradient;
  }

  const Graph& graph_;
  const std::span<const Node> nodes_;
  const std::span<const NodeTraits> traits_;
  const bool training_;
  const bool input_gradients_;
  const size_t end_;
  Schedule schedule_;
  std::vector<std::vector<Member>> members_;  // of each slot
  std::vector<bool> wanted_;                  // tensors
  std::vector<bool> participates_;            // nodes
  std::vector<size_t> value_last_, gradient_last_;
};

}  // namespace

Schedule MakeSchedule(const Graph& graph, std::span<const Node> nodes, std::span<const NodeTraits> traits,
                      bool training, bool input_gradients) {
  return Scheduler(graph, nodes, traits, training, input_gradients).Make();
}

}  // namespace downpour
