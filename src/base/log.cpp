#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace ferrum::log {

void configure(Verbosity verbosity) {
  auto logger =
      std::make_shared<spdlog::logger>("ferrum", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  switch (verbosity) {
    case Verbosity::kQuiet:
      logger->set_level(spdlog::level::err);
      break;
    case Verbosity::kNormal:
      logger->set_level(spdlog::level::warn);
      break;
    case Verbosity::kVerbose:
      logger->set_level(spdlog::level::debug);
      break;
  }
  logger->set_pattern("%n: %^%l%$: %v");
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace ferrum::log
