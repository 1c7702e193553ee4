#include "server/api/api_request.h"

namespace ferrum::server {

std::string model_of(Fields& body) {
  const std::optional<std::string> model = body.text("model");
  if (!model) throw ApiError(400, "missing_required_parameter", "model", "model is missing");
  return *model;
}

}  // namespace ferrum::server
