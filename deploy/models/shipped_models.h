// The model files of this folder, inside of programs.
#ifndef DOWNPOUR_DEPLOY_MODELS_SHIPPED_MODELS_H_
#define DOWNPOUR_DEPLOY_MODELS_SHIPPED_MODELS_H_

#include <span>
#include <string_view>

namespace downpour {

struct ShippedModel {
  std::string_view name;  // of the file, without ".textproto"
  std::string_view text;  // of a ModelConfig
};

// By name, in alphabetical order.
std::span<const ShippedModel> ShippedModels();

}  // namespace downpour

#endif  // DOWNPOUR_DEPLOY_MODELS_SHIPPED_MODELS_H_
