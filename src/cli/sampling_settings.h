// The table of sampling settings: flags of the command line and names for the chat's /set.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ferrum/types.h"

namespace ferrum::cli {

struct SamplingSetting {
  enum class Values { kOne, kMany };  // kMany: a list, which may be empty

  const char* name;   // for /set
  const char* flags;  // "--top-k", or several separated by commas
  const char* help;
  Values values;
  // Throws kBadArgument for a text that is not such a value; the range is not checked here.
  std::function<void(SamplingOptions&, std::span<const std::string>)> set;
  std::function<std::string(const SamplingOptions&)> show;
};

const std::vector<SamplingSetting>& sampling_settings();

}  // namespace ferrum::cli
