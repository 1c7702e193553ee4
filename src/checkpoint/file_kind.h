// Recognises files of another kind than the expected one, for error messages (faults B02, B20).
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace ferrum {

// "a Git LFS pointer (…)", "an HTML page", …; where nothing is recognised, the first bytes in quotes.
std::string looks_like(std::span<const std::byte> bytes);

}  // namespace ferrum
