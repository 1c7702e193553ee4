// The tools that a request offers, whichever way its API writes them, as functions that a model may call.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ferrum/types.h"
#include "server/api/fields.h"

namespace ferrum::server {

// A tool as the client knows it.
struct OfferedTool {
  // kText: takes a text of any form. The model calls a function whose only argument is that text.
  enum class Takes { kArguments, kText };

  std::string name;
  std::string name_space{};  // of Responses, whose clients tell tools of one name apart by it; empty: none
  Takes takes = Takes::kArguments;
};

// What a function of a tool says to the model. `schema`: JSON text; of a tool that takes text, the schema of
// that text.
struct ToolText {
  std::string description{};
  std::string schema{};  // empty: an object without members, or any text
  std::string field{};   // where the schema stands in the request
};

struct ToolChoice {
  ToolUse::Choice choice = ToolUse::Choice::kAuto;
  std::optional<OfferedTool> only{};                // the one tool that is called
  std::optional<std::vector<OfferedTool>> allowed;  // the others are not offered
  bool parallel = true;
};

// The schema of a tool's arguments in the field `name`, as the client wrote it; empty: there is none.
// Arguments are an object, so a schema of another type is a refusal.
std::string arguments_schema(Fields& tool, const std::string& name);

class OfferedTools {
 public:
  // `fields` is where the tool's name stands; a name that is there already is a refusal.
  void add(Fields& fields, const OfferedTool& tool, const ToolText& text);

  bool empty() const { return functions_.empty(); }
  // The functions, and which of them may be called. Refuses the field `name` of the body where it chooses
  // what is not offered.
  ToolUse use(Fields& body, const std::string& name, const ToolChoice& choice) const;
  // Where the functions' schemas stand in the request, by the functions' names.
  std::map<std::string, std::string> fields() const;
  // The tool that a function stands for; what a model makes up stands for itself.
  OfferedTool tool_of(const std::string& function) const;
  // The function of a tool that the client names in a conversation, whether or not it is still offered.
  static std::string function_of(const OfferedTool& tool);

 private:
  struct Function {
    std::string name;
    std::string json;  // an entry of ToolUse::functions
    std::string field;
  };
  std::vector<Function> functions_;
  std::map<std::string, OfferedTool> tools_;  // by the function's name
};

}  // namespace ferrum::server
