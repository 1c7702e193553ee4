// The marks around a model's thoughts, found in the bytes of its tokens: a mark may be one token or several.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/byte_search.h"
#include "text/token.h"

namespace ferrum {

// Immutable: one for all sequences of a model.
class ThoughtMarks {
 public:
  struct Texts {
    std::string open;   // <think>
    std::string close;  // </think>
    // With this, which `open` begins with or is, a thought has begun for good.
    std::string begin;
    // A thought may begin within content; otherwise only where the answer does.
    bool anywhere = false;
    std::string other_firsts{};  // bytes that something else which ends thoughts may begin with
  };
  struct Vocabulary {
    int size = 0;
    std::function<std::string(TokenId)> bytes;
    std::function<bool(TokenId)> is_text;  // not a mark of its own
    std::function<std::vector<TokenId>(const std::string&)> encode;
  };
  ThoughtMarks(Vocabulary vocabulary, Texts texts);

  const Texts& texts() const { return texts_; }
  std::string bytes(TokenId id) const { return vocabulary_.bytes(id); }
  // Whether a mark, or what else ends a thought, may begin within the token.
  bool may_begin(TokenId id) const {
    return static_cast<size_t>(id) < may_begin_.size() && may_begin_[static_cast<size_t>(id)];
  }

  // The next token of the closing mark behind an answer that ends with its first `matched` bytes, as the
  // tokenizer itself writes it there.
  TokenId next_of_close(std::span<const TokenId> answer, size_t matched) const;
  // The tokens with which a thought would begin behind a text that ends with the first `matched` bytes of
  // `begin`.
  std::vector<TokenId> beginning(size_t matched) const;

 private:
  Vocabulary vocabulary_;
  Texts texts_;
  std::vector<bool> may_begin_;        // by token
  std::vector<TokenId> whole_begins_;  // tokens that have all of `begin`
};

// Follows one answer, token by token.
class ThoughtScan {
 public:
  // `calls`: what else ends a thought; null: nothing. `inside`: the prompt opened a thought.
  ThoughtScan(const ThoughtMarks& marks, const grammar::ByteSearch* calls, bool inside)
      : marks_(&marks), calls_(calls), inside_(inside), begun_(inside) {}

  void take(TokenId id);

  bool inside() const { return inside_; }
  bool ended() const { return ended_; }  // a thought has
  // A thought could begin here.
  bool may_open() const { return !inside_ && (marks_->texts().anywhere || !begun_); }
  // Tokens of all thoughts so far, without the marks, but with those that may become a closing one.
  size_t tokens() const { return tokens_; }
  // Bytes at the end of the text that a closing mark begins with, or outside of thoughts an opening one.
  size_t matched() const { return matched_; }
  // Tokens of the mark that the last token completed.
  size_t mark_tokens() const { return candidate_; }

 private:
  void step(char byte);
  void leave();

  const ThoughtMarks* marks_;
  const grammar::ByteSearch* calls_;
  bool inside_;
  bool begun_;  // the answer has something other than white space
  bool ended_ = false;
  bool closed_ = false;  // by the last token, with the mark
  size_t tokens_ = 0;
  size_t matched_ = 0;
  size_t candidate_ = 0;  // tokens since a mark may have begun
  uint32_t call_ = 0;     // a state of calls_
};

}  // namespace ferrum
