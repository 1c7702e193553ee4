// Binds the arguments of a call to the names of a function's parameters, as Python does.
#pragma once
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace ferrum::jinja {

class Parameters {
 public:
  // Throws Failure for too many arguments and for unknown names. The arguments must outlive this object.
  Parameters(std::string_view function, std::initializer_list<std::string_view> names,
             const Arguments& arguments);

  const Value* find(size_t index) const { return given_[index]; }  // nullptr if not passed
  const Value& at(size_t index) const;                             // throws Failure if not passed
  bool given(size_t index) const { return given_[index] && !given_[index]->is_none(); }

  int64_t integer(size_t index) const;
  int64_t integer(size_t index, int64_t otherwise) const {
    return given_[index] ? integer(index) : otherwise;
  }
  const Text& text(size_t index) const;
  Text text(size_t index, std::string_view otherwise) const;
  bool flag(size_t index, bool otherwise) const;

 private:
  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> given_;
};

}  // namespace ferrum::jinja
