// A context's JSON as values.
#pragma once
#include "base/json.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

// `origin`: of all text in it. The exceptions are the well-known values of a "role", which templates build
// control tokens from ('<|' + message.role + '|>'): they count as the template's. Integers beyond 64 bits
// with sign become floats.
Value from_json(Runtime& runtime, const OrderedJson& json, Origin origin);

}  // namespace ferrum::jinja
