// How a model writes thoughts and calls of functions: found from its chat template, as plain data.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"

namespace ferrum::tools {

enum class Syntax {
  kNone,
  kObjects,     // {"name": …, "arguments": …}, one or a list
  kNamed,       // name, a mark, the arguments as JSON
  kElements,    // <function=name><parameter=key>value</parameter></function>
  kGemma,       // call:name{key:<|"|>text<|"|>}; `quote` stands around texts
  kPython,      // [name(key='text'), other()]
  kChannels,    // OpenAI's Harmony: the recipient stands in a message's header
  kRecipients,  // Functionary: every message begins with whom it is for
};

// What stands around calls. `close` may be absent in an answer, and empty. An empty `open` means that a call
// may stand bare; it counts only with the name of an offered function.
struct Wrapper {
  std::string open;
  std::string close;
};

// The parts of one call.
struct CallMarks {
  std::string open;         // before the name
  std::string id;           // before an id that follows the name; empty where none does
  std::string name_end;     // behind the name (kNamed: before the arguments)
  std::string number_end;   // kElements: behind a number that follows name_end; empty where none does
  std::string close;        // behind the arguments
  std::string key_open;     // kElements: before a parameter's name
  std::string key_end;      // behind it
  std::string type_end;     // behind the value's type, if one follows key_end (TypeStyle)
  std::string value_open;   // before the value, if key_end is not already
  std::string value_close;  // behind the value
};

enum class NameStyle {
  kPlain,
  kKimi,      // functions.name:3, which is the id as well
  kDeepSeek,  // function<｜tool▁sep｜>name, then the arguments in a fence of Markdown
};

// kElements: what is written of a value's type.
enum class TypeStyle {
  kNone,      // nothing: the function's schema says it
  kIsString,  // whether it is a string: true or false
  kName,      // its name, as JSON Schema has it
};

enum class IdStyle { kCall, kNineCharacters };

struct Reasoning {
  std::string open;   // <think>
  std::string close;  // </think>; where `open` is empty, the format has no marks of thoughts
  bool anywhere =
      false;  // may open in the middle of text; else only where an answer or what follows a call begins
};

struct Format {
  std::string family;
  Syntax syntax = Syntax::kNone;
  std::vector<Wrapper> wrappers;  // the first is the one that the family's models are taught
  CallMarks marks;
  NameStyle name_style = NameStyle::kPlain;
  TypeStyle type_style = TypeStyle::kNone;
  IdStyle id_style = IdStyle::kCall;
  Reasoning reasoning;
  std::vector<std::string> silent;  // marks without a meaning of their own, left out
  // kObjects, as the family's models are taught; others are read too. Empty: the name itself is the key of
  // the arguments.
  std::string name_key = "name";
  std::string arguments_key = "arguments";
  std::string id_key;          // of an id that follows the arguments: a call is held back until it is known
  std::string quote;           // kGemma
  bool escapes_names = false;  // kElements: &quot; and &amp; stand for " and &
  bool lines_around_values = false;  // kElements: a line break on each side is not part of the value
  std::string code_open;             // behind it stands code for an interpreter; empty where none does
  bool may_lack_name_end = false;    // kNamed: arguments may follow the name without a mark, too
  bool in_list = false;              // calls stand in a list
  bool parallel = true;              // several calls may follow one another
};

// `has_token` says whether the vocabulary has a token of this spelling; it decides where the template does
// not. Never fails: what is unknown is generic JSON.
Format format_of(std::string_view chat_template, FunctionRef<bool(std::string_view)> has_token);
Format format_of(std::string_view chat_template);

// The formats of all families by name, for tests and documents.
const std::vector<std::string>& family_names();
Format format_named(std::string_view family);  // error kNotFound

// A call's marks, and once more with single quotation marks where attributes stand in double ones.
std::vector<CallMarks> spellings(const CallMarks& marks);

// Whether a token of this spelling is a mark of the format, or a part of one.
bool is_mark(const Format& format, std::string_view spelling);

// Where an answer begins.
enum class Phase {
  kContent,
  kReasoning,  // the prompt opened a thought
  kHeader,     // kChannels, kRecipients: with a message's header
};

// Read from the end of the rendered prompt.
Phase phase_at_end(const Format& format, std::string_view prompt);

}  // namespace ferrum::tools
