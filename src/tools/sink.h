// Gathers what a parser finds as events, and keeps the rules that hold for every format: spaces beside calls
// and thoughts are layout and left out, but for those that keep two texts of one kind apart; ids are unique,
// neighbouring texts of one kind are one event.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tools/event.h"
#include "tools/format.h"

namespace ferrum::tools {

class Sink {
 public:
  Sink(IdStyle ids, uint64_t seed, Phase phase);

  void text(std::string_view bytes);  // of the thought, if one is open, else of the content
  // From now on texts are dropped, with the spaces before them.
  void drop_texts() { drops_texts_ = true; }
  bool thinking() const { return thinking_; }
  // Nothing but spaces since the answer's begin or the last mark.
  bool fresh() const { return fresh_; }
  void open_thought();
  void close_thought();
  // Structure stands here: spaces on both sides of it are dropped.
  void mark();
  // Another message of the answer begins, in a line of its own.
  void message();

  // Ends a thought that is open. An empty id, or one that was there before, is replaced by a new one.
  void begin_call(std::string_view name, std::string_view id);
  void arguments(std::string_view json);
  void end_call(bool complete);
  int calls() const { return calls_; }
  const std::string& last_name() const { return name_; }  // of the call that began last

  void finish();
  std::vector<Event> take() { return std::exchange(events_, {}); }

 private:
  void emit(EventKind kind, std::string_view text);
  std::string new_id();

  IdStyle id_style_;
  uint64_t seed_;
  bool thinking_;
  bool after_mark_;  // spaces that follow are left out
  bool fresh_ = true;
  bool drops_texts_ = false;
  std::string spaces_;                              // held back until it is known what follows
  std::string gap_;                                 // the spaces before the structure that stands here
  std::string skipped_;                             // the spaces behind it
  bool has_content_ = false, has_thought_ = false;  // so far
  int calls_ = 0;
  std::string name_;
  uint64_t ids_made_ = 0;
  std::unordered_set<std::string> ids_;
  std::vector<Event> events_;
};

}  // namespace ferrum::tools
