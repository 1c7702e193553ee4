#include "text/jinja/parameters.h"

#include <algorithm>

#include "base/error.h"
#include "text/jinja/failure.h"
#include "text/jinja/operators.h"

namespace ferrum::jinja {

Parameters::Parameters(std::string_view function, std::initializer_list<std::string_view> names,
                       const Arguments& arguments)
    : function_(function), names_(names), given_(names.size(), nullptr) {
  if (arguments.positional.size() > names_.size())
    raise_error("{}() takes at most {} arguments, but {} were given", function, names_.size(),
                arguments.positional.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) given_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto it = std::find(names_.begin(), names_.end(), name);
    if (it == names_.end())
      raise_error("{}() got an unexpected keyword argument {}", function, in_quotes(name));
    const Value*& slot = given_[static_cast<size_t>(it - names_.begin())];
    if (slot) raise_error("{}() got multiple values for argument {}", function, in_quotes(name));
    slot = &value;
  }
}

const Value& Parameters::at(size_t index) const {
  if (!given_[index]) raise_error("{}() is missing its argument '{}'", function_, names_[index]);
  return *given_[index];
}

int64_t Parameters::integer(size_t index) const {
  const Value& value = at(index);
  require_defined(value);
  const std::optional<int64_t> integer = as_integer(value);
  if (!integer) raise_error("{}(): '{}' must be an int, not {}", function_, names_[index], type_name(value));
  return *integer;
}

const Text& Parameters::text(size_t index) const {
  const Value& value = at(index);
  require_defined(value);
  const Text* text = value.text();
  if (!text) raise_error("{}(): '{}' must be str, not {}", function_, names_[index], type_name(value));
  return *text;
}

Text Parameters::text(size_t index, std::string_view otherwise) const {
  return given_[index] ? text(index) : Text(std::string(otherwise), Origin::kTemplate);
}

bool Parameters::flag(size_t index, bool otherwise) const {
  return given_[index] ? is_truthy(*given_[index]) : otherwise;
}

}  // namespace ferrum::jinja
