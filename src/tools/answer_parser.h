// The grammar of answers as coroutines over Input: one function for each construct of a format.
//
// A construct is *tried*: its bytes are kept until it is certain that a call begins (`begin`); until then
// they can still turn out to be text. From then on the call is streamed, and where its bytes stop making
// sense it ends and the rest is text.
#pragma once
#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/input.h"
#include "tools/literal_reader.h"
#include "tools/parser.h"
#include "tools/sink.h"

namespace ferrum::tools {

inline bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

class AnswerParser {
 public:
  AnswerParser(Format format, std::shared_ptr<const ToolList> tools, const ParserOptions& options);

  Parse<bool> answer();

  Input input;
  Sink sink;

 private:
  enum class MarkKind { kThoughtOpen, kThoughtClose, kWrapper, kCall, kSilent };
  struct Mark {
    std::string text;
    MarkKind kind;
    Wrapper wrapper;
  };
  enum class Read { kComplete, kBad, kEnd };
  // Of a kObjects call, as far as it is read.
  struct Object {
    std::string name, id, arguments;
    std::string rest;  // of its text: members that are none of a call
    bool has_name = false, has_arguments = false, called = false;
  };

  // answer_parser.cpp: what all formats share.
  void add_marks();
  bool is_active(const Mark& mark) const;
  bool may_call() const;
  Parse<bool> text();                       // an answer without messages of its own
  Parse<const Mark*> mark_here(int first);  // the longest active mark that stands here; null
  Parse<bool> at_mark(const Mark& mark);
  Parse<bool> block(Wrapper wrapper);        // calls and what stands around them
  Parse<bool> call(const Wrapper& wrapper);  // one; false: none, its bytes are in raw_
  Parse<bool> goes_on(size_t offset);        // another call of the same block follows
  Parse<bool> sees(std::string_view mark, size_t offset);
  Parse<bool> sees_or_ends(std::string_view mark, size_t offset);  // also if the answer breaks off inside it
  Parse<size_t> spaces(size_t offset);                             // how many there are, from `offset` on
  Parse<Read> literal(Dialect dialect, std::string* json);  // into *json, or else into the call's arguments
  // Up to one of `ends` that is not empty, none of which is taken.
  Parse<bool> name_until(std::array<std::string_view, 3> ends, std::string& name);
  void take(size_t bytes);
  void keep(size_t bytes);
  void begin(std::string_view name, std::string_view id);
  void arguments(std::string_view json);
  void end(bool complete);
  void give_up();  // what was tried is text
  bool accepts(std::string_view name) const;

  // object_calls.cpp
  Parse<bool> object_call();
  Parse<bool> member(Object& object);
  Parse<bool> member_arguments(Object& object);
  Parse<bool> python_tag_call();
  Parse<bool> code_call(std::string begun);
  void call_object(Object& object);
  void end_object(Object& object, bool complete);

  // named_calls.cpp
  Parse<bool> named_call(const Wrapper& wrapper);
  Parse<bool> gemma_call();
  Parse<bool> python_call();
  Parse<bool> python_arguments();

  // element_calls.cpp
  // A parameter that is being read, and what it is a part of.
  struct Element {
    const Tool* tool;
    const Wrapper& wrapper;
    std::vector<std::string> missing;  // required parameters that have not come
    bool takes_any_text = false;       // its schema asks for a string of any form
    bool first = true;
  };
  Parse<bool> element_call(const Wrapper& wrapper);
  Parse<bool> element_name(std::string& name);
  Parse<bool> element_type(std::string_view end, std::string& type);
  Parse<bool> sees_tag(std::string_view mark, size_t offset);
  std::string attribute_end(std::string_view mark, std::string_view end);
  Parse<Read> element(Element& of);
  Parse<Read> element_value(unsigned types, const Element& of);
  Parse<bool> closes_value(size_t offset, const Element& of);
  Parse<bool> value_goes_on(size_t offset, const Element& of);
  Parse<size_t> end_of_call(size_t offset, const Wrapper& wrapper);

  // message_calls.cpp
  Parse<bool> channels();
  Parse<bool> channel_header(std::string& header);
  Parse<bool> message(std::string header_text);
  Parse<bool> message_call(std::string_view name);
  Parse<bool> message_text();
  Parse<size_t> message_end();  // bytes of the mark that ends a message here; 0
  Parse<bool> recipient();

  const Format format_;
  const std::shared_ptr<const ToolList> tools_;
  const ParserOptions options_;
  std::vector<Mark> marks_;
  std::string raw_;      // of what is tried; of a call that is under way, what is not among its arguments
  Syntax syntax_;        // of the block
  bool bare_ = false;    // the block has no mark
  bool begun_ = false;   // a call is under way: bytes are no longer kept
  bool unseen_ = false;  // it is none of the user's: Command R's directly_answer
  bool cut_thought_ = false;  // a call ended a thought: its closing mark may follow
};

}  // namespace ferrum::tools
