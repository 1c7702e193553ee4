// The web page at "/": its files, with what browsers are to keep of them and what the page may do.
#pragma once
#include <string_view>

#include "server/http/message.h"

namespace ferrum::server::web {

bool is_page(std::string_view path);

// GET of one of the page's files: compressed for clients that take it so, and 304 where they have it already.
// ApiError 404 where there is none.
HttpResponse page(const HttpRequest& request);

}  // namespace ferrum::server::web
