// The sequences in progress: those in the queue and those that hold blocks.
#pragma once
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "engine/loop/sequence.h"

namespace ferrum {

class Roster {
 public:
  using Sequences = std::vector<std::unique_ptr<Sequence>>;  // best rank first

  const Sequences& waiting() const { return waiting_; }
  const Sequences& running() const { return running_; }
  bool empty() const { return waiting_.empty() && running_.empty(); }

  void add_waiting(std::unique_ptr<Sequence> s) { insert(waiting_, std::move(s)); }
  void add_running(std::unique_ptr<Sequence> s) { insert(running_, std::move(s)); }
  std::unique_ptr<Sequence> take_first_waiting();  // requires one
  std::unique_ptr<Sequence> take_last_running();   // requires one

  void for_each(FunctionRef<void(Sequence&)> visit) const;
  // Removes the sequences that are over.
  void sweep(FunctionRef<bool(Sequence&)> is_over);

 private:
  static void insert(Sequences& into, std::unique_ptr<Sequence> s);

  Sequences waiting_;
  Sequences running_;
};

}  // namespace ferrum
