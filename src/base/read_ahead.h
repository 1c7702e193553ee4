// Read-ahead of mapped files.
#pragma once
#include <cstddef>
#include <span>

namespace ferrum {

// Prefetches bytes of a mapped file that will be read soon, in an order that the system would not predict.
// Cheap if they are in memory already.
void will_read(std::span<const std::byte> bytes);

}  // namespace ferrum
