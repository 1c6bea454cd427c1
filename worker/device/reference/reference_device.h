// The reference device: every layer in double precision and plain loops, in any compute type, float64 included.
//
// It is also the strictest device there is to program for. Fresh memory is full of NaN. Kernels prepare weights, save
// something from forward to backward, and scribble over their workspace, and the device fails if any of that was not
// kept as worker/device/kernel.h promises. With `deferred` nothing runs before somebody waits for it, and then no more
// than has to: what lacks an event goes wrong every time, where on a GPU it would once a week.
#ifndef DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_DEVICE_H_
#define DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_DEVICE_H_

#include <cstddef>
#include <memory>

#include "worker/device/device.h"

namespace downpour {

struct ReferenceDeviceOptions {
  // Run work as late as events allow, and record and replay it. Otherwise work runs when it is enqueued.
  bool deferred = false;
  // One kernel for any chain of layers, with nothing rounded in between.
  bool fuses = false;
  // Let kernels compute in place, and add to gradients, wherever their contract has an option for it.
  bool in_place = true;
  bool accumulates = false;
  // Allocate no more than this many bytes at a time; 0: as many as there are.
  size_t memory_max = 0;
};

std::unique_ptr<Device> MakeReferenceDevice(const ReferenceDeviceOptions& options = {});

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_DEVICE_H_
