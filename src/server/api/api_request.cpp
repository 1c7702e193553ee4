#include "server/api/api_request.h"

namespace ferrum::server {

std::string model_of(Fields& body) {
  const std::optional<std::string> model = body.text("model");
  if (!model) body.required("model");
  body.check();
  return model.value_or("");
}

}  // namespace ferrum::server
