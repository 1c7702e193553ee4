// One text's way through a grammar. A copy costs a reference and shares what both have read; each step that
// is accepted takes memory of its own that does not depend on how long the text is, and can be taken back.
//
// One thread at a time uses a matcher; copies may be used by different threads.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/node.h"

namespace ferrum::grammar {

struct MatcherStep;
struct Thread;

class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const Grammar> grammar);
  ~Matcher();
  Matcher(const Matcher&);
  Matcher& operator=(const Matcher&);

  // Reads all of `bytes` as one step. False: the grammar has no text that goes on like this, and nothing has
  // changed.
  bool accept(std::string_view bytes);
  // Reads the control token of this spelling as one step: where a mark of a structure has it here, or text in
  // which control tokens may come.
  bool accept_mark(std::string_view spelling);
  // How many of `bytes` could be accepted.
  size_t accepted_prefix(std::string_view bytes) const;
  // Takes back the last `steps` steps, of which there must be as many.
  void rollback(size_t steps);

  bool is_complete() const;  // what was read is a whole text of the grammar
  bool is_at_end() const;    // … and nothing can follow
  // The bytes that must come next, whatever the text: up to `most`, and none where the text may also end.
  std::string forced_bytes(size_t most = 256) const;

  const std::vector<Thread>& threads() const;  // where it stands

 private:
  void push(std::vector<Thread> threads);

  std::shared_ptr<const Grammar> grammar_;
  Ref<const MatcherStep> last_;
};

}  // namespace ferrum::grammar
