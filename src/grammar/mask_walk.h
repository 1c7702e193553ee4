// Makes the mask of the tokens that may follow threads.
//
// Threads are alternatives, so the mask is the union of theirs. Tokens are tried as a tree: what no thread
// takes leaves out a whole subtree. Within a string, where nearly every token goes on, whole sets of tokens
// are taken at once: those that stay in it depend on its automaton alone, and those that end it share what
// follows.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/lexeme.h"
#include "grammar/mask_cache.h"
#include "grammar/threads.h"
#include "grammar/vocabulary.h"

namespace ferrum::grammar {

class MaskWalk {
 public:
  // Sets bits in `words`, which hold zeros. All outlive it.
  MaskWalk(const Program& program, const Vocabulary& vocabulary, MaskCache& cache, std::span<uint32_t> words);

  void add(const Threads& threads);

 private:
  // The tokens of a tree, and where their bits go.
  struct Target {
    const TokenTrie& trie;
    std::span<uint32_t> words;
    const uint16_t* leading = nullptr;  // only tokens whose number here is at most `most_leading`
    uint32_t most_leading = 0;

    void take(std::span<const int32_t> tokens) const;
  };
  using Closer = StringTokens::Closer;
  using OnQuote = std::function<void(uint32_t node, const Lexeme::Place& at)>;
  using OnEnd = std::function<void(uint32_t node, const Lexeme::Place& at, Lexeme::Fed fed)>;

  using OnExit = std::function<void(uint32_t node, uint32_t state)>;

  // At the root of the tree.
  void add_structural(const Threads& threads);
  void add_number(const Thread& thread);
  void add_string(const Thread& thread);
  void add_name(const Thread& thread);
  void add_rule(const Thread& thread);
  void add_text(const Thread& thread);
  // Any characters may follow in `state`, as many as the count allows.
  void add_plain(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme, uint32_t state);
  // Takes the tokens of as many characters as the string may still have, where they leave a new text.
  void add_filling(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme,
                   uint32_t characters);
  // Takes the tokens below a node at `at`, where all their characters lead back to its state and the string
  // is near its most length. False: they are to be walked.
  bool take_counted(const Target& target, uint32_t node, const Lexeme& lexeme, const Lexeme::Place& at) const;
  // Whether a token that stays in the string leaves one that is new, or that may become new.
  static bool leaves_new(const Thread& thread, const Lexeme& lexeme, std::string_view bytes);
  void add_kept(const Thread& thread, const Lexeme& lexeme);
  std::shared_ptr<const LexemeMask> make(const Thread& thread);
  // `closers` end the lexeme at `end` or at what is like it but for its hash.
  void add_closers(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme,
                   std::span<const Closer> closers, Lexeme::Place end);
  bool needs_hash_in(const Thread& thread, uint32_t tail) const;
  void drop_repeated(std::span<uint32_t> words, const Thread& thread, const Lexeme& lexeme);
  // Names that do not lead to the state `other` after all.
  void correct_listed(std::span<uint32_t> words, const Lexeme& lexeme, uint32_t other);
  bool takes(const Thread& thread, int32_t token) const;

  // Below a node.
  void walk(const Target& target, uint32_t node, const Threads& threads, int splits);
  void walk_bytes(const Target& target, uint32_t node, const Threads& threads, int splits);
  void walk_number(const Target& target, uint32_t node, const Thread& thread, int splits);
  void walk_string(const Target& target, uint32_t node, const Thread& thread, int splits);
  void walk_rule(const Target& target, uint32_t node, const Thread& thread);
  void walk_text(const Target& target, uint32_t node, const Thread& thread);
  // … and calls `on_exit` where a rule calls another one or may end, and where a text is over.
  void walk_in_rule(const Target& target, uint32_t node, const Thread& thread, const OnExit& on_exit);
  void walk_in_text(const Target& target, uint32_t node, const Thread& thread, const OnExit& on_exit);
  void leave_rule(const Target& target, const Thread& thread, std::span<const LexemeMask::Exit> exits);
  // Follows `threads` byte by byte from one node to another below it, and on.
  void walk_path(const Target& target, uint32_t from, uint32_t to, Threads threads);
  // Takes the tokens that stay in the lexeme.
  void walk_lexeme(const Target& target, uint32_t node, const Lexeme& lexeme, const OnQuote& on_quote);
  // From the root to where tokens that have a quote end the lexeme, or may not go on.
  void walk_to_quotes(const Lexeme& lexeme, const OnEnd& on_end);

  const Program& program_;
  const Stepper stepper_;
  const Vocabulary& vocabulary_;
  MaskCache& cache_;
  const Target all_;
  std::vector<Lexeme::Place> places_;  // by depth
};

}  // namespace ferrum::grammar
