// Python's two ways to format: 'text' % values, and 'text'.format(values).
#pragma once
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

// `values`: a tuple, a dictionary for %(name)s, or a single value.
Value percent_format(Runtime& runtime, const String& format, const Value& values);

Value brace_format(Runtime& runtime, const String& format, const Arguments& values);

}  // namespace ferrum::jinja
