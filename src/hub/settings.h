// The hub's address, the access token and the cache folder, from the environment variables that other
// Hugging Face tools read as well.
#pragma once
#include <filesystem>
#include <string>

#include "http_client/endpoint.h"
#include "http_client/proxy.h"
#include "hub/cache.h"

namespace ferrum::hub {

struct Settings {
  http_client::Endpoint endpoint;  // HF_ENDPOINT, else https://huggingface.co
  std::string token;  // HF_TOKEN, else the contents of HF_TOKEN_PATH or $HF_HOME/token; empty: none
  http_client::ProxySettings proxies;
  std::filesystem::path cache;  // cache_folder
  bool offline = false;         // HF_HUB_OFFLINE
};

// Throws kBadArgument naming the variable whose value is invalid.
Settings settings_from(const Environment& environment);
// Reads the process's environment.
Environment process_environment();

}  // namespace ferrum::hub
