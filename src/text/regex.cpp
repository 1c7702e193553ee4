#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace ferrum {
namespace {

constexpr uint32_t kMatchLimit = 50'000'000;  // backtracking steps of one search: about a second
// A search that exceeds its limits, as a match of megabytes does, is repeated in windows of this size.
constexpr size_t kWindow = size_t{64} << 10;
constexpr size_t kJitStackStart = size_t{64} << 10;
constexpr size_t kJitStackMost = size_t{64} << 20;

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_jit_stack* p) const { pcre2_jit_stack_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// What a search needs besides the pattern. Each thread has its own.
struct Workspace {
  Owned<pcre2_match_data> data{pcre2_match_data_create(1, nullptr)};
  Owned<pcre2_match_context> context{pcre2_match_context_create(nullptr)};
  Owned<pcre2_jit_stack> stack{pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr)};

  Workspace() {
    pcre2_set_match_limit(context.get(), kMatchLimit);
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

Workspace& workspace() {
  thread_local Workspace w;
  return w;
}

size_t valid_prefix(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const utf8::Decoded d = utf8::decode(text.substr(i));
    if (!d.valid) break;
    i += d.size;
  }
  return i;
}

}  // namespace

struct Regex::Impl {
  Owned<pcre2_code> code;
  bool jit = false;
  std::string pattern;  // as the file has it

  int search(std::string_view text, size_t from, Workspace& w) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    const auto run = jit ? pcre2_jit_match : pcre2_match;
    return run(code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, w.data.get(), w.context.get());
  }
};

Regex::Regex(std::string_view pattern, std::string_view where) : impl_(std::make_unique<Impl>()) {
  impl_->pattern = pattern;
  const std::string translated = translate_regex(pattern, where);
  const Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 200);
  int error = 0;
  PCRE2_SIZE offset = 0;
  impl_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                  &offset, context.get()));
  if (!impl_->code)
    fail(ErrorCode::kUnsupported, "{}: the regular expression {} does not compile: {}", where,
         in_quotes(pattern, 400), message_of(error));
  impl_->jit = pcre2_jit_compile(impl_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::for_each_match(std::string_view text, FunctionRef<void(size_t, size_t)> match) const {
  for (size_t base = 0; base < text.size();) {
    const std::string_view run = text.substr(base, valid_prefix(text.substr(base)));
    const auto found = [&](size_t begin, size_t end) { match(base + begin, base + end); };
    search_run(run, found);
    base += run.size() + 1;  // past the malformed byte
  }
}

// `run` is valid UTF-8.
void Regex::search_run(std::string_view run, FunctionRef<void(size_t, size_t)> match) const {
  Workspace& w = workspace();
  size_t window = run.size();
  size_t last_end = std::string_view::npos;
  for (size_t from = 0; from <= run.size();) {
    size_t seen = run.size() - from > window ? from + window : run.size();
    while (seen < run.size() && (static_cast<unsigned char>(run[seen]) & 0xC0) == 0x80) ++seen;
    const int result = impl_->search(run.substr(0, seen), from, w);
    if (result == PCRE2_ERROR_NOMATCH) {
      if (seen == run.size()) return;
      from = seen;
      continue;
    }
    if (result < 0) {
      if (window <= kWindow)
        fail(ErrorCode::kBadArgument, "the tokenizer's pattern {} takes too much work on this text: {}",
             in_quotes(impl_->pattern, 400), message_of(result));
      window = kWindow;
      continue;
    }
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(w.data.get());
    const size_t begin = ends[0];
    const size_t end = ends[1];
    if (begin == end && end == last_end) {  // an empty match at the end of the last match
      if (end == run.size()) return;
      from = end + utf8::decode(run.substr(end)).size;
      continue;
    }
    match(begin, end);
    from = last_end = end;
  }
}

}  // namespace ferrum
