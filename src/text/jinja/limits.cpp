#include "text/jinja/limits.h"

#include "text/jinja/failure.h"

namespace ferrum::jinja {

void Budget::out_of_steps() const { raise_error("the template takes more than {} steps", limits_.max_steps); }

void Budget::out_of_bytes() const { raise_error("the template makes more than {} bytes", limits_.max_bytes); }

void Budget::out_of_depth() const { raise_error("nested deeper than {} levels", limits_.max_depth); }

Nested::Nested(int& depth, int most) : depth_(depth) {
  if (depth >= most) raise_error("nested deeper than {} levels", most);
  ++depth;
}

}  // namespace ferrum::jinja
