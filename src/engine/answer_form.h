// How the answers to a request are divided into parts: thoughts, content and calls.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "text/token.h"
#include "tools/parser.h"

namespace ferrum {

struct AnswerForm {
  tools::Format format;
  std::shared_ptr<const tools::ToolList> functions;
  tools::ParserOptions options;    // its seed is the request's
  std::span<const TokenId> marks;  // control tokens that are marks of the format, ascending; outlive this

  // Of one choice: no two have an id of a call in common.
  tools::Parser parser(int choice) const;
};

}  // namespace ferrum
