// The files of the web page. `./dev web` builds them from web/; cmake/embed.cmake embeds them in the program.
#pragma once
#include <span>
#include <string_view>

namespace ferrum::server::web {

struct Asset {
  std::string_view path;  // "/", "/assets/app-1a2b3c4d.js": files under /assets have a hash in their names
  std::string_view tag;   // of the contents, for the ETag
  std::string_view gzip;  // one member, no name in its head
};

std::span<const Asset> assets();

}  // namespace ferrum::server::web
