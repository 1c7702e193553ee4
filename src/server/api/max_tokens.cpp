#include "server/api/max_tokens.h"

#include <algorithm>

#include "server/api/sampling_fields.h"

namespace ferrum::server {

std::optional<int> read_max_tokens(Fields& body) {
  std::optional<int> most;
  for (const auto& [name, least] :
       {std::pair("max_tokens", -1), std::pair("max_completion_tokens", -1), std::pair("n_predict", -2)}) {
    const std::optional<int64_t> given = body.clamped_integer(name, least, kMaxTokens);
    if (!given) continue;
    const int limit = *given < 0 ? -1 : static_cast<int>(*given);
    if (!most || *most < 0 || (limit >= 0 && limit < *most)) most = limit;
  }
  return most;
}

}  // namespace ferrum::server
