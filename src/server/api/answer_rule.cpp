#include "server/api/answer_rule.h"

#include "base/error.h"

namespace ferrum::server {

using Kind = AnswerRule::Kind;

void RuleReader::set(Fields& fields, const std::string& name, AnswerRule rule) {
  if (rule_)
    fields.refuse_value(
        name, fmt::format("{}: the answer is constrained by {} already", fields.path_of(name), rule_->field));
  else
    rule_ = {std::move(rule), fields.path_of(name)};
}

// A schema as JSON, or as JSON in a string. An object without members asks for nothing.
void RuleReader::read_schema(Fields& fields, const std::string& name) {
  const Json* schema = fields.find(name);
  if (!schema || *schema == Json::object() || *schema == "") return;
  if (!schema->is_object() && !schema->is_boolean() && !schema->is_string())
    return fields.refuse_value(name, fields.path_of(name) + " must be a JSON schema");
  set(fields, name,
      {.kind = Kind::kJsonSchema,
       .source = schema->is_string() ? schema->get<std::string>() : fields.source(*schema)});
}

void RuleReader::read_text(Fields& fields, const std::string& name, Kind kind) {
  const std::string source = fields.text(name).value_or("");
  if (!source.empty()) set(fields, name, {.kind = kind, .source = source});
}

void RuleReader::read_choices(Fields& fields, const std::string& name) {
  const auto choices = fields.texts(name);
  if (choices && !choices->empty()) set(fields, name, {.kind = Kind::kChoices, .choices = *choices});
}

void RuleReader::read_format(Fields& format, SchemaAt at) {
  const std::string type = format.text("type").value_or("");
  if (type == "text") return format.hint_others();
  if (type == "json_object") {
    const Json* schema = format.object("schema");  // of other engines
    if (schema && !schema->empty())
      set(format, "schema", {.kind = Kind::kJsonSchema, .source = format.source(*schema)});
    else
      set(format, "type", {.kind = Kind::kJsonObject});
    return format.refuse_others();
  }
  if (type != "json_schema") {
    format.refuse_value("type", fmt::format("{} must be text, json_object or json_schema, not {}",
                                            format.path_of("type"), in_quotes(type)));
    return;
  }
  const auto read = [&](Fields& f) {
    f.text("name");
    f.text("description");
    f.flag("strict");  // the answer always keeps to the schema
    const Json& schema = f.required("schema");
    if (!schema.is_object() && !schema.is_boolean())
      f.refuse_value("schema", f.path_of("schema") + " must be a JSON schema");
    set(f, "schema", {.kind = Kind::kJsonSchema, .source = f.source(schema)});
    f.refuse_others();
  };
  if (at == SchemaAt::kFlat) return read(format);
  Fields inner(format, format.required("json_schema"), format.path_of("json_schema"));
  read(inner);
  format.refuse_others();
}

// A pattern for all white space between JSON's tokens. None is what can be followed exactly.
void RuleReader::read_white_space(Fields& fields, const std::string& name) {
  const auto pattern = fields.text(name);
  if (!pattern) return;
  if (!rule_)
    fields.hint(name);
  else if (pattern->empty())
    rule_->rule.compact = true;
  else
    fields.refuse_value(name, fields.path_of(name) + " must be empty, which is JSON without white space",
                        "unsupported_parameter");
}

void RuleReader::read_structured_outputs(const Json& given) {
  Fields f(body_, given, "structured_outputs");
  read_schema(f, "json");
  read_text(f, "regex", Kind::kRegex);
  read_choices(f, "choice");
  read_text(f, "grammar", Kind::kGrammar);
  if (f.flag("json_object").value_or(false)) set(f, "json_object", {.kind = Kind::kJsonObject});
  if (f.flag("disable_any_whitespace").value_or(false) && rule_) rule_->rule.compact = true;
  read_white_space(f, "whitespace_pattern");
  f.refuse("structural_tag", "not supported", {""});
  f.refuse("disable_additional_properties", "not supported: `additionalProperties` in the schema says so",
           {false});
  f.hint("disable_fallback");  // there is none
  f.hint("_backend");
  f.hint("_backend_was_auto");
  f.refuse_others();
}

void RuleReader::read_other_engines() {
  read_schema(body_, "guided_json");
  read_text(body_, "guided_regex", Kind::kRegex);
  read_choices(body_, "guided_choice");
  read_text(body_, "guided_grammar", Kind::kGrammar);
  if (body_.flag("guided_json_object").value_or(false))
    set(body_, "guided_json_object", {.kind = Kind::kJsonObject});
  read_white_space(body_, "guided_whitespace_pattern");
  if (const Json* given = body_.object("structured_outputs")) read_structured_outputs(*given);
  read_text(body_, "grammar", Kind::kGrammar);
  if (rule_) body_.refuse("grammar_lazy", "grammars hold from the answer's begin on", {false});
  read_schema(body_, "json_schema");
}

std::optional<AskedRule> read_answer_rule(Fields& body) {
  RuleReader reader(body);
  if (const Json* format = body.object("response_format")) {
    Fields f(body, *format, "response_format");
    reader.read_format(f, RuleReader::SchemaAt::kNested);
  }
  reader.read_other_engines();
  return reader.rule();
}

}  // namespace ferrum::server
