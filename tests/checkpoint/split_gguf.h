// A small model in two GGUF files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "support/small_models.h"

namespace ferrum::test {

// Each part has some of the tensors.
struct SplitGguf {
  SplitGguf() {
    SmallGguf first, second("");
    second.integers.clear();
    for (auto it = first.tensors.begin(); it != first.tensors.end();) {
      if (it->first.starts_with("blk.1.")) {
        second.tensors[it->first] = it->second;
        it = first.tensors.erase(it);
      } else {
        second.tensors.erase(it->first);
        ++it;
      }
    }
    mark(first, 0);
    mark(second, 1);
    parts = {first.build(), second.build()};
  }
  static void mark(SmallGguf& part, uint16_t number) {
    part.others.pair("split.no", gguf::kU16, le(number)).pair("split.count", gguf::kU16, le<uint16_t>(2));
    part.others.pair("split.tensors.count", gguf::kI32, le<int32_t>(21));
  }
  std::vector<std::string> parts;
};

}  // namespace ferrum::test
