// The commands and their options as plain data, from which help, man pages and completions are generated.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ferrum::cli {

// The kind of a value, for completion. A model is a file, a folder or a name; kModelName is a name only, and
// kNamedModel is NAME=PATH, a model behind a new name.
enum class ValueKind { kNone, kText, kChoice, kFile, kModel, kModelName, kNamedModel, kCommand };

struct OptionEntry {
  std::vector<std::string> names;  // "-n", "--max-tokens"; empty: a positional argument
  std::string value;               // the placeholder of its value, "N", or the argument's name; empty: a flag
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> choices;  // for kChoice
  std::string help;
  std::string group;          // the heading in help
  std::string default_value;  // empty: not shown
  std::string environment;    // the environment variable with the same effect; empty: none
  std::vector<std::string> excludes;
  std::vector<std::string> needs;
  bool required = false;
  bool repeated = false;
};

struct CommandEntry {
  std::string name;  // empty: the program itself
  std::string group;
  std::string summary;  // one line
  std::string usage;    // "ferrum run [OPTIONS] [MODEL] [PROMPT]"
  std::vector<OptionEntry> arguments;
  std::vector<OptionEntry> options;
  std::string explanation;            // paragraphs; may be empty
  std::vector<std::string> examples;  // lines; text after # is a comment
};

struct Manual {
  std::string version;
  CommandEntry program;                // its options are accepted after every command
  std::vector<CommandEntry> commands;  // in the order of their groups
};

CommandEntry command_entry(const CLI::App& command);
Manual manual_of(const CLI::App& app);

// The paragraphs of `text`, without the line breaks inside them.
std::vector<std::string> paragraphs_of(const std::string& text);

}  // namespace ferrum::cli
