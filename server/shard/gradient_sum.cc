#include "server/shard/gradient_sum.h"

#include <array>
#include <memory>

#include "kernels/slices.h"

namespace downpour {

std::optional<BlockArray> SumGradients(const Kernels& kernels, absl::Span<const PushRequest* const> pushes,
                                       BlockPool* pool) {
  std::optional<BlockArray> sum = BlockArray::Create(pool, pushes.front()->element_count);
  if (!sum.has_value()) return std::nullopt;
  std::vector<std::unique_ptr<SliceCursor>> cursors;
  for (const PushRequest* push : pushes) cursors.push_back(std::make_unique<SliceCursor>(push->slices, push->dtype));
  // Block by block, so that the partial sums stay in cache while the gradients go by.
  for (size_t block = 0; block < sum->block_count(); ++block) {
    for (size_t p = 0; p < pushes.size(); ++p) {
      float* out = sum->out(block);
      size_t left = sum->BlockSize(block);
      while (left > 0) {
        const SliceCursor::FloatRun run = cursors[p]->Next(left);
        if (run.count == 0) break;
        const FloatInput gradient = {run.values, pushes[p]->dtype};
        const std::array<FloatInput, 2> both = {FloatInput{reinterpret_cast<const std::byte*>(out)}, gradient};
        kernels.SumOfN(p == 0 ? absl::MakeConstSpan(&gradient, 1) : absl::MakeConstSpan(both), 1, out, run.count);
        out += run.count;
        left -= run.count;
      }
    }
  }
  return sum;
}

std::vector<absl::Span<const std::byte>> SlicesOf(const BlockArray& array) {
  std::vector<absl::Span<const std::byte>> slices;
  for (size_t i = 0; i < array.block_count(); ++i) {
    const std::span<const std::byte> bytes = std::as_bytes(array.current().block(i));
    slices.push_back({bytes.data(), bytes.size()});
  }
  return slices;
}

}  // namespace downpour
