// What a model thinks before it answers, <think>…</think>, apart from what it says.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::server {

class Thoughts {
 public:
  enum class Start {
    kNone,     // all is said: the model does not think, or nobody wants to tell thoughts apart
    kPerhaps,  // thoughts come first if the answer begins with <think>
    kInside,   // the prompt ends with <think>
  };
  struct Piece {
    bool thought = false;
    std::string text;
  };

  explicit Thoughts(Start start) : state_(start) {}

  // The answer's next text, appended to `out` without the marks and the empty lines beside them. What may be
  // the beginning of a mark waits for what comes next.
  void take(std::string_view text, std::vector<Piece>& out);
  // The answer is over: what waited is told.
  void end(std::vector<Piece>& out);

 private:
  void begin(std::vector<Piece>& out);
  void go_on(std::vector<Piece>& out);

  Start state_;
  std::string held_;
  bool at_beginning_ = true;  // of thoughts or of what is said after them: empty lines are left out
  bool thought_ = false;      // there were thoughts
};

// How an answer to this prompt begins. Tokenizes the prompt, which is then token ids, for a model that may
// think.
Thoughts::Start start_of_thoughts(const Engine& engine, Prompt& prompt);

}  // namespace ferrum::server
