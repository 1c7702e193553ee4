// The maximum length of answers, under the field names of several APIs.
#pragma once
#include <optional>

#include "server/api/fields.h"

namespace ferrum::server {

// The smallest of max_tokens, max_completion_tokens and llama-server's n_predict. -1 (and for n_predict -2)
// means until the model stops. nullopt if the request has none of them.
std::optional<int> read_max_tokens(Fields& body);

}  // namespace ferrum::server
