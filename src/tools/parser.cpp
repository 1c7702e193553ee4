#include "tools/parser.h"

#include <utility>

#include "tools/answer_parser.h"

namespace ferrum::tools {

struct Parser::Impl {
  AnswerParser parser;
  Parse<bool> answer;

  Impl(Format format, std::shared_ptr<const ToolList> tools, const ParserOptions& options)
      : parser(std::move(format), std::move(tools), options), answer(parser.answer()) {
    answer.start();
  }
};

Parser::Parser(Format format, std::shared_ptr<const ToolList> tools, const ParserOptions& options)
    : impl_(std::make_unique<Impl>(std::move(format), std::move(tools), options)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

std::vector<Event> Parser::feed(std::string_view text) {
  impl_->parser.input.append(text);
  return impl_->parser.sink.take();
}

std::vector<Event> Parser::finish(End end) {
  // The parser has taken every byte that is certainly text by now; it waits for what an undecided one needs.
  if (end == End::kCut) impl_->parser.sink.drop_texts();
  impl_->parser.input.end();
  return impl_->parser.sink.take();
}

void ParsedAnswer::add(const std::vector<Event>& events) {
  for (const Event& event : events) {
    switch (event.kind) {
      case EventKind::kContent:
        content += event.text;
        break;
      case EventKind::kReasoning:
        reasoning += event.text;
        break;
      case EventKind::kCallBegin:
        calls.push_back({event.id, event.name, "", false});
        break;
      case EventKind::kArguments:
        calls.at(static_cast<size_t>(event.index)).arguments += event.text;
        break;
      case EventKind::kCallEnd:
        calls.at(static_cast<size_t>(event.index)).complete = event.complete;
        break;
    }
  }
}

}  // namespace ferrum::tools
