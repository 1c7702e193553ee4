// Converts a context's JSON to values.
#pragma once
#include "base/json.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace ferrum::jinja {

// `origin`: the origin of all text in it, except the well-known values of a "role". Templates build control
// tokens from these ('<|' + message.role + '|>'), so they count as the template's. Integers beyond 64 bits
// become floats.
Value from_json(Runtime& runtime, const OrderedJson& json, Origin origin);

}  // namespace ferrum::jinja
