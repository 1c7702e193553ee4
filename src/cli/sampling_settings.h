// The settings of sampling, one table: flags of the command line and names of the chat's /set.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ferrum/types.h"

namespace ferrum::cli {

struct SamplingSetting {
  enum class Values { kOne, kMany };  // kMany: a list, which may be empty

  const char* name;   // of /set
  const char* flags;  // "--top-k", or several with commas
  const char* help;
  Values values;
  // Error kBadArgument for a text that is no such value; whether it is in range is not looked at.
  std::function<void(SamplingOptions&, std::span<const std::string>)> set;
  std::function<std::string(const SamplingOptions&)> show;
};

const std::vector<SamplingSetting>& sampling_settings();

}  // namespace ferrum::cli
