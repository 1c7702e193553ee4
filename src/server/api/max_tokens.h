// How long answers may become, by the names of several APIs.
#pragma once
#include <optional>

#include "server/api/fields.h"

namespace ferrum::server {

// max_tokens, max_completion_tokens and llama-server's n_predict, the least of them. -1 (and of n_predict
// -2): until the model stops. Nothing where the request has none of them.
std::optional<int> read_max_tokens(Fields& body);

}  // namespace ferrum::server
