// What a JSON text says that breaks off or stops being JSON.
#pragma once
#include <string_view>

#include "base/json.h"

namespace ferrum::server::anthropic {

// The object that `text` begins, with the members and items that are whole; an empty one where there is none.
OrderedJson part_of_json(std::string_view text);

}  // namespace ferrum::server::anthropic
