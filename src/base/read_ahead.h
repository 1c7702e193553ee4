// Advice to the system on mapped memory.
#pragma once
#include <cstddef>
#include <span>

namespace ferrum {

// These bytes of a mapped file will be read soon, in an order that the system would not foresee: it begins to
// fetch what is not in memory. Costs next to nothing where all is.
void will_read(std::span<const std::byte> bytes);

}  // namespace ferrum
