// What Prometheus scrapes.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::server {

// In the text exposition format, version 0.0.4, each engine's figures labelled with its model's name.
std::string prometheus_text(const std::vector<std::pair<std::string, EngineStats>>& engines, int connections);

}  // namespace ferrum::server
