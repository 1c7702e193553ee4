#include "server/http/request_id.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>

namespace ferrum::server {
namespace {

constexpr size_t kMaxLength = 128;

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.:/+=@").find(c) != std::string_view::npos;
}

}  // namespace

std::string request_id(std::string_view from_client) {
  if (!from_client.empty() && from_client.size() <= kMaxLength &&
      std::ranges::all_of(from_client, is_allowed))
    return std::string(from_client);
  thread_local std::mt19937_64 random{(uint64_t{std::random_device()()} << 32) ^ std::random_device()()};
  return fmt::format("req_{:016x}{:08x}", random(), random() >> 32);
}

}  // namespace ferrum::server
