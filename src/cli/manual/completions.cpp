#include "cli/manual/completions.h"

#include <algorithm>

namespace ferrum::cli {

std::string lists_model_names(const Manual& manual) {
  for (const CommandEntry& command : manual.commands)
    for (const OptionEntry& option : command.options)
      if (command.name == "list" &&
          std::find(option.names.begin(), option.names.end(), "--names") != option.names.end())
        return "ferrum list --names 2>/dev/null";
  return "";
}

}  // namespace ferrum::cli
