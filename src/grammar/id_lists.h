// Lists of numbers as keys of hash tables.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "grammar/value_hash.h"

namespace ferrum::grammar {

struct IdListHash {
  size_t operator()(const std::vector<uint32_t>& list) const {
    ValueHash hash;
    for (const uint32_t id : list) hash.add(id);
    return hash.low;
  }
};

template <class Value>
using ByIdList = std::unordered_map<std::vector<uint32_t>, Value, IdListHash>;

}  // namespace ferrum::grammar
