// The table that lists a type's methods.
#pragma once
#include <span>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

struct Method {
  std::string_view name;
  Value (*body)(Runtime& runtime, const Value& self,
                const Arguments& arguments);  // nullptr: the method would change the object
};

std::span<const Method> string_methods();

}  // namespace ferrum::jinja
