// What a JSON text says, also where it breaks off or stops being JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json.h"

namespace ferrum::server::anthropic {

struct PartOfJson {
  OrderedJson
      object;  // the one that the text begins, with the members and items that are whole; else an empty one
  std::string_view rest;  // of the text: what is behind the last whole one, up to the end
};

// An object that is nested too deeply is one as far as it is not.
PartOfJson part_of_json(std::string_view text);

}  // namespace ferrum::server::anthropic
