// The functions that every template can call.
#pragma once
#include <optional>
#include <string_view>

#include "text/jinja/value.h"

namespace ferrum::jinja {

// range, dict, namespace, cycler, joiner, raise_exception, strftime_now
std::optional<Value> find_global(std::string_view name);

}  // namespace ferrum::jinja
