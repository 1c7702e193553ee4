// The message for a command line that does not parse: the mistake, a suggestion, and where to find help.
#pragma once
#include <span>
#include <string>

namespace CLI {
class App;
class ParseError;
class Validator;
}  // namespace CLI

namespace ferrum::cli {

// One line with the mistake and one with the next step. `args` are those after the program's name.
std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args);

// Accepts the names of the commands of `app`, which must outlive the validator.
CLI::Validator a_command(const CLI::App& app);

}  // namespace ferrum::cli
