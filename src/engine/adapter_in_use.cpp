#include "engine/adapter_in_use.h"

#include "base/error.h"

namespace ferrum {
namespace {

constexpr std::string_view kMark = "\1adapter ";

}  // namespace

std::string cache_salt(const AdapterInUse* adapter, float scale, const std::string& salt) {
  if (salt.starts_with(kMark))
    fail(ErrorCode::kBadArgument, "cache_salt must not begin with {}", in_quotes(kMark));
  if (adapter == nullptr) return salt;
  return fmt::format("{}{:016x}{:016x} {}\n{}", kMark, adapter->fingerprint.high, adapter->fingerprint.low,
                     scale, salt);
}

std::string request_salt(const std::string& salt) {
  return salt.starts_with(kMark) ? salt.substr(salt.find('\n') + 1) : salt;
}

}  // namespace ferrum
