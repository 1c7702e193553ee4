// The web page at "/": its files, with headers that say how long browsers may cache them and what the page
// may do.
#pragma once
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server::web {

bool is_page(std::string_view path);

// GET of one of the page's files: compressed for clients that accept gzip, and 304 where the client's copy is
// current. ApiError 404 for other paths.
HttpResponse page(const HttpRequest& request);

}  // namespace ferrum::server::web
