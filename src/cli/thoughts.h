// Separates a model's thoughts, <think>…</think>, from its answer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ferrum/engine.h"

namespace ferrum::cli {

class Thoughts {
 public:
  enum class Start {
    kNone,     // no separation: the model does not think, or the client does not want it
    kPerhaps,  // the answer may begin with <think>
    kInside,   // the prompt ends with <think>
  };
  struct Piece {
    bool thought = false;
    std::string text;
  };

  explicit Thoughts(Start start) : state_(start) {}

  // Appends the pieces of the answer's next text to `out`, without the marks and the empty lines beside them.
  // A possible beginning of a mark is held back.
  void take(std::string_view text, std::vector<Piece>& out);
  // Call at the end of the answer: appends what was held back.
  void end(std::vector<Piece>& out);

 private:
  void begin(std::vector<Piece>& out);
  void go_on(std::vector<Piece>& out);

  Start state_;
  std::string held_;
  bool at_beginning_ = true;  // of thoughts or of the answer: empty lines are skipped
  bool thought_ = false;      // there were thoughts
};

// How an answer to this prompt begins. For a model that may think, tokenizes the prompt, which is then token
// ids.
Thoughts::Start start_of_thoughts(const Engine& engine, Prompt& prompt);

}  // namespace ferrum::cli
