// Blocks that give a model something to read: documents and search results. Text becomes a part of the turn,
// between tags of its own; PDF files, images and what lies elsewhere are refused by name.
#pragma once
#include <string>

#include "server/api/fields.h"

namespace ferrum::server::anthropic {

bool is_document(const Json& block);  // of one of these types

// <document> or <search_result>, a line each with what is known of it, an empty line, and the text.
std::string text_of_document(const Fields& parent, const Json& block, const std::string& path);

}  // namespace ferrum::server::anthropic
