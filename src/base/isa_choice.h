// What the instruction set in use may be forced to, and what is said of it.
#pragma once
#include <optional>
#include <string_view>

#include "base/cpu_features.h"

namespace ferrum {

// From now on selected_isa() is the set of this name, or again the environment's choice for nullopt. Throws
// as choose_isa does. Called before other threads ask for it.
void force_isa(std::optional<std::string_view> name);

// The instructions that multiply weights by activations: "VPDPBUSD in 512 bits".
std::string_view products_of(Isa isa);

}  // namespace ferrum
