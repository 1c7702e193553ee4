// Where a text can stand in a grammar. A thread is one position: what is being read, and the frames around
// it. Threads and frames are immutable; frames are shared between threads, forks and earlier positions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/decoder.h"
#include "grammar/node.h"
#include "grammar/program.h"
#include "grammar/value_hash.h"

namespace ferrum::grammar {

// What waits for a value or a rule to end.
struct MembersForm;
class ByteSearch;

struct Frame : Node {
  enum class Kind : uint8_t { kRoot, kObject, kArray, kJoin, kCall, kText };
  Frame(Kind k, bool hashed) : kind(k), is_hashed(hashed) {}
  Kind kind;
  bool is_hashed;  // a frame at or above it compares values
};
using FrameRef = Ref<const Frame>;

// The text of a number, last character first.
struct NumberText : Node {
  Ref<const NumberText> before;
  char character = 0;
};

struct Thread {
  enum class At : uint8_t {
    kValue,   // in front of a value of goal `state`
    kString,  // inside
    kNumber,
    kLiteral,    // `rest` is still to come
    kFirstName,  // behind {
    kNextName,   // behind a comma
    kName,       // inside
    kColon,      // in front of it
    kAfterMember,
    kFirstItem,  // behind [
    kAfterItem,
    kRule,
    kQuote,    // in front of the one that ends a string
    kRawName,  // of a member that is not written as JSON
    kRawText,  // its value
    kGraph,    // of a structure; `count`: bytes or white space read, or where a search stands
    kEnd,      // the whole text may end here, and nothing may follow
  };
  At at = At::kEnd;
  uint8_t space = 0;       // characters of white space so far
  bool in_string = false;  // of JSON: a rule's characters may be escaped
  uint32_t state = 0;      // of the automaton, or the goal, or the rule's state
  uint32_t count = 0;      // characters; of a number: its goal; of a rule: the rule
  uint32_t decoding = 0;
  uint32_t found = 0;  // of the search in a member's value
  const char* rest = nullptr;
  const Automaton* automaton = nullptr;
  const ByteSearch* search = nullptr;  // for what a member's value as JSON does not contain
  FrameRef frame;
  ValueHash hash;
  Ref<const NumberText> text;

  // All but what is around it is the same.
  bool waits_like(const Thread& other) const {
    return at == other.at && space == other.space && in_string == other.in_string && state == other.state &&
           count == other.count && decoding == other.decoding && rest == other.rest &&
           automaton == other.automaton && found == other.found && search == other.search &&
           hash == other.hash && text == other.text;
  }
  bool operator==(const Thread& other) const { return waits_like(other) && frame == other.frame; }
};

using Threads = std::vector<Thread>;

struct ObjectFrame final : Frame {
  ObjectFrame(const ObjectShape& s, FrameRef p, bool hashed)
      : Frame(Kind::kObject, hashed), shape(&s), parent(std::move(p)), duties(s.duties) {}
  const ObjectShape* shape;
  const MembersForm* form = nullptr;  // null: JSON
  FrameRef parent;
  uint32_t duties;                 // still to be met
  uint32_t count = 0;              // members so far
  uint32_t next = 0;               // the first listed member that may come, in the order of the shape
  uint32_t member = 0;             // whose value is being read: its mark
  std::vector<uint64_t> seen;      // listed members so far, in any order
  Ref<const HashSet> other_names;  // so far
  ValueHash name, members;         // of the member being read; the sum of those so far
};

struct ArrayFrame final : Frame {
  ArrayFrame(const ArrayShape& s, FrameRef p, bool hashed)
      : Frame(Kind::kArray, hashed), shape(&s), parent(std::move(p)) {}
  const ArrayShape* shape;
  FrameRef parent;
  uint32_t index = 0;  // items so far, with the one being read
  uint32_t counts[ArrayShape::kMaxCounted] = {};
  Ref<const HashSet> used;
  ValueHash items;
};

struct JoinFrame final : Frame {
  explicit JoinFrame(bool hashed) : Frame(Kind::kJoin, hashed) {}
  std::vector<FrameRef> parents;
};

// A string of JSON whose text is a rule's.
struct TextFrame final : Frame {
  explicit TextFrame(FrameRef p) : Frame(Kind::kText, false), parent(std::move(p)) {}
  FrameRef parent;
};

struct CallFrame final : Frame {
  CallFrame() : Frame(Kind::kCall, false) {}
  static constexpr uint32_t kGraph = UINT32_MAX;  // as a rule: the structure's graph
  struct Return {
    FrameRef frame;
    uint32_t rule, state;
    bool operator==(const Return&) const = default;
  };
  std::vector<Return> returns;
};

// The steps of threads through a program.
class Stepper {
 public:
  explicit Stepper(const Program& program) : program_(program) {}

  Threads start() const;
  // All threads behind `byte`, merged where they wait for the same; none: the text is not one of the grammar.
  Threads step(const Threads& threads, uint8_t byte) const;
  // The same behind the control token of this spelling.
  Threads step_mark(const Threads& threads, std::string_view spelling) const;
  // The text so far is a whole one.
  bool is_complete(const Threads& threads) const;

  // distinct_values.cpp: whether the string or name of `thread` can come to an end that is allowed.
  static bool is_live(const Thread& thread, bool any_writing);
  bool is_live(const Thread& thread) const { return is_live(thread, program_.takes_any_writing); }
  // The thread behind the quote that ends a string or a name; nothing is appended where it may not end here.
  void end_string(const Thread& thread, Threads& out) const;
  static bool needs_hash(const Thread& thread);
  // Whether that string or name differs from those that it must differ from, if it ends with this hash.
  static bool is_new(const Thread& thread, const ValueHash& hash);
  // Whether there are such.
  static bool may_repeat(const Thread& thread);
  // All threads behind that quote, and all that may go on where a number ends here.
  Threads behind_string(const Thread& thread) const;
  Threads behind_number(const Thread& thread) const;
  // What stands beside a rule's thread: what it calls, and what goes on where it may end.
  Threads beside_rule(const Thread& thread) const;
  Threads exits_of(const Thread& text) const;  // what may begin where the text of a structure is

 private:
  void feed(const Thread& thread, uint8_t byte, Threads& out) const;
  void begin_value(const Thread& thread, uint8_t byte, Threads& out) const;
  void feed_string(const Thread& thread, uint8_t byte, Threads& out) const;
  void feed_name(const Thread& thread, uint8_t byte, Threads& out) const;
  void feed_rule(const Thread& thread, uint8_t byte, Threads& out) const;
  void push_live(Thread thread, Threads& out) const;
  void begin_member_value(const ObjectFrame& frame, Threads& out) const;
  std::vector<std::pair<FrameRef, uint32_t>> member_goals(const ObjectFrame& frame) const;
  void feed_structure(const Thread& thread, uint8_t byte, Threads& out) const;
  void begin_items(const ArrayFrame& frame, Threads& out) const;
  void end_name(const Thread& thread, Threads& out) const;
  // `frame`'s value is complete.
  void complete(const FrameRef& frame, const ValueHash& hash, Threads& out) const;
  // Adds what the rules called in front of the next byte begin with.
  void call_rules(Threads& threads) const;
  void enter_rule(uint32_t rule, uint32_t state, const FrameRef& frame, Threads& out) const;
  void resume(const CallFrame::Return& to, Threads& out) const;
  // Adds what stands in front of the next byte as well, and joins what goes on alike.
  void follow(Threads& threads) const;

  // member_threads.cpp: members that are not written as JSON
  void open_members(const Thread& thread, Threads& out) const;
  bool may_go_on(const Thread& thread) const;  // where a state depends on the object
  void begin_raw_name(const FrameRef& frame, Threads& out) const;
  void feed_raw(const Thread& thread, uint8_t byte, Threads& out) const;
  void begin_written_value(const FrameRef& frame, uint32_t ways, Threads& out) const;
  void keep_guarded(const Thread& thread, uint8_t byte, size_t from, Threads& out) const;
  Threads behind_raw(const Thread& thread) const;

  // number_threads.cpp
  void begin_number(const Thread& thread, uint8_t byte, Threads& out) const;
  void feed_number(const Thread& thread, uint8_t byte, Threads& out) const;
  void end_number(const Thread& thread, Threads& out) const;

  // structure_threads.cpp
  void feed_graph(const Thread& thread, uint8_t byte, Threads& out) const;
  void go_on_in_literal(const Thread& thread, size_t bytes, Threads& out) const;
  void go_on_in_text(const Thread& thread, std::string_view bytes, Threads& out) const;
  void feed_mark(const Thread& thread, std::string_view spelling, Threads& out) const;

  const Program& program_;
};

}  // namespace ferrum::grammar
