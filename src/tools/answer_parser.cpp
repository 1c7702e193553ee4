#include "tools/answer_parser.h"

#include <algorithm>
#include <utility>

namespace ferrum::tools {
namespace {

constexpr size_t kMaxName = 1024;  // bytes

}  // namespace

AnswerParser::AnswerParser(Format format, std::shared_ptr<const ToolList> tools, const ParserOptions& options)
    : sink(format.id_style, options.id_seed, options.phase),
      format_(std::move(format)),
      tools_(tools ? std::move(tools) : std::make_shared<const ToolList>()),
      options_(options),
      syntax_(format_.syntax) {
  add_marks();
}

void AnswerParser::add_marks() {
  if (!format_.reasoning.open.empty()) {
    marks_.push_back({format_.reasoning.open, MarkKind::kThoughtOpen, {}});
    marks_.push_back({format_.reasoning.close, MarkKind::kThoughtClose, {}});
  }
  for (const Wrapper& wrapper : format_.wrappers)
    if (!wrapper.open.empty()) {
      marks_.push_back({wrapper.open, MarkKind::kWrapper, wrapper});
    } else {
      marks_.push_back({"[", MarkKind::kWrapper, wrapper});
      if (format_.syntax == Syntax::kObjects) marks_.push_back({"{", MarkKind::kWrapper, wrapper});
    }
  const bool marked_call = format_.syntax == Syntax::kNamed || format_.syntax == Syntax::kElements ||
                           format_.syntax == Syntax::kRecipients;
  if (marked_call && !format_.marks.open.empty())
    for (const CallMarks& marks : spellings(format_.marks))
      marks_.push_back({marks.open, MarkKind::kCall, {}});
  if (!format_.code_open.empty())
    marks_.push_back({format_.code_open, MarkKind::kWrapper, {format_.code_open, ""}});
  for (const std::string& silent : format_.silent) marks_.push_back({silent, MarkKind::kSilent, {}});
}

bool AnswerParser::may_call() const { return options_.calls && sink.calls() < options_.max_calls; }

bool AnswerParser::is_active(const Mark& mark) const {
  switch (mark.kind) {
    case MarkKind::kThoughtOpen:
      return !sink.thinking() && (format_.reasoning.anywhere || sink.fresh());
    case MarkKind::kThoughtClose:
      return sink.thinking() || cut_thought_;
    case MarkKind::kWrapper:
      return may_call() && !(sink.thinking() && mark.wrapper.open.empty());
    case MarkKind::kCall:
      return may_call() || format_.syntax == Syntax::kRecipients;
    case MarkKind::kSilent:
      return true;
  }
  return false;
}

Parse<bool> AnswerParser::answer() {
  if (format_.syntax == Syntax::kChannels) {
    co_await channels();
  } else {
    if (options_.phase == Phase::kHeader) {
      const bool headed = co_await recipient();
      if (!headed) give_up();
    }
    co_await text();
  }
  sink.finish();
  co_return true;
}

Parse<bool> AnswerParser::text() {
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) co_return true;
    const bool may_begin_mark = std::any_of(marks_.begin(), marks_.end(), [&](const Mark& mark) {
      return static_cast<unsigned char>(mark.text[0]) == byte && is_active(mark);
    });
    const Mark* mark = nullptr;
    if (may_begin_mark) mark = co_await mark_here(byte);
    if (mark) {
      co_await at_mark(*mark);
    } else {
      const char letter = static_cast<char>(byte);
      sink.text({&letter, 1});
      input.skip(1);
    }
  }
}

Parse<const AnswerParser::Mark*> AnswerParser::mark_here(int first) {
  const Mark* longest = nullptr;
  for (const Mark& mark : marks_) {
    if (static_cast<unsigned char>(mark.text[0]) != first || !is_active(mark)) continue;
    if (longest && mark.text.size() <= longest->text.size()) continue;
    const bool here = co_await sees(mark.text, 0);
    if (here) longest = &mark;
  }
  co_return longest;
}

Parse<bool> AnswerParser::at_mark(const Mark& mark) {
  switch (mark.kind) {
    case MarkKind::kThoughtOpen:
      input.skip(mark.text.size());
      sink.open_thought();
      break;
    case MarkKind::kThoughtClose:
      input.skip(mark.text.size());
      cut_thought_ = false;
      sink.close_thought();
      break;
    case MarkKind::kSilent:
      input.skip(mark.text.size());
      sink.mark();
      break;
    case MarkKind::kCall:
      if (format_.syntax == Syntax::kRecipients) {
        take(mark.text.size());
        const bool headed = co_await recipient();
        if (!headed) give_up();
        break;
      }
      [[fallthrough]];
    case MarkKind::kWrapper:
      co_await block(mark.wrapper);
  }
  co_return true;
}

Parse<bool> AnswerParser::block(Wrapper wrapper) {
  syntax_ = format_.syntax;
  bare_ = wrapper.open.empty() && (syntax_ == Syntax::kObjects || syntax_ == Syntax::kPython);
  take(wrapper.open.size());
  size_t gap = co_await spaces(0);
  if (syntax_ == Syntax::kObjects && wrapper.open == format_.marks.open && bare_ == false) {
    const int next = co_await input.peek(gap);  // Mistral's newer calls behind the mark of the list
    if (next != '[' && next != '{') syntax_ = Syntax::kNamed;
  } else if (syntax_ == Syntax::kNamed && wrapper.open.empty()) {  // … and the other way round
    const size_t after_mark = format_.marks.open.size();
    gap = co_await spaces(after_mark);
    const int next = co_await input.peek(after_mark + gap);
    if (next == '[' || next == '{') {
      syntax_ = Syntax::kObjects;
      take(after_mark);
    } else {
      gap = 0;
    }
  }
  bool list = false;
  if (syntax_ == Syntax::kObjects || syntax_ == Syntax::kPython) {
    const int next = co_await input.peek(gap);
    list = next == '[';
    if (list) take(gap + 1);
  }
  for (bool more = true; more && may_call();) {
    more = false;
    gap = co_await spaces(0);
    take(gap);
    const bool found = co_await call(wrapper);
    if (!found) break;
    give_up();  // what of it makes no sense
    gap = co_await spaces(0);
    const int next = co_await input.peek(gap);
    if (list && next == ',') {
      take(gap + 1);
      more = true;
      continue;
    }
    if (list && next != ']') break;
    if (list) {
      input.skip(gap + 1);
      list = false;
      gap = co_await spaces(0);
    }
    bool closed = false;
    if (!wrapper.close.empty()) closed = co_await sees_or_ends(wrapper.close, gap);
    if (closed) {
      input.skip(std::min(gap + wrapper.close.size(), input.front(std::string_view::npos).size()));
      break;
    }
    more = co_await goes_on(gap);
  }
  give_up();
  co_return true;
}

Parse<bool> AnswerParser::call(const Wrapper& wrapper) {
  bool found = false;
  switch (syntax_) {
    case Syntax::kObjects: {
      const int next = co_await input.peek();
      if (next != '{' && wrapper.open == "<|python_tag|>") {
        found = co_await python_tag_call();
      } else {
        found = co_await object_call();
      }
      break;
    }
    case Syntax::kNamed:
      if (!wrapper.open.empty() && wrapper.open == format_.code_open) {
        found = co_await code_call("");
      } else {
        found = co_await named_call(wrapper);
      }
      break;
    case Syntax::kElements:
      found = co_await element_call(wrapper);
      break;
    case Syntax::kGemma:
      found = co_await gemma_call();
      break;
    case Syntax::kPython: {
      const int next = co_await input.peek();
      if (next == '{') {
        syntax_ = Syntax::kObjects;
        found = co_await object_call();
      } else {
        found = co_await python_call();
      }
      break;
    }
    default:
      break;
  }
  co_return found;
}

Parse<bool> AnswerParser::goes_on(size_t offset) {
  const int next = co_await input.peek(offset);
  bool more = false;
  if (syntax_ == Syntax::kObjects) {
    more = next == '{';
    if (next == ';') {  // Llama 3 separates calls so
      const size_t gap = co_await spaces(offset + 1);
      const int after = co_await input.peek(offset + 1 + gap);
      more = after == '{';
      if (more) take(offset + 1);
    }
  } else if (syntax_ == Syntax::kPython) {
    more = !bare_ && next != Input::kEnd && next != '<';
  } else if (!format_.marks.open.empty()) {
    more = co_await sees_tag(format_.marks.open, offset);
  }
  co_return more;
}

Parse<bool> AnswerParser::sees(std::string_view mark, size_t offset) {
  for (size_t i = 0; i < mark.size(); ++i) {
    const int byte = co_await input.peek(offset + i);
    if (byte != static_cast<unsigned char>(mark[i])) co_return false;
  }
  co_return true;
}

Parse<bool> AnswerParser::sees_or_ends(std::string_view mark, size_t offset) {
  for (size_t i = 0; i < mark.size(); ++i) {
    const int byte = co_await input.peek(offset + i);
    if (byte == Input::kEnd) co_return true;
    if (byte != static_cast<unsigned char>(mark[i])) co_return false;
  }
  co_return true;
}

Parse<size_t> AnswerParser::spaces(size_t offset) {
  for (size_t count = 0;; ++count) {
    const int byte = co_await input.peek(offset + count);
    if (byte == Input::kEnd || !is_space(static_cast<char>(byte))) co_return count;
  }
}

Parse<AnswerParser::Read> AnswerParser::literal(Dialect dialect, std::string* json) {
  LiteralReader reader(dialect, format_.quote);
  std::string piece;
  std::string& out = json ? *json : piece;
  for (;;) {
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) {
      const bool complete = reader.finish(out);
      if (!json) arguments(piece);
      if (!complete && begun_) raw_ += reader.held();
      co_return complete ? Read::kComplete : Read::kEnd;
    }
    const LiteralReader::State state = reader.take(static_cast<char>(byte), out);
    if (!json) {
      arguments(piece);
      piece.clear();
    }
    if (state == LiteralReader::State::kMore || state == LiteralReader::State::kDone) take(1);
    if (state == LiteralReader::State::kBad && begun_) raw_ += reader.held();
    if (state == LiteralReader::State::kBad) co_return Read::kBad;
    if (state != LiteralReader::State::kMore) co_return Read::kComplete;
  }
}

// A name that an offered function bears may itself contain an end.
Parse<bool> AnswerParser::name_until(std::array<std::string_view, 3> ends, std::string& name) {
  for (; name.size() <= kMaxName;) {
    bool over = false;
    for (const std::string_view end : ends) {
      if (over || end.empty()) continue;
      over = co_await sees(end, 0);
      if (over) over = !tools_->continues(name + std::string(end));
    }
    if (over) co_return !name.empty();
    const int byte = co_await input.peek();
    if (byte == Input::kEnd) break;
    if (byte == '\n' && !tools_->continues(name + '\n')) break;
    name += static_cast<char>(byte);
    take(1);
  }
  co_return false;
}

void AnswerParser::take(size_t bytes) {
  if (begun_) {
    input.skip(bytes);
  } else {
    keep(bytes);
  }
}

void AnswerParser::keep(size_t bytes) {
  raw_ += input.front(bytes);
  input.skip(bytes);
}

void AnswerParser::begin(std::string_view name, std::string_view id) {
  unseen_ = format_.family == "command-r" && (name == "directly_answer" || name == "directly-answer");
  begun_ = true;
  raw_.clear();
  if (unseen_) return;
  cut_thought_ |= sink.thinking();
  sink.begin_call(name, id);
}

void AnswerParser::arguments(std::string_view json) {
  if (unseen_) {
    raw_ += json;
  } else {
    sink.arguments(json);
  }
}

void AnswerParser::end(bool complete) {
  begun_ = false;
  if (unseen_) {
    if (raw_.find_first_not_of("{} \n\r\t") == std::string::npos) raw_.clear();
    sink.mark();
  } else {
    sink.end_call(complete);
  }
}

void AnswerParser::give_up() {
  sink.text(raw_);
  raw_.clear();
}

bool AnswerParser::accepts(std::string_view name) const {
  return !name.empty() && (tools_->find(name) || !(bare_ || sink.thinking()));
}

}  // namespace ferrum::tools
