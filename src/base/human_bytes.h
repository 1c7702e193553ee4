#pragma once
#include <cstdint>
#include <string>

namespace ferrum {

// "17.3 GiB", "512 B"
std::string human_bytes(uint64_t bytes);

}  // namespace ferrum
