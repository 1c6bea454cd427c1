#include "cli/status/peers.h"

#include <algorithm>
#include <cmath>

#include "cli/status/cluster_view.h"

namespace downpour {

void Peers::Add(double value) {
  if (std::isnan(value)) return;
  values_.push_back(value);
  sorted_ = false;
}

void Peers::Sort() const {
  if (!sorted_) std::sort(values_.begin(), values_.end());
  sorted_ = true;
}

double Peers::Median() const {
  Sort();
  const size_t n = values_.size();
  if (n == 0) return kUnknown;
  return (values_[(n - 1) / 2] + values_[n / 2]) / 2;
}

double Peers::MedianWithout(double value) const {
  Sort();
  const auto place = std::lower_bound(values_.begin(), values_.end(), value);
  if (std::isnan(value) || place == values_.end() || *place != value) return Median();
  const size_t left_out = static_cast<size_t>(place - values_.begin());
  const size_t n = values_.size() - 1;
  if (n == 0) return kUnknown;
  const auto at = [&](size_t i) { return values_[i < left_out ? i : i + 1]; };
  return (at((n - 1) / 2) + at(n / 2)) / 2;
}

double Peers::Mean() const {
  if (values_.empty()) return kUnknown;
  double sum = 0;
  for (const double value : values_) sum += value;
  return sum / static_cast<double>(values_.size());
}

}  // namespace downpour
