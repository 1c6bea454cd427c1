// One against the others: figures of a group, and the middle of all but one of them.
#ifndef DOWNPOUR_CLI_STATUS_PEERS_H_
#define DOWNPOUR_CLI_STATUS_PEERS_H_

#include <cstddef>
#include <vector>

namespace downpour {

// Figures that are not known (NaN) are none of the group.
class Peers {
 public:
  void Add(double value);
  size_t size() const { return values_.size(); }
  // kUnknown (cluster_view.h) of an empty group.
  double Median() const;
  // As if one member of this value were not there.
  double MedianWithout(double value) const;
  double Mean() const;

 private:
  void Sort() const;
  mutable std::vector<double> values_;
  mutable bool sorted_ = true;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_PEERS_H_
