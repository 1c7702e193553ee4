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

// One line for the mistake and one for the next step. `args` are those behind the program's name.
std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, std::span<char* const> args);

// Takes the names of the commands of `app`, which must outlive it.
CLI::Validator a_command(const CLI::App& app);

}  // namespace ferrum::cli
