// Jinja's filters: value | name(arguments).
#pragma once
#include <span>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

struct Filter {
  std::string_view name;
  Value (*apply)(Runtime& runtime, const Value& input, const Arguments& arguments);
};

const Filter* find_filter(std::string_view name);  // nullptr if there is none

// The tables that find_filter searches, grouped by the type of input.
std::span<const Filter> text_filters();
std::span<const Filter> number_filters();
std::span<const Filter> sequence_filters();
std::span<const Filter> selection_filters();
std::span<const Filter> layout_filters();

}  // namespace ferrum::jinja
