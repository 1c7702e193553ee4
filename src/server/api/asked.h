// What a request of some API asks of an engine, and how it is told.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/api/answering.h"
#include "server/api/fields.h"

namespace ferrum::server {

struct Asked {
  std::vector<Request> requests;  // one for each prompt, each with as many choices
  Delivery delivery = Delivery::kWhole;
  std::unique_ptr<Format> format;
};

// The name of the model that a request is for. 400 if it has none.
std::string model_of(Fields& body);

}  // namespace ferrum::server
