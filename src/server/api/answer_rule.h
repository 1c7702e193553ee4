// What an answer has to be, in the words of several APIs and engines.
#pragma once
#include <optional>

#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server {

// A rule, and the field that asks for it.
struct AskedRule {
  AnswerRule rule;
  std::string field;
};

// One rule among several fields that may ask for one. Two are a refusal of the second field.
class RuleReader {
 public:
  explicit RuleReader(Fields& body) : body_(body) {}

  // OpenAI's response_format and text.format, Anthropic's output_format: an object with a type. `format` is
  // that object, and `nested` says where a schema's own object stands: {"json_schema": {"schema": …}}.
  enum class SchemaAt { kNested, kFlat };
  void read_format(Fields& format, SchemaAt at);
  // vLLM's guided_… and structured_outputs, llama-server's grammar and json_schema.
  void read_other_engines();

  std::optional<AskedRule> rule() const { return rule_; }

 private:
  void set(Fields& fields, const std::string& name, AnswerRule rule);
  void read_schema(Fields& fields, const std::string& name);
  void read_text(Fields& fields, const std::string& name, AnswerRule::Kind kind);
  void read_choices(Fields& fields, const std::string& name);
  void read_structured_outputs(const Json& given);
  void read_white_space(Fields& fields, const std::string& name);

  Fields& body_;
  std::optional<AskedRule> rule_;
};

// The rule of a request to a completion of any kind: response_format and those of other engines.
std::optional<AskedRule> read_answer_rule(Fields& body);

}  // namespace ferrum::server
