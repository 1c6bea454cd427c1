#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_STATE_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_STATE_H_

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// How policies write their state for a checkpoint: text that a person can read, "sync 1\n12 ...", a line with the
// policy's name and the version of its format, then numbers. A number is written in one way only, so equal states have
// equal bytes. What follows one policy's numbers may be another's state (the policy that a decorator stands before).

namespace downpour {

class PolicyStateWriter {
 public:
  PolicyStateWriter(std::string_view policy, uint32_t version) : text_(policy) {
    text_ += ' ';
    text_ += std::to_string(version);
    text_ += '\n';
  }

  void Number(uint64_t value) {
    text_ += std::to_string(value);
    text_ += '\n';
  }

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

// Each call takes what it names off the front; false means that something else is there.
class PolicyStateReader {
 public:
  explicit PolicyStateReader(std::string_view text) : rest_(text) {}

  bool Header(std::string_view policy, uint32_t version) {
    const std::string wanted = PolicyStateWriter(policy, version).Take();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  template <std::unsigned_integral T>
  bool Number(T& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    const size_t digits = end - rest_.data();
    if (error != std::errc() || digits == rest_.size() || *end != '\n' || (*rest_.data() == '0' && digits > 1)) {
      return false;
    }
    rest_.remove_prefix(digits + 1);
    return true;
  }

  std::string_view rest() const { return rest_; }
  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_STATE_H_
