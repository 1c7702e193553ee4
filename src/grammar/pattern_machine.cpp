#include "grammar/pattern_machine.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "grammar/value_hash.h"

namespace ferrum::grammar {
namespace pattern {

struct Instruction {
  enum class Kind : uint8_t { kSet, kSplit, kBegin, kEnd, kWordEdge, kNoWordEdge, kLook, kMatch };
  Kind kind = Kind::kMatch;
  uint32_t argument = 0;  // of kSet: the set; of kLook: the look
  uint32_t next = 0;
  std::vector<uint32_t> others = {};  // of kSplit
};

// What surrounds a position: the assertions depend on it.
struct Before {
  bool is_start = true;
  bool is_word = false;
};
enum class After { kUnknown, kEnd, kWord, kOther };

constexpr uint32_t kNoDuty = 0;

}  // namespace pattern

using pattern::After;
using pattern::Before;
using pattern::Instruction;
using pattern::kNoDuty;

struct PatternMachine::Body {
  struct Look {
    std::unique_ptr<PatternMachine> machine;
    bool is_ahead, is_negative;
  };
  // (instruction, duties); duties are an index into duty_lists.
  using Item = std::pair<uint32_t, uint32_t>;
  struct Duty {
    uint32_t look, state;
    auto operator<=>(const Duty&) const = default;
  };
  struct State {
    std::vector<Item> items;
    std::vector<uint32_t> trackers;       // a state of each lookbehind's machine
    Before before = {.is_start = false};  // what the pattern asks of it
    bool operator==(const State& other) const {
      return items == other.items && trackers == other.trackers && before.is_start == other.before.is_start &&
             before.is_word == other.before.is_word;
    }
  };
  struct StateHash {
    size_t operator()(const State& state) const {
      ValueHash hash;
      for (const auto& [at, duty] : state.items) hash.add(uint64_t{duty} << 32 | at);
      for (const uint32_t tracker : state.trackers) hash.add(tracker);
      hash.add((state.before.is_start ? 2U : 0U) + (state.before.is_word ? 1U : 0U));
      return hash.low;
    }
  };

  std::shared_ptr<const Regex> regex;
  Mode mode;
  const Limits& limits;
  std::string path;
  std::vector<Instruction> code;
  uint32_t start = 0;
  std::vector<Look> looks;
  bool asks_word = false, asks_start = false;
  // by [set][symbol]; the symbol one past the alphabet's is half of a character beyond U+FFFF
  std::vector<std::vector<bool>> member;
  std::vector<bool> symbol_is_word, symbol_is_pair;
  uint32_t half = 0;
  std::unordered_map<State, uint32_t, StateHash> ids;
  std::vector<const State*> states;
  std::map<std::vector<Duty>, uint32_t> duty_ids;
  std::vector<std::vector<Duty>> duty_lists = {{}};
  uint32_t matched = kDead;  // the state of a search that has found: it accepts whatever follows

  bool stays_matched() const { return mode == Mode::kSearch || mode == Mode::kPrefix; }
  bool is_anchored() const { return mode == Mode::kWhole || mode == Mode::kPrefix; }

  [[noreturn]] void refuse(const char* text) const { throw Refusal("pattern", path, text); }

  uint32_t emit(Instruction instruction) {
    if (code.size() >= limits.max_instructions) refuse("its repetitions make it too large");
    code.push_back(std::move(instruction));
    return static_cast<uint32_t>(code.size() - 1);
  }

  // The code of node `n` in front of `next`.
  uint32_t compile(uint32_t n, uint32_t next) {
    using Kind = RegexNode::Kind;
    const RegexNode& node = regex->nodes[n];
    switch (node.kind) {
      case Kind::kEmpty:
        return next;
      case Kind::kSet:
        return emit({Instruction::Kind::kSet, node.set, next});
      case Kind::kConcatenation:
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child)
          next = compile(*child, next);
        return next;
      case Kind::kAlternatives: {
        Instruction split = {Instruction::Kind::kSplit, 0, compile(node.children[0], next)};
        for (size_t i = 1; i < node.children.size(); ++i)
          split.others.push_back(compile(node.children[i], next));
        return emit(std::move(split));
      }
      case Kind::kRepeat:
        return compile_repeat(node, next);
      case Kind::kBegin:
        return asks_start = true, emit({Instruction::Kind::kBegin, 0, next});
      case Kind::kEnd:
        return emit({Instruction::Kind::kEnd, 0, next});
      case Kind::kWordEdge:
        return asks_word = true, emit({Instruction::Kind::kWordEdge, 0, next});
      case Kind::kNoWordEdge:
        return asks_word = true, emit({Instruction::Kind::kNoWordEdge, 0, next});
      case Kind::kLook:
        return compile_look(node, next);
    }
    return next;
  }

  uint32_t compile_repeat(const RegexNode& node, uint32_t next) {
    const uint32_t child = node.children[0];
    uint32_t at = next;
    if (node.most == kUnbounded) {
      at = emit({Instruction::Kind::kSplit, 0, next});
      const uint32_t body = compile(child, at);
      if (node.least > 0 && body != at) {
        code[at].others = {body};
        at = body;
        for (uint32_t i = 1; i < node.least; ++i) at = compile_copy(child, at);
        return at;
      }
      code[at].others = {body};
    } else {
      for (uint32_t i = node.least; i < node.most; ++i) {
        const uint32_t body = compile_copy(child, at);
        if (body == at) break;
        at = emit({Instruction::Kind::kSplit, 0, next, {body}});
      }
    }
    for (uint32_t i = 0; i < node.least; ++i) {
      const uint32_t body = compile_copy(child, at);
      if (body == at) break;
      at = body;
    }
    return at;
  }

  // A copy costs work even where it adds no instruction of its own.
  uint32_t compile_copy(uint32_t child, uint32_t next) {
    if (++copies > limits.max_instructions) refuse("its repetitions make it too large");
    return compile(child, next);
  }
  size_t copies = 0;

  uint32_t compile_look(const RegexNode& node, uint32_t next) {
    const auto same = looks_of_nodes.find(&node);
    uint32_t index = 0;
    if (same != looks_of_nodes.end()) {
      index = same->second;
    } else {
      const Mode mode_of_look = node.is_ahead ? Mode::kPrefix : Mode::kSuffix;
      if (!node.is_ahead && mode == Mode::kPrefix) refuse("a lookbehind inside a lookahead is not supported");
      if (mode == Mode::kSuffix) refuse("a lookaround inside a lookbehind is not supported");
      auto machine = std::make_unique<PatternMachine>(regex, node.children[0], mode_of_look, limits, path);
      if (!node.is_ahead)
        for (const Instruction& one : machine->body_->code)
          if (one.kind == Instruction::Kind::kEnd || one.kind == Instruction::Kind::kWordEdge ||
              one.kind == Instruction::Kind::kNoWordEdge)
            refuse("a lookbehind with $, \\b or \\B is not supported");
      index = static_cast<uint32_t>(looks.size());
      looks.push_back({std::move(machine), node.is_ahead, node.is_negative});
      looks_of_nodes[&node] = index;
    }
    return emit({Instruction::Kind::kLook, index, next});
  }
  std::map<const RegexNode*, uint32_t> looks_of_nodes;

  uint32_t duties(std::vector<Duty> list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    if (list.empty()) return kNoDuty;
    const auto [place, is_new] = duty_ids.emplace(list, static_cast<uint32_t>(duty_lists.size()));
    if (is_new) duty_lists.push_back(std::move(list));
    return place->second;
  }

  // Follows what needs no character from `items` on, at a position between `before` and `after`.
  std::vector<Item> closed(const std::vector<Item>& items, const std::vector<uint32_t>& trackers,
                           Before before, After after) {
    todo.assign(items.rbegin(), items.rend());
    std::vector<Item> out;
    std::set<Item> seen;
    ++mark;
    marks.resize(code.size(), 0);
    while (!todo.empty()) {
      const auto [at, duty] = todo.back();
      todo.pop_back();
      if (duty == kNoDuty) {
        if (marks[at] == mark) continue;
        marks[at] = mark;
      } else if (!seen.insert({at, duty}).second) {
        continue;
      }
      const Instruction& one = code[at];
      switch (one.kind) {
        case Instruction::Kind::kSet:
        case Instruction::Kind::kMatch:
          out.emplace_back(at, duty);
          break;
        case Instruction::Kind::kSplit:
          for (const uint32_t other : one.others) todo.emplace_back(other, duty);
          todo.emplace_back(one.next, duty);
          break;
        case Instruction::Kind::kBegin:
          if (before.is_start) todo.emplace_back(one.next, duty);
          break;
        case Instruction::Kind::kEnd:
          if (after == After::kUnknown) out.emplace_back(at, duty);
          if (after == After::kEnd) todo.emplace_back(one.next, duty);
          break;
        case Instruction::Kind::kWordEdge:
        case Instruction::Kind::kNoWordEdge:
          if (after == After::kUnknown)
            out.emplace_back(at, duty);
          else if ((before.is_word != (after == After::kWord)) == (one.kind == Instruction::Kind::kWordEdge))
            todo.emplace_back(one.next, duty);
          break;
        case Instruction::Kind::kLook:
          if (const auto more = looked(one.argument, duty, trackers, before))
            todo.emplace_back(one.next, *more);
          break;
      }
    }
    if (!std::is_sorted(out.begin(), out.end())) std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<Item> todo;  // of closed()
  std::vector<uint32_t> marks;
  uint32_t mark = 0;

  // The duties behind a lookaround; nothing where it fails already.
  std::optional<uint32_t> looked(uint32_t index, uint32_t duty, const std::vector<uint32_t>& trackers,
                                 Before before) {
    const Look& look = looks[index];
    Body& inner = *look.machine->body_;
    if (!look.is_ahead) {
      const bool ends_here = inner.matches_now(trackers[index]);
      return ends_here != look.is_negative ? std::optional(duty) : std::nullopt;
    }
    const uint32_t state = inner.begin(before);
    return with_duty(duty_lists[duty], {index, state});
  }

  std::optional<uint32_t> with_duty(std::vector<Duty> list, Duty more) {
    const Look& look = looks[more.look];
    const bool found = more.state == look.machine->body_->matched && more.state != kDead;
    if (found && look.is_negative) return std::nullopt;
    if (more.state == kDead && !look.is_negative) return std::nullopt;
    if (!found && more.state != kDead) list.push_back(more);
    return duties(std::move(list));
  }

  std::optional<uint32_t> advanced(uint32_t duty, uint32_t symbol) {
    if (duty == kNoDuty) return kNoDuty;
    uint32_t out = kNoDuty;
    for (const Duty& one : std::vector<Duty>(duty_lists[duty])) {
      const uint32_t state = looks[one.look].machine->body_->step(one.state, symbol);
      const auto more = with_duty(duty_lists[out], {one.look, state});
      if (!more) return std::nullopt;
      out = *more;
    }
    return out;
  }

  uint32_t intern(State state) {
    if (state.items.empty()) return kDead;
    if (stays_matched())
      for (const auto& [at, duty] : state.items)
        if (duty == kNoDuty && code[at].kind == Instruction::Kind::kMatch) {
          if (matched == kDead) matched = insert({.items = {{at, kNoDuty}}});
          return matched;
        }
    return insert(std::move(state));
  }

  uint32_t insert(State state) {
    const auto [place, is_new] = ids.emplace(std::move(state), static_cast<uint32_t>(states.size()));
    if (is_new) {
      if (states.size() >= limits.max_states) refuse("it needs too many states");
      total_items += place->first.items.size();
      if (total_items > limits.max_states * 50) refuse("it needs too many states");
      states.push_back(&place->first);
    }
    return place->second;
  }
  size_t total_items = 0, work = 0;
  static constexpr uint32_t kUnknown = kDead - 1;
  std::vector<std::vector<uint32_t>> steps;  // [state][symbol]

  bool tells_words() const {
    return asks_word ||
           std::ranges::any_of(looks, [](const Look& look) { return look.machine->body_->tells_words(); });
  }

  uint32_t begin(Before before) {
    State state;
    for (const Look& look : looks) state.trackers.push_back(look.is_ahead ? kDead : look.machine->initial());
    state.before = {.is_start = asks_start && before.is_start, .is_word = asks_word && before.is_word};
    state.items = closed({{start, kNoDuty}}, state.trackers, before, After::kUnknown);
    return intern(std::move(state));
  }

  bool matches_now(uint32_t id) const {
    if (id == kDead) return false;
    for (const auto& [at, duty] : states[id]->items)
      if (code[at].kind == Instruction::Kind::kMatch && duty == kNoDuty) return true;
    return false;
  }

  // Products ask for the same step again and again.
  uint32_t step(uint32_t id, uint32_t symbol) {
    if (id == kDead || id == matched) return id;
    if (steps.size() <= id) steps.resize(id + 1);
    if (steps[id].empty()) steps[id].assign(half + 1, kUnknown);
    if (steps[id][symbol] == kUnknown) {
      const uint32_t to = new_step(id, symbol);
      steps[id][symbol] = to;
    }
    return steps[id][symbol];
  }

  uint32_t new_step(uint32_t id, uint32_t symbol) {
    if (regex->has_code_units && symbol < half && symbol_is_pair[symbol]) {
      const uint32_t middle = step(id, half);
      return middle == kDead ? kDead : step(middle, half);
    }
    const State& from = *states[id];
    work += from.items.size();
    if (work > limits.max_states * 30) refuse("it needs too many states");
    std::vector<Item> resolved;
    const std::vector<Item>* items = &from.items;
    const bool has_assertions = std::any_of(items->begin(), items->end(), [&](const Item& item) {
      return code[item.first].kind != Instruction::Kind::kSet &&
             code[item.first].kind != Instruction::Kind::kMatch;
    });
    if (has_assertions) {
      resolved =
          closed(*items, from.trackers, from.before, symbol_is_word[symbol] ? After::kWord : After::kOther);
      items = &resolved;
    }
    State to;
    to.before.is_word = asks_word && symbol_is_word[symbol];
    std::vector<Item> moved;
    for (const auto& [at, duty] : *items) {
      const Instruction& one = code[at];
      if (one.kind == Instruction::Kind::kMatch) {
        if (!stays_matched()) continue;
        if (duty == kNoDuty) return intern({.items = {{at, kNoDuty}}});
        if (const auto more = advanced(duty, symbol)) moved.emplace_back(at, *more);
      } else if (one.kind == Instruction::Kind::kSet && member[one.argument][symbol]) {
        if (const auto more = advanced(duty, symbol)) moved.emplace_back(one.next, *more);
      }
    }
    for (size_t i = 0; i < looks.size(); ++i)
      to.trackers.push_back(looks[i].is_ahead ? kDead
                                              : looks[i].machine->body_->step(from.trackers[i], symbol));
    to.items = closed(moved, to.trackers, to.before, After::kUnknown);
    return intern(std::move(to));
  }

  bool accepts(uint32_t id) {
    if (id == kDead) return false;
    if (id == matched) return true;
    const State& state = *states[id];
    const std::vector<Item> last = closed(state.items, state.trackers, state.before, After::kEnd);
    for (const auto& [at, duty] : last) {
      if (code[at].kind != Instruction::Kind::kMatch) continue;
      bool done = true;
      for (const Duty& one : std::vector<Duty>(duty_lists[duty])) {
        const Look& look = looks[one.look];
        done = done && look.machine->body_->accepts(one.state) != look.is_negative;
      }
      if (done) return true;
    }
    return false;
  }
};

PatternMachine::PatternMachine(std::shared_ptr<const Regex> regex, Mode mode, const Limits& limits,
                               const std::string& path)
    : PatternMachine(regex, regex->root, mode, limits, path) {}

PatternMachine::PatternMachine(std::shared_ptr<const Regex> regex, uint32_t root, Mode mode,
                               const Limits& limits, const std::string& path)
    : body_(new Body{.regex = std::move(regex), .mode = mode, .limits = limits, .path = path}) {
  Body& b = *body_;
  b.start = b.compile(root, b.emit({Instruction::Kind::kMatch}));
  if (!b.is_anchored()) {
    // any characters in front: set number sets.size() holds them all
    const auto any = static_cast<uint32_t>(b.regex->sets.size());
    const uint32_t loop = b.emit({Instruction::Kind::kSplit, 0, b.start});
    b.code[loop].others = {b.emit({Instruction::Kind::kSet, any, loop})};
    b.start = loop;
  }
}

PatternMachine::~PatternMachine() = default;

void PatternMachine::tell_apart(std::vector<CodePointSet>& sets) const {
  sets.insert(sets.end(), body_->regex->sets.begin(), body_->regex->sets.end());
  if (body_->tells_words()) sets.push_back(sets::word());
  if (body_->regex->has_code_units) sets.push_back(CodePointSet({{0x10000, kLastCodePoint}}));
}

void PatternMachine::bind(const Alphabet& alphabet) {
  Body& b = *body_;
  b.half = alphabet.size();
  const CodePointSet halves({{0xD800, 0xDFFF}});
  for (const CodePointSet& set : b.regex->sets) {
    std::vector<bool>& row = b.member.emplace_back(b.half + 1);
    for (uint32_t s = 0; s < b.half; ++s) row[s] = set.contains(alphabet.representative(s));
    const CodePointSet common = set.intersected(halves);
    if (b.regex->has_code_units && !common.empty() && !(common == halves))
      b.refuse("it tells the halves of characters beyond U+FFFF apart");
    row[b.half] = !common.empty();
  }
  b.member.emplace_back(b.half + 1, true);
  const CodePointSet word = sets::word();
  for (uint32_t s = 0; s < b.half; ++s) {
    b.symbol_is_word.push_back(word.contains(alphabet.representative(s)));
    b.symbol_is_pair.push_back(alphabet.representative(s) > 0xFFFF);
  }
  b.symbol_is_word.push_back(false);
  for (Body::Look& look : b.looks) look.machine->bind(alphabet);
}

uint32_t PatternMachine::initial() { return body_->begin({}); }
uint32_t PatternMachine::step(uint32_t state, uint32_t symbol) { return body_->step(state, symbol); }
bool PatternMachine::accepts(uint32_t state) { return body_->accepts(state); }

}  // namespace ferrum::grammar
