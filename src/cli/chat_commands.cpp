#include "cli/chat_commands.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/human_bytes.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/notes.h"
#include "cli/similar.h"

namespace ferrum::cli {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestAttachment = 16u << 20;  // bytes; far more than any context holds
constexpr size_t kShownQuestion = 60;                // bytes

std::string one_line(std::string text, size_t bytes) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return printable(text, bytes);
}

AfterCommand after(Chat& chat, Chat::Outcome outcome) {
  if (outcome == Chat::Outcome::kOutputClosed) return AfterCommand::kLeave;
  if (outcome != Chat::Outcome::kFailed) chat.print_speed();
  return AfterCommand::kGoOn;
}

AfterCommand show_system(Chat& chat, const std::string& text) {
  const std::string& before = chat.settings().system;
  print_message(before.empty() ? "There is no system prompt."
                               : "The system prompt is: " + printable(before, 2000));
  if (text.empty()) return AfterCommand::kGoOn;
  const bool removes = text == "none";
  chat.set_system(removes ? "" : text);
  print_message(removes ? "System prompt removed; the conversation starts over."
                        : "System prompt set; the conversation starts over.");
  return AfterCommand::kGoOn;
}

AfterCommand set(Chat& chat, const std::string& text) {
  const size_t name_end = std::min(text.find_first_of(" \t"), text.size());
  const size_t value = std::min(text.find_first_not_of(" \t", name_end), text.size());
  if (text.empty())
    print_message(all_settings_text(chat.settings()));
  else
    print_message(chat.set(text.substr(0, name_end), text.substr(value)));
  return AfterCommand::kGoOn;
}

const std::string& named_file(const std::string& file) {
  if (file.empty()) fail(ErrorCode::kBadArgument, "the name of a file is missing");
  return file;
}

AfterCommand read_file(Chat& chat, const std::string& name) {
  const fs::path path = expanded_path(named_file(name));
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    fail(ErrorCode::kBadArgument, "{} is not a file", in_quotes(name));
  const uintmax_t bytes = fs::exists(path, ignored) ? fs::file_size(path, ignored) : 0;
  if (bytes > kLargestAttachment)
    fail(ErrorCode::kBadArgument, "{} has {}, more than any context holds", in_quotes(name),
         human_bytes(bytes));
  const std::string text = read_all(path);
  if (!utf8::is_valid(text) || text.find('\0') != std::string::npos)
    fail(ErrorCode::kBadArgument, "{} is not text in UTF-8", in_quotes(name));
  chat.attach(path.filename().string(), text);
  print_message(fmt::format("{}: {}, {} lines. Your next message will begin with it.", in_quotes(name),
                            human_bytes(text.size()), std::count(text.begin(), text.end(), '\n')));
  return AfterCommand::kGoOn;
}

struct ChatCommand {
  const char* name;
  const char* argument;  // as shown by /help
  const char* help;
  std::function<AfterCommand(Chat&, const std::string& argument)> run;
};

AfterCommand help(Chat&, const std::string&);

const std::vector<ChatCommand>& commands() {
  static const std::vector<ChatCommand> kCommands = {
      {"/regen", "", "answer the last question again",
       [](Chat& chat, const std::string&) { return after(chat, chat.regenerate()); }},
      {"/undo", "", "remove the last question and its answer",
       [](Chat& chat, const std::string&) {
         print_message(fmt::format("Removed: {}", one_line(chat.undo(), kShownQuestion)));
         return AfterCommand::kGoOn;
       }},
      {"/clear", "", "start a new conversation",
       [](Chat& chat, const std::string&) {
         chat.clear();
         print_message("The conversation starts over.");
         return AfterCommand::kGoOn;
       }},
      {"/read", "FILE", "begin the next message with the text of a file", read_file},
      {"/system", "[TEXT]", "show the system prompt, or set it and start over; none removes it", show_system},
      {"/set", "[NAME VALUE]", "show all settings, or change one: /set think off, /set temperature 0.5", set},
      {"/show", "", "show the model, the settings and the tokens in use",
       [](Chat& chat, const std::string&) {
         print_message(chat.description());
         return AfterCommand::kGoOn;
       }},
      {"/save", "FILE", "write the conversation, and what was computed of it, to a file",
       [](Chat& chat, const std::string& file) {
         print_message(chat.save(expanded_path(named_file(file))));
         return AfterCommand::kGoOn;
       }},
      {"/load", "FILE", "continue a saved conversation",
       [](Chat& chat, const std::string& file) {
         print_message(chat.load(expanded_path(named_file(file))));
         return AfterCommand::kGoOn;
       }},
      {"/stats", "", "show the tokens and times so far, and the memory in use",
       [](Chat& chat, const std::string&) {
         print_message(chat.statistics());
         return AfterCommand::kGoOn;
       }},
      {"/help", "", "show this list", help},
      {"/bye", "", "leave (also Ctrl-D)", [](Chat&, const std::string&) { return AfterCommand::kLeave; }},
  };
  return kCommands;
}

AfterCommand help(Chat&, const std::string&) {
  for (const ChatCommand& command : commands())
    note("  {:<19}{}\n", std::string(command.name) + " " + command.argument, command.help);
  note(
      "\n"
      "  \"\"\"                begins and ends a text of several lines\n"
      "  Alt-Enter          starts a new line; pasted lines are kept together\n"
      "  Tab                completes commands, settings and files\n"
      "  Up, Ctrl-R         earlier entries; search them\n"
      "  Ctrl-C             stops an answer, or clears the line\n");
  return AfterCommand::kGoOn;
}

std::string canonical(const std::string& name) {
  if (name == "/exit" || name == "/quit") return "/bye";
  return name == "/?" ? "/help" : name;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const ChatCommand& command : commands()) names.emplace_back(command.name);
  return names;
}

std::vector<std::string> beginning_with(std::vector<std::string> texts, std::string_view beginning) {
  std::erase_if(texts, [&](const std::string& text) { return !text.starts_with(beginning); });
  std::sort(texts.begin(), texts.end());
  return texts;
}

// The files and folders that complete a partially typed path. Hidden ones only after a dot.
std::vector<std::string> paths_beginning_with(const std::string& typed) {
  const size_t slash = typed.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : typed.substr(0, slash + 1);
  const std::string name = typed.substr(folder.size());
  std::vector<std::string> paths;
  std::error_code error;
  const fs::path place = folder.empty() ? fs::path(".") : fs::path(expanded_path(folder));
  for (fs::directory_iterator entry(place, error), end; !error && entry != end; entry.increment(error)) {
    const std::string found = entry->path().filename().string();
    if (!found.starts_with(name) || (found.starts_with('.') && !name.starts_with('.'))) continue;
    std::error_code ignored;
    paths.push_back(folder + found + (entry->is_directory(ignored) ? "/" : ""));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

bool is_chat_command(std::string_view entry) {
  if (!entry.starts_with('/')) return false;
  const size_t end = std::min(entry.find_first_of(" \t\n", 1), entry.size());
  return end == 1 || entry.find('/', 1) >= end;
}

AfterCommand run_chat_command(Chat& chat, const std::string& entry) {
  const size_t name_end = std::min(entry.find_first_of(" \t\n"), entry.size());
  const std::string name = entry.substr(0, name_end);
  std::string argument = entry.substr(std::min(entry.find_first_not_of(" \t\n", name_end), entry.size()));
  argument.erase(argument.find_last_not_of(" \t\n") + 1);
  for (const ChatCommand& command : commands()) {
    if (canonical(name) != command.name) continue;
    try {
      return command.run(chat, argument);
    } catch (const Error& e) {
      print_message(fmt::format("{}: {}", name, e.what()));
      return AfterCommand::kGoOn;
    }
  }
  print_message(fmt::format("There is no command {}{}; /help lists them.", in_quotes(name),
                            did_you_mean(name, command_names())));
  return AfterCommand::kGoOn;
}

Completion complete_chat_entry(std::string_view before_cursor) {
  if (!is_chat_command(before_cursor)) return {};
  const size_t space = before_cursor.find(' ');
  if (space == std::string_view::npos) return {0, beginning_with(command_names(), before_cursor)};
  const std::string_view name = before_cursor.substr(0, space);
  const size_t begin = before_cursor.find_first_not_of(' ', space);
  const size_t argument = begin == std::string_view::npos ? before_cursor.size() : begin;
  const std::string typed(before_cursor.substr(argument));
  if (name == "/set") {
    const size_t value_space = typed.find(' ');
    if (value_space == std::string::npos) return {argument, beginning_with(chat_setting_names(), typed)};
    const size_t value = std::min(typed.find_first_not_of(' ', value_space), typed.size());
    return {argument + value,
            beginning_with(chat_setting_values(typed.substr(0, value_space)), typed.substr(value))};
  }
  if (name == "/read" || name == "/save" || name == "/load") return {argument, paths_beginning_with(typed)};
  return {};
}

std::string expanded_path(const std::string& path) {
  const char* const home = std::getenv("HOME");
  return path.starts_with("~/") && home && *home ? home + path.substr(1) : path;
}

}  // namespace ferrum::cli
