// Jinja's tests: value is name(arguments).
#pragma once
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

struct Test {
  std::string_view name;
  bool (*holds)(Runtime& runtime, const Value& value, const Arguments& arguments);
};

const Test* find_test(std::string_view name);  // nullptr if there is none

}  // namespace ferrum::jinja
