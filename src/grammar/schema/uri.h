// URI references (RFC 3986, section 5).
#pragma once
#include <string>
#include <string_view>

namespace ferrum::grammar {

struct SplitUri {
  std::string uri;  // without the fragment
  std::string fragment;
};

// `reference` resolved against `base`, which has no fragment.
SplitUri resolve_uri(std::string_view base, std::string_view reference);
std::string percent_decoded(std::string_view text);

}  // namespace ferrum::grammar
