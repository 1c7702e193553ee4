#include "grammar/members_form.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/utf8.h"
#include "grammar/object_rules.h"
#include "grammar/pattern_machine.h"

namespace ferrum::grammar {
namespace {

using Types = StructureNode::Types;

constexpr std::string_view kSpaces = "[ \\n\\r\\t]*";

// An automaton as a machine of a product.
class AutomatonMachine final : public Machine {
 public:
  explicit AutomatonMachine(const Automaton& automaton) : automaton_(automaton) {}
  void tell_apart(std::vector<CodePointSet>& sets) const override {
    std::map<std::vector<std::pair<char32_t, char32_t>>, bool> known;
    for (uint32_t q = 0; q < automaton_.states(); ++q) {
      std::map<uint32_t, std::vector<CodePointSet::Range>> by_target;
      for (const Automaton::Transition& t : automaton_.transitions(q))
        by_target[t.next].push_back({t.first, t.last});
      for (auto& [target, ranges] : by_target) {
        std::vector<std::pair<char32_t, char32_t>> key;
        for (const CodePointSet::Range& range : ranges) key.emplace_back(range.first, range.last);
        if (known.emplace(std::move(key), true).second) sets.emplace_back(std::move(ranges));
      }
    }
  }
  void bind(const Alphabet& alphabet) override { alphabet_ = &alphabet; }
  uint32_t initial() override { return 0; }
  uint32_t step(uint32_t state, uint32_t symbol) override {
    return automaton_.next(state, alphabet_->representative(symbol));
  }
  bool accepts(uint32_t state) override { return automaton_.mark(state) != 0; }

 private:
  const Automaton& automaton_;
  const Alphabet* alphabet_ = nullptr;
};

// Whether one of some patterns is found in a text.
class SearchMachine final : public Machine {
 public:
  SearchMachine(std::shared_ptr<const ByteSearch> search, const std::vector<TextPattern>& patterns)
      : search_(std::move(search)), patterns_(patterns) {}
  void tell_apart(std::vector<CodePointSet>& sets) const override {
    std::set<char32_t> characters = {' ', '\n', '\r', '\t'};
    for (const TextPattern& pattern : patterns_)
      for (std::string_view piece : pattern)
        while (!piece.empty()) {
          const utf8::Decoded c = utf8::decode(piece);
          characters.insert(c.code_point);
          piece.remove_prefix(c.size);
        }
    for (const char32_t c : characters) sets.push_back(CodePointSet({{c, c}}));
  }
  void bind(const Alphabet& alphabet) override { alphabet_ = &alphabet; }
  uint32_t initial() override { return 0; }
  uint32_t step(uint32_t state, uint32_t symbol) override {
    std::string bytes;
    utf8::append(bytes, alphabet_->representative(symbol));
    for (const char byte : bytes)
      if (state != kFound) {
        state = search_->step(state, static_cast<uint8_t>(byte));
        if (state == ByteSearch::kFound) state = kFound;
      }
    return state;
  }
  bool accepts(uint32_t state) override { return state == kFound; }

 private:
  static constexpr uint32_t kFound = kDead - 1;
  std::shared_ptr<const ByteSearch> search_;
  const std::vector<TextPattern>& patterns_;
  const Alphabet* alphabet_ = nullptr;
};

// Texts that a reader takes for a value of one of `types` rather than for themselves, and perhaps others.
std::string literals_of(uint8_t types) {
  std::vector<std::string> ways;
  if (types & Types::kNumber) ways.emplace_back(R"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+\-]?[0-9]+)?)");
  if (types & Types::kBoolean) ways.emplace_back("[tT]rue|[fF]alse");
  if (types & Types::kNull) ways.emplace_back("null|None");
  if (types & Types::kString) ways.emplace_back(R"(["'][\s\S]*)");
  if (types & Types::kArray) ways.emplace_back(R"([\[\(][\s\S]*[\]\)])");
  if (types & Types::kObject) ways.emplace_back(R"(\{[\s\S]*\})");
  std::string out;
  for (const std::string& way : ways) out += (out.empty() ? "" : "|") + way;
  return std::string(kSpaces) + "(?:" + out + ")" + std::string(kSpaces);
}

class FormBuilder {
 public:
  FormBuilder(const StructureNode& node, const Program& program, const Limits& limits, TextsByStrings& texts)
      : node_(node), program_(program), limits_(limits), texts_(texts) {
    for (const TextPattern& end : node.ends)
      for (const std::string& piece : end) content_of_ends_ += fmt::format(" {}:{}", piece.size(), piece);
  }

  std::unique_ptr<MembersForm> build(GoalId goal) {
    form_->search = std::make_shared<const ByteSearch>(node_.ends, limits_);
    for (const uint32_t shape : program_.goals[goal].objects) add(program_.objects[shape]);
    if (form_->shapes.empty())
      throw Refusal("properties", "#", "the model's way of writing calls can express none of the objects");
    return std::move(form_);
  }

 private:
  std::unique_ptr<Machine> machine(const std::string& pattern, PatternMachine::Mode mode) const {
    return std::make_unique<PatternMachine>(std::make_shared<Regex>(parse_regex(pattern, "")), mode, limits_,
                                            "");
  }

  void add(const ObjectShape& from) {
    ObjectShape shape = from;
    shape.in_any_order = true;
    std::vector<std::u32string> names = listed_names(from);
    for (uint32_t i = 0; i < shape.listed.size(); ++i) {
      replace(shape.listed[i], types_of(names[i]));
      if (shape.listed[i].is_required && shape.listed[i].choices.empty()) return;
    }
    for (ObjectShape::Member& member : shape.others) replace(member, node_.other_types);
    if (!keep_names(shape, names)) return;
    shape.finish();
    const Ref<ObjectFrame> empty(new ObjectFrame(shape, {}, false));
    if (can_finish(*empty, MemberOrder::kAny)) form_->shapes.push_back(std::move(shape));
  }

  static std::vector<std::u32string> listed_names(const ObjectShape& shape) {
    std::vector<std::u32string> names(shape.listed.size());
    std::vector<std::u32string> text(shape.names->states());
    std::vector<bool> seen(shape.names->states());
    // A listed name leads along the states below which it stands.
    for (uint32_t i = 0; i < shape.listed.size(); ++i) {
      uint32_t state = 0;
      std::u32string name;
      while (shape.names->mark(state) != i + 1) {
        bool is_found = false;
        for (const Automaton::Transition& t : shape.names->transitions(state)) {
          const auto begin = shape.below.begin() + shape.below_begin[t.next];
          const auto end = shape.below.begin() + shape.below_begin[t.next + 1];
          if (t.first != t.last || std::find(begin, end, i) == end) continue;
          name += t.first;
          state = t.next;
          is_found = true;
          break;
        }
        if (!is_found) break;
      }
      names[i] = std::move(name);
    }
    return names;
  }

  static std::string bytes_of(const std::u32string& name) {
    std::string text;
    for (const char32_t c : name) utf8::append(text, c);
    return text;
  }

  // The reader goes on behind what ends a name where a longer one that it knows does.
  bool is_read_whole(const std::u32string& name) const {
    const std::string text = bytes_of(name), ended = text + node_.name_end;
    if (text.find(node_.name_end) != std::string::npos && !node_.types.contains(text)) return false;
    return std::none_of(node_.types.begin(), node_.types.end(),
                        [&](const auto& known) { return known.first.starts_with(ended); });
  }

  uint8_t types_of(const std::u32string& name) const {
    const std::string text = bytes_of(name);
    const auto found = node_.types.find(text);
    return found == node_.types.end() ? node_.other_types : found->second;
  }

  void replace(ObjectShape::Member& member, uint8_t types) {
    std::vector<Choice> kept;
    for (Choice choice : member.choices) {
      const auto [place, is_new] = numbers_.emplace(std::pair(choice.goal, types), form_->values.size());
      if (is_new) form_->values.push_back(value_of(program_.goals[choice.goal], choice.goal, types));
      const MemberValue& value = form_->values[place->second];
      if (!value.is_text() && value.json == kNoGoal) continue;
      choice.goal = static_cast<GoalId>(place->second);
      kept.push_back(choice);
    }
    member.choices = std::move(kept);
  }

  MemberValue value_of(const Goal& goal, GoalId id, uint8_t types) {
    MemberValue out;
    if ((types & Types::kString) && goal.strings)
      out.text = text_of(goal.strings, is_text_marked_ ? uint8_t{Types::kString} : types);
    const bool has_json = goal.takes_null || goal.takes_true || goal.takes_false || goal.numbers ||
                          !goal.arrays.empty() || !goal.objects.empty() || goal.strings ||
                          goal.text_rule != kNoRule;
    // Which of a rule's texts are read as other values is not known.
    if (goal.text_rule != kNoRule && (types == Types::kString || is_text_marked_))
      out.text_rule = (types & Types::kString) ? goal.text_rule : kNoRule;
    if (types != Types::kString && has_json) out.json = id;
    return out;
  }

  std::shared_ptr<const Automaton> text_of(const std::shared_ptr<const Automaton>& strings, uint8_t types) {
    // The key names an automaton that `program` keeps.
    const auto [place, is_new] = texts_.emplace(
        fmt::format("{} {}{}", static_cast<const void*>(strings.get()), types, content_of_ends_), nullptr);
    if (!is_new) return place->second;
    std::vector<std::unique_ptr<Machine>> machines;
    machines.push_back(std::make_unique<AutomatonMachine>(*strings));
    machines.push_back(std::make_unique<SearchMachine>(form_->search, node_.ends));
    if (types != Types::kString)
      machines.push_back(machine(literals_of(types), PatternMachine::Mode::kWhole));
    const uint32_t all_counts = (2U << strings->thresholds().size()) - 1;
    const bool counts = !strings->thresholds().empty();
    const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
      if (states[0] == Machine::kDead) return 0;
      for (size_t m = 1; m < states.size(); ++m)
        if (states[m] != Machine::kDead && machines[m]->accepts(states[m])) return 0;
      return counts ? strings->mark(states[0]) & all_counts : strings->mark(states[0]);
    };
    Automaton::Builder builder = product(machines, mark, limits_, "properties", "#", 0);
    builder.thresholds = strings->thresholds();
    builder.limits = limits_;
    auto automaton = std::make_shared<const Automaton>(std::move(builder));
    const bool is_empty = automaton->marks_ahead(0) == 0 || !automaton->is_live(0, 0);
    if (!is_empty) place->second = std::move(automaton);
    return place->second;
  }

  // Leaves out names that cannot be written. False: a required one is among them.
  bool keep_names(ObjectShape& shape, const std::vector<std::u32string>& texts) {
    const std::shared_ptr<const Automaton> names = shape.names;
    const std::vector<TextPattern> end = {{node_.name_end}};
    std::vector<std::unique_ptr<Machine>> machines;
    machines.push_back(std::make_unique<AutomatonMachine>(*names));
    if (!node_.name_end.empty())
      machines.push_back(
          std::make_unique<SearchMachine>(std::make_shared<const ByteSearch>(end, limits_), end));
    if (!node_.names.empty()) machines.push_back(machine(node_.names, PatternMachine::Mode::kWhole));
    const auto mark = [&](std::span<const uint32_t> states) -> uint32_t {
      if (states[0] == Machine::kDead) return 0;
      const uint32_t of = names->mark(states[0]);
      if (of == 0) return 0;
      if (!node_.names.empty() &&
          (states.back() == Machine::kDead || !machines.back()->accepts(states.back())))
        return 0;
      if (node_.name_end.empty()) return of;
      if (of >= shape.first_other()) return machines[1]->accepts(states[1]) ? 0 : of;
      return is_read_whole(texts[of - 1]) ? of : 0;
    };
    Automaton::Builder builder = product(machines, mark, limits_, "properties", "#", 0);
    builder.limits = limits_;
    auto kept = std::make_shared<Automaton>(std::move(builder));
    std::vector<std::vector<uint32_t>> below(kept->states());
    for (uint32_t i = 0; i < texts.size(); ++i) {
      std::vector<uint32_t> path = {0};
      for (const char32_t c : texts[i]) {
        path.push_back(kept->next(path.back(), c));
        if (path.back() == Automaton::kDead) break;
      }
      if (path.back() == Automaton::kDead || kept->mark(path.back()) != i + 1) {
        if (shape.listed[i].is_required) return false;
        shape.listed[i].choices.clear();
        continue;
      }
      for (const uint32_t state : path) below[state].push_back(i);
    }
    shape.below.clear();
    shape.below_begin.clear();
    for (const auto& list : below) {
      shape.below_begin.push_back(static_cast<uint32_t>(shape.below.size()));
      shape.below.insert(shape.below.end(), list.begin(), list.end());
    }
    shape.below_begin.push_back(static_cast<uint32_t>(shape.below.size()));
    if (!shape.others.empty()) {
      kept->count_texts();
      const uint32_t all = kept->texts_ahead(0);
      uint32_t listed = 0;
      for (const ObjectShape::Member& member : shape.listed) listed += member.choices.empty() ? 0 : 1;
      shape.other_names = all == UINT32_MAX ? all : all - std::min(all, listed);
    }
    shape.names = std::move(kept);
    return true;
  }

  const StructureNode& node_;
  const Program& program_;
  const Limits& limits_;
  const bool is_text_marked_ = node_.children.size() == 7;
  std::unique_ptr<MembersForm> form_ = std::make_unique<MembersForm>();
  std::map<std::pair<GoalId, uint8_t>, size_t> numbers_;
  TextsByStrings& texts_;
  std::string content_of_ends_;
};

}  // namespace

std::unique_ptr<MembersForm> members_form(const StructureNode& node, GoalId goal, const Program& program,
                                          const Limits& limits, TextsByStrings& texts) {
  return FormBuilder(node, program, limits, texts).build(goal);
}

}  // namespace ferrum::grammar
