// The text of a body's objects as the client wrote it: keys in its order, numbers with all their digits. A
// parsed tree has neither, and both matter to schemas, to prompts and to arguments that are shown again.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/json.h"

namespace ferrum::server {

class JsonSource {
 public:
  // `text` is valid JSON, and `tree` what was parsed from it; members may have been added to its top since.
  // Both must outlive this object.
  JsonSource(const Json& tree, std::string_view text);

  // Of an object within the tree; empty for any other value.
  std::string_view of(const Json& value) const;

 private:
  class Walk;
  std::unordered_map<const Json*, std::string_view> texts_;
};

}  // namespace ferrum::server
