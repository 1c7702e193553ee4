// Methods of Python's str, list, tuple, dict, int and float that templates may call.
#pragma once
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

enum class MethodAccess {
  kNone,     // the type has no such method
  kMutates,  // the method would change the object, which the sandbox forbids
  kAllowed,
};

MethodAccess find_method(const Value& object, std::string_view name);
Value bind_method(const Value& object, std::string_view name);  // requires that find_method returned kAllowed

}  // namespace ferrum::jinja
