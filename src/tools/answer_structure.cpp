#include "tools/answer_structure.h"

#include "base/error.h"
#include "tools/call_structure.h"
#include "tools/message_structure.h"

namespace ferrum::tools {
namespace {

using Choice = AnswerOptions::Choice;
using Pattern = grammar::TextPattern;

constexpr uint32_t kSpaceBeforeContent = 8;

std::vector<const Tool*> callable_of(const ToolList& tools, const AnswerOptions& options) {
  std::vector<const Tool*> out;
  if (options.choice == Choice::kNone) return out;
  for (const Tool& tool : tools.all())
    if (options.only.empty() || tool.name == options.only) out.push_back(&tool);
  if (options.choice != Choice::kRequired || !out.empty()) return out;
  if (options.only.empty()) fail(ErrorCode::kBadArgument, "tools: there is none to call");
  fail(ErrorCode::kBadArgument, "tool_choice: no tool is named {}", in_quotes(options.only));
}

// Answers of formats whose messages have no headers.
class AnswerBuilder {
 public:
  AnswerBuilder(const Format& format, std::vector<const Tool*> tools, const AnswerOptions& options,
                StructureBuilder& builder)
      : format_(format),
        options_(options),
        builder_(builder),
        calls_(format, std::move(tools), options.parallel, builder) {
    if (calls_.tools().empty()) return;
    blocks_ = calls_.blocks();
    first_blocks_ = calls_.first_blocks();
    marked_blocks_ = calls_.marked_blocks();
  }

  int answer() {
    if (options_.rule) return behind_thought(ruled(), space_then_rule());
    if (options_.choice == Choice::kRequired) return behind_thought(calls_alone(), calls_alone());
    const int content = free_content();
    if (format_.reasoning.open.empty()) return content;
    return behind_thought(content, content);
  }

 private:
  // The answer, where `content` follows a thought that there may be, and `behind_mark` its closing mark.
  int behind_thought(int content, int behind_mark) {
    const Reasoning& reasoning = format_.reasoning;
    if (reasoning.open.empty()) return content;
    const int thought = thought_then(behind_mark);
    if (options_.phase == Phase::kReasoning) return thought;
    return builder_.choice({content, builder_.sequence({builder_.space(kSpaceBeforeContent),
                                                        builder_.mark(reasoning.open), thought})});
  }

  // The inside of a thought, its closing mark and what follows it, or what follows a call that ends it.
  int thought_then(int behind_mark) {
    const Reasoning& reasoning = format_.reasoning;
    std::vector<int> ends = {builder_.sequence({builder_.mark(reasoning.close), behind_mark})};
    std::vector<Pattern> marks = {{reasoning.close}};
    for (const int block : marked_blocks_) ends.push_back(builder_.sequence({block, behind_cut_thought()}));
    if (!marked_blocks_.empty())
      for (const Pattern& begin : calls_.begins_in_thought()) marks.push_back(begin);
    return builder_.text_to(std::move(ends), std::move(marks));
  }

  int behind_cut_thought() {
    if (options_.choice == Choice::kAuto && !options_.rule)
      return options_.parallel ? free_content() : last_text();
    const int close = builder_.mark(format_.reasoning.close);
    return builder_.sequence(
        {more_calls(), builder_.optional(builder_.sequence({builder_.space(), close})), builder_.space()});
  }

  int free_content() {
    std::vector<int> children;
    for (const int block : first_blocks_) children.push_back(builder_.sequence({block, behind_block()}));
    std::vector<Pattern> ends = calls_.begins_in_content();
    if (format_.reasoning.anywhere) {
      children.push_back(builder_.sequence({builder_.mark(format_.reasoning.open), inner_thought()}));
      ends.push_back({format_.reasoning.open});
    }
    if (options_.parallel) return builder_.free_text(std::move(children), std::move(ends));
    return builder_.text_with(std::move(children), std::move(ends));
  }

  // Behind a call a thought may follow, and then text.
  int behind_block() {
    if (!options_.parallel) return last_text();
    if (format_.reasoning.open.empty() || format_.reasoning.anywhere) return builder_.nothing();
    return builder_.optional(builder_.sequence(
        {builder_.space(kSpaceBeforeContent), builder_.mark(format_.reasoning.open), inner_thought()}));
  }

  // A thought within content, behind which the content goes on.
  int inner_thought() {
    std::vector<int> ends = {builder_.mark(format_.reasoning.close)};
    std::vector<Pattern> marks = {{format_.reasoning.close}};
    for (const int block : marked_blocks_) ends.push_back(block);
    for (const Pattern& begin : calls_.begins_in_thought()) marks.push_back(begin);
    return builder_.text_to(std::move(ends), std::move(marks));
  }

  // Text behind the only call, in which no other begins.
  int last_text() { return builder_.free_text({}, calls_.begins_in_content()); }

  int one_block() { return builder_.choice(blocks_); }
  int more_calls() {
    if (!options_.parallel) return builder_.nothing();
    return builder_.repeat(builder_.sequence({builder_.space(), one_block()}), 0);
  }
  int calls_alone() {
    std::vector<int> parts = {builder_.space(), builder_.choice(first_blocks_), more_calls(),
                              builder_.space()};
    if (format_.silent.size() == 1) parts.push_back(builder_.optional(builder_.mark(format_.silent[0])));
    return builder_.sequence(std::move(parts));
  }

  // The rule's text alone, or between the marks that a family writes around content.
  int ruled() {
    const int rule = builder_.spec(*options_.rule);
    std::vector<int> ways = {rule};
    for (size_t i = 0; i + 1 < format_.silent.size(); i += 2)
      ways.push_back(
          builder_.sequence({builder_.mark(format_.silent[i]), builder_.space(kSpaceBeforeContent), rule,
                             builder_.space(kSpaceBeforeContent), builder_.mark(format_.silent[i + 1])}));
    if (!blocks_.empty()) ways.push_back(calls_alone());
    return builder_.choice(std::move(ways));
  }
  int space_then_rule() { return builder_.sequence({builder_.space(kSpaceBeforeContent), ruled()}); }

  const Format& format_;
  const AnswerOptions& options_;
  StructureBuilder& builder_;
  CallStructure calls_;
  std::vector<int> blocks_, first_blocks_, marked_blocks_;
};

}  // namespace

std::vector<grammar::TextPattern> call_begins_in_thought(const Format& format, const ToolList& tools) {
  if (format.syntax == Syntax::kChannels || format.syntax == Syntax::kRecipients) return {};
  std::vector<const Tool*> callable;
  for (const Tool& tool : tools.all()) callable.push_back(&tool);
  StructureBuilder builder;
  return CallStructure(format, std::move(callable), true, builder).begins_in_thought();
}

std::optional<grammar::Structure> answer_structure(const Format& format, const ToolList& tools,
                                                   const AnswerOptions& options) {
  const std::vector<const Tool*> callable = callable_of(tools, options);
  AnswerOptions asked = options;
  if (asked.choice == Choice::kRequired) asked.rule.reset();  // there is no content that it could bind
  if (callable.empty() && !asked.rule) return std::nullopt;
  StructureBuilder builder;
  if (format.syntax == Syntax::kChannels)
    return builder.take(channel_answer(format, callable, asked, builder));
  if (format.syntax == Syntax::kRecipients)
    return builder.take(recipient_answer(format, callable, asked, builder));
  const int root = AnswerBuilder(format, callable, asked, builder).answer();
  return builder.take(root);
}

}  // namespace ferrum::tools
