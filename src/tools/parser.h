// Turns the text of an answer, as it comes, into content, thoughts and calls.
//
// The events are a function of the bytes: however an answer is split, joining the texts of neighbouring
// events gives the same. What is no call is content (or thought), byte for byte, except for spaces beside
// calls and thoughts and for the marks themselves. Time is linear in the answer.
//
// Of an answer that a limit cut, what may be the beginning of a mark or of a call is left out: clients take
// content for something that the model says to a reader. llama-server leaves it out as well.
//
// Of a call, too, what is no part of it is content: members of its object that no call has, words in a
// message's header, a parameter's name that breaks off. Only ids are left out that come behind streamed
// arguments, or twice.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/event.h"
#include "tools/format.h"
#include "tools/tool_list.h"

namespace ferrum::tools {

struct ParserOptions {
  Phase phase = Phase::kContent;
  bool calls = true;        // false (tool_choice none, no tools): only thoughts are set apart
  int max_calls = 1 << 20;  // parallel_tool_calls false: 1; what follows is content
  uint64_t id_seed = 0;     // of ids that the model does not write: take another for every answer
};

class Parser {
 public:
  Parser(Format format, std::shared_ptr<const ToolList> tools, const ParserOptions& options);
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  // The control tokens of the format are spelled out in `text`.
  std::vector<Event> feed(std::string_view text);
  // kOwn: the answer ended by itself. kCut: a limit cut it.
  enum class End { kOwn, kCut };
  // Nothing follows. A call that is under way ends, incomplete.
  std::vector<Event> finish(End end = End::kOwn);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct ParsedCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, if complete
  bool complete = false;

  bool operator==(const ParsedCall&) const = default;
};

struct ParsedAnswer {
  std::string content;
  std::string reasoning;
  std::vector<ParsedCall> calls;

  void add(const std::vector<Event>& events);
  bool operator==(const ParsedAnswer&) const = default;
};

}  // namespace ferrum::tools
