#include "tools/message_structure.h"

#include "tools/call_structure.h"

namespace ferrum::tools {
namespace {

using Choice = AnswerOptions::Choice;
using Pattern = grammar::TextPattern;

const std::vector<Pattern>& message_ends() {
  static const std::vector<Pattern> kEnds = {
      {"<|end|>"}, {"<|return|>"}, {"<|call|>"}, {"<|start|>"}, {"<|channel|>"}};
  return kEnds;
}

class ChannelBuilder {
 public:
  ChannelBuilder(const Format& format, const std::vector<const Tool*>& tools, const AnswerOptions& options,
                 StructureBuilder& builder)
      : options_(options), builder_(builder), calls_(format, tools, options.parallel, builder) {}

  int answer() {
    if (options_.choice == Choice::kAuto && !options_.rule)
      return options_.parallel ? builder_.free_text({call()}, begins())
                               : builder_.text_with({builder_.sequence({call(), last_text()})}, begins());
    const int last = last_message();
    if (options_.phase == Phase::kContent) {  // within a message, which a rule goes on with
      if (!options_.rule) return builder_.sequence({builder_.mark("<|end|><|start|>assistant"), last});
      return builder_.sequence({builder_.spec(*options_.rule), message_end()});
    }
    const int rest_of_thought =
        builder_.sequence({builder_.text(message_ends()), builder_.mark("<|end|><|start|>assistant"), last});
    if (options_.phase == Phase::kReasoning) return rest_of_thought;
    const int thought = builder_.sequence({builder_.mark("<|channel|>analysis<|message|>"), rest_of_thought});
    return builder_.choice({last, thought});
  }

 private:
  // Tools that models know without being shown them have no "functions." in front of their names.
  static bool is_built_in(const Tool& tool) {
    return tool.name == "python" || tool.name.find('.') != std::string::npos;
  }

  // What can only be a call.
  std::vector<Pattern> begins() const {
    std::vector<Pattern> out = {{"to=functions."}};
    for (const Tool* tool : calls_.tools())
      if (is_built_in(*tool))
        for (const char* next :
             {"<|channel|>", "<|constrain|>", "<|message|>", "code<|message|>", "json<|message|>"})
          out.push_back({"to=" + tool->name, next});
    return out;
  }

  int channel() {
    return builder_.choice({builder_.mark("<|channel|>commentary"), builder_.mark("<|channel|>analysis")});
  }

  // From the recipient in a message's header on.
  int call() {
    // " <|constrain|>json", " json", " code"
    const int constrained = builder_.choice(
        {builder_.sequence({builder_.optional(builder_.literal(" ")), builder_.mark("<|constrain|>"),
                            builder_.choice({builder_.literal("json"), builder_.literal("code")})}),
         builder_.literal(" json"), builder_.literal(" code")});
    const int header = builder_.sequence({builder_.optional(channel()), builder_.optional(constrained),
                                          builder_.mark("<|message|>"), builder_.space()});
    std::vector<int> calls;
    for (const Tool* tool : calls_.tools()) {
      std::vector<int> names = {builder_.literal("to=functions." + tool->name)};
      if (is_built_in(*tool)) names.push_back(builder_.literal("to=" + tool->name));
      std::vector<int> ways = {calls_.arguments(*tool)};
      if (is_built_in(*tool) && takes_any_text(*tool)) {
        const int first = builder_.spec({.kind = grammar::Spec::Kind::kRegex, .source = "[^{<\\s]"});
        ways.push_back(builder_.sequence({first, builder_.text(message_ends())}));
      }
      calls.push_back(
          builder_.sequence({builder_.choice(std::move(names)), header, builder_.choice(std::move(ways))}));
    }
    return builder_.sequence(
        {builder_.choice(std::move(calls)), builder_.optional(builder_.mark("<|call|>"))});
  }

  // A call or the final message, from its header on.
  int last_message() {
    std::vector<int> ways;
    if (!calls_.tools().empty()) {
      const int head = builder_.sequence({builder_.optional(channel()), builder_.literal(" ")});
      const int one = builder_.sequence({head, call()});
      const int next = builder_.sequence({builder_.mark("<|start|>assistant"), one});
      ways.push_back(options_.parallel ? builder_.sequence({one, builder_.repeat(next, 0)}) : one);
    }
    if (options_.rule)
      ways.push_back(builder_.sequence(
          {builder_.mark("<|channel|>final<|message|>"), builder_.spec(*options_.rule), message_end()}));
    return builder_.choice(std::move(ways));
  }

  int message_end() {
    return builder_.optional(builder_.choice({builder_.mark("<|return|>"), builder_.mark("<|end|>")}));
  }
  int last_text() { return builder_.free_text({}, begins()); }

  const AnswerOptions& options_;
  StructureBuilder& builder_;
  CallStructure calls_;
};

class RecipientBuilder {
 public:
  RecipientBuilder(const Format& format, const std::vector<const Tool*>& tools, const AnswerOptions& options,
                   StructureBuilder& builder)
      : format_(format),
        options_(options),
        builder_(builder),
        calls_(format, tools, options.parallel, builder) {}

  int answer() {
    const bool in_header = options_.phase == Phase::kHeader;
    const int next_mark = builder_.mark(format_.marks.open);
    const int before = in_header ? builder_.nothing() : next_mark;
    if (options_.rule || options_.choice == Choice::kRequired) {
      std::vector<int> ways;
      if (options_.rule)
        ways.push_back(builder_.sequence({in_header ? all() : builder_.nothing(),
                                          builder_.spec(*options_.rule), builder_.optional(stop())}));
      if (!calls_.tools().empty()) {
        const int more = builder_.repeat(builder_.sequence({next_mark, call()}), 0);
        ways.push_back(builder_.sequence(
            {before, call(), options_.parallel ? more : builder_.nothing(), builder_.optional(stop())}));
      }
      return builder_.choice(std::move(ways));
    }
    if (!in_header) return content();
    const int first = builder_.sequence({call(), options_.parallel ? content() : last_text()});
    return builder_.choice({first, builder_.sequence({all(), content()})});
  }

 private:
  int all() { return builder_.sequence({builder_.literal("all"), builder_.mark(format_.marks.name_end)}); }
  int stop() { return format_.silent.empty() ? builder_.nothing() : builder_.mark(format_.silent[0]); }

  int call() {
    std::vector<int> calls;
    for (const Tool* tool : calls_.tools())
      calls.push_back(builder_.sequence({builder_.literal(tool->name), builder_.mark(format_.marks.name_end),
                                         builder_.space(), calls_.arguments(*tool)}));
    return builder_.choice(std::move(calls));
  }

  std::vector<Pattern> begins() const {
    std::vector<Pattern> out;
    for (const Tool* tool : calls_.tools())
      out.push_back({format_.marks.open + tool->name + format_.marks.name_end});
    return out;
  }

  int content() {
    const int next = builder_.sequence({builder_.mark(format_.marks.open), call()});
    if (options_.parallel) return builder_.free_text({next}, begins());
    return builder_.text_with({builder_.sequence({next, last_text()})}, begins());
  }
  int last_text() { return builder_.free_text({}, begins()); }

  const Format& format_;
  const AnswerOptions& options_;
  StructureBuilder& builder_;
  CallStructure calls_;
};

}  // namespace

int channel_answer(const Format& format, const std::vector<const Tool*>& tools, const AnswerOptions& options,
                   StructureBuilder& builder) {
  return ChannelBuilder(format, tools, options, builder).answer();
}

int recipient_answer(const Format& format, const std::vector<const Tool*>& tools,
                     const AnswerOptions& options, StructureBuilder& builder) {
  return RecipientBuilder(format, tools, options, builder).answer();
}

}  // namespace ferrum::tools
