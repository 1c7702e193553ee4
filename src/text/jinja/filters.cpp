#include "text/jinja/filters.h"

#include <unordered_map>

namespace ferrum::jinja {

const Filter* find_filter(std::string_view name) {
  static const std::unordered_map<std::string_view, const Filter*> all = [] {
    std::unordered_map<std::string_view, const Filter*> filters;
    for (const auto part :
         {text_filters(), number_filters(), sequence_filters(), selection_filters(), layout_filters()})
      for (const Filter& filter : part) filters.emplace(filter.name, &filter);
    return filters;
  }();
  const auto it = all.find(name);
  return it == all.end() ? nullptr : it->second;
}

}  // namespace ferrum::jinja
