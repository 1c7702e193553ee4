// The names of activation functions.
#pragma once
#include <string_view>

#include "checkpoint/model_description.h"

namespace ferrum {

// The function of this name in transformers' ACT2FN, in any case. Error kUnsupported, which names `place`,
// the field that has it, and what the name means where that is known.
ActivationFunction activation_named(std::string_view name, std::string_view place);

}  // namespace ferrum
