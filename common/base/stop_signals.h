#ifndef DOWNPOUR_COMMON_BASE_STOP_SIGNALS_H_
#define DOWNPOUR_COMMON_BASE_STOP_SIGNALS_H_

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

namespace downpour {

// Ctrl-C (or SIGTERM) asks to stop, and a second time ends the process at once, as the signal would have (a shell
// sees status 130). To be made before other
// threads, which inherit that the signals are not for them.
class StopSignals {
 public:
  // `on_stop` is called once, on a thread of its own, at the first signal.
  explicit StopSignals(std::function<void()> on_stop);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const std::atomic<bool>& stopped() const { return stopped_; }

 private:
  void Watch();

  const std::function<void()> on_stop_;
  sigset_t signals_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_STOP_SIGNALS_H_
