// ferrum run: a chat in the terminal, or one answer.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "cli/answer_rule.h"
#include "cli/chat.h"
#include "cli/chat_commands.h"
#include "cli/command.h"
#include "cli/line_editor.h"
#include "cli/load_model.h"
#include "cli/model_source.h"
#include "cli/notes.h"
#include "cli/options.h"

namespace ferrum::cli {
namespace {

struct RunOptions {
  EngineOptions engine = {.activations = "bf16"};
  SamplingFlags sampling;
  AnswerRuleFlags rule;
  ChatSettings chat;
  std::optional<std::string> prompt;
  bool raw = false;
  bool plain = false;
  std::string session;  // file; empty: none
};

constexpr const char* kExamples =
    "Without PROMPT: a chat on a terminal (/help lists its commands), else the prompt is read from standard "
    "input.\n"
    "Only the model's text goes to standard output.\n\n"
    "Examples:\n"
    "  ferrum run                                   # chat with the demonstration model\n"
    "  ferrum run model.gguf                        # chat with a model\n"
    "  ferrum run model.gguf \"Tell me a story.\"     # one answer\n"
    "  ferrum run --prompt \"Tell me a story.\"       # one answer of the demonstration model\n"
    "  ferrum run hf-folder --raw < text.txt        # continue a text\n"
    "  ferrum run model.gguf --session talk.kv \"And then?\"    # continue a conversation, and save it\n"
    "  ferrum run model.gguf --temperature 0 --max-tokens 50 --stop END \"Count to ten.\"\n"
    "  ferrum run model.gguf --schema person.json \"Invent a person.\"    # a JSON value, by construction\n"
    "  ferrum run model.gguf --lora adapter-folder \"Hello!\"    # with a LoRA adapter\n"
    "  ferrum run model.gguf --draft small.gguf     # speculate with a smaller model: the same text, faster";

[[noreturn]] void leave_after(Chat::Outcome outcome) {
  switch (outcome) {
    case Chat::Outcome::kAnswered:
      throw Exit{0};
    case Chat::Outcome::kInterrupted:
      throw Exit{130};
    case Chat::Outcome::kFailed:
      throw Exit{1};
    case Chat::Outcome::kOutputClosed:
      throw Exit{0};  // the reader closed the pipe
  }
  throw Exit{1};
}

void answer_once(Chat& chat, const RunOptions& o) {
  const Chat::Outcome outcome = chat.answer(*o.prompt);
  if (outcome != Chat::Outcome::kFailed) {
    if (isatty(STDERR_FILENO)) chat.print_speed();
    if (!o.session.empty()) chat.save(o.session);
    if (chat.settings().rule && outcome == Chat::Outcome::kAnswered && chat.was_cut()) {
      note("ferrum: error: the answer was cut, so it is only the beginning of a valid one\n");
      throw Exit{1};
    }
  }
  leave_after(outcome);
}

void converse(Chat& chat, Interrupts& interrupts) {
  // A Ctrl-C just after the end of an answer must not end the chat.
  interrupts.set_when_idle(Interrupts::WhenIdle::kDoesNothing);
  note("Type a message, or /help.\n");
  LineEditor editor(">>> ", default_history_file(), complete_chat_entry);
  const Interrupts::AtEnd restore(interrupts, [&] { editor.restore_terminal(); });
  while (const std::optional<std::string> entry = editor.read()) {
    if (entry->find_first_not_of(" \t\n") == std::string::npos) continue;
    if (is_chat_command(*entry)) {
      if (run_chat_command(chat, *entry) == AfterCommand::kLeave) return;
      continue;
    }
    const Chat::Outcome outcome = chat.answer(*entry);
    if (outcome == Chat::Outcome::kOutputClosed) return;
    if (outcome != Chat::Outcome::kFailed) chat.print_speed();
  }
}

// Text in place of MODEL is most likely a prompt for the demonstration model.
void explain_text_for_model(const RunOptions& o) {
  const std::string& text = o.engine.model.native();
  const bool like_a_path =
      text.find(' ') == std::string::npos && text.find_first_of("/.") != std::string::npos;
  if (o.prompt || like_a_path || std::filesystem::exists(o.engine.model)) return;
  fail(ErrorCode::kNotFound, "{}: no such file or folder; to prompt the demonstration model: --prompt \"…\"",
       in_quotes(text));
}

void run_command(RunOptions& o) {
  o.chat.rule = rule_of(o.rule);
  Interrupts interrupts;
  const bool interactive = !o.prompt && isatty(STDIN_FILENO);
  const bool replays = !o.engine.replay.answers.empty();
  if (!o.engine.model.empty())
    explain_text_for_model(o);
  else if (!replays)
    o.engine.model = demonstration_model();
  const std::string label = label_of(replays ? o.engine.replay.answers : o.engine.model);
  if (!replays) o.engine.model = find_model(o.engine.model, Missing::kIsPulled);
  if (!o.engine.draft.empty()) o.engine.draft = find_model(o.engine.draft, Missing::kIsPulled);
  if (!o.prompt && !interactive) {
    o.prompt.emplace(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    if (o.prompt->empty()) fail(ErrorCode::kBadArgument, "no PROMPT was given, and standard input is empty");
  }

  const std::unique_ptr<Engine> engine = load_text_model(o.engine, label, ShowPlan::kOnTerminals);
  if (!o.engine.adapters.empty()) o.chat.adapter = o.engine.adapters.front().name;
  o.chat.sampling = over(o.sampling, engine->recommended_sampling());
  o.chat.style = o.raw ? PromptStyle::kRaw : PromptStyle::kChat;
  if (!o.raw && !engine->info().has_chat_template) {
    log::warn("the model has no chat template: continuing the text without one, as with --raw");
    o.chat.style = PromptStyle::kRaw;
  }
  if (!o.plain && !o.chat.rule)
    o.chat.format = answer_format_of_output(o.chat.style == PromptStyle::kRaw ? AnswerFormat::kText
                                                                              : AnswerFormat::kMarkdown);
  if (!o.session.empty() && o.chat.style == PromptStyle::kRaw)
    fail(ErrorCode::kBadArgument, "--session: without a chat template there is no conversation to save");
  Chat chat(*engine, interrupts, std::move(o.chat));
  if (!o.session.empty() && std::filesystem::exists(o.session)) {
    const std::string loaded = chat.load(o.session);
    if (interactive) note("{}\n", loaded);
  }
  if (!interactive) answer_once(chat, o);
  converse(chat, interrupts);
  if (!o.session.empty() && chat.has_begun()) note("{}\n", chat.save(o.session));
}

}  // namespace

void add_run(CLI::App& app) {
  auto o = std::make_shared<RunOptions>();
  CLI::App& command = *app.add_subcommand("run", "Chat in the terminal, or answer once");
  CLI::Option* const model =
      command.add_option("MODEL", o->engine.model, kOptionalModelHelp)->check(a_name());
  command.add_option("PROMPT,-p,--prompt", o->prompt, "Answer this prompt and exit");
  command.add_option("--system", o->chat.system, "System prompt");
  command.add_flag("--raw", o->raw, "Continue the text without a chat template");
  command.add_flag("--plain", o->plain,
                   "Print the answer verbatim: no Markdown rendering or word wrap on a terminal");
  command.add_flag_callback(
      "--no-special", [o] { o->chat.control_tokens = TextPrompt::ControlTokens::kText; },
      "With --raw: read spellings of control tokens, such as <|im_end|>, as plain text");
  command
      .add_option("-n,--max-tokens", o->chat.max_tokens,
                  "Maximum tokens of the answer; -1: until the context is full")
      ->check(from_to(-1, 1 << 30))
      ->capture_default_str();
  command.add_option("--min-tokens", o->chat.min_tokens, "Minimum tokens of the answer")
      ->check(from_to(0, 1 << 30))
      ->capture_default_str();
  command.add_flag_callback(
      "--ignore-eos", [o] { o->chat.end_of_text = Request::EndOfText::kIgnored; },
      "Continue after the model's end of text");
  command.add_flag_callback(
      "--context-shift", [o] { o->chat.context_end = Request::ContextEnd::kShifts; },
      "When the context is full, drop the oldest half instead of ending the answer");
  command
      .add_option("--keep-tokens", o->chat.keep_tokens,
                  "Leading tokens that are never dropped, e.g. of the system prompt")
      ->check(from_to(0))
      ->capture_default_str();
  command.add_option("--stop", o->chat.stop, "End the answer before this text; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--template-options", o->chat.template_options,
                     "JSON object of variables for the chat template, e.g. '{\"enable_thinking\": false}'");
  command
      .add_option(
          "--session", o->session,
          "Continue the conversation in this file, if it exists, with its system prompt, and save it at the "
          "end")
      ->type_name("FILE")
      ->check(a_name())
      ->excludes("--raw");
  add_answer_rule_options(command, o->rule);
  add_sampling_options(command, o->sampling);
  add_backend_options(command, o->engine);
  add_device_memory_option(command, o->engine);
  add_batch_tokens_option(command, o->engine);
  add_kv_dtype_option(command, o->engine);
  add_max_context_option(command, o->engine);
  add_prefix_cache_option(command, o->engine);
  add_speculation_options(command, o->engine);
  add_adapter_options(command, o->engine);
  command
      .add_option("--lora-scale", o->chat.adapter_scale,
                  "Factor of what the adapter adds; the first --lora is used")
      ->check(CLI::Range(-1000.0, 1000.0))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group("Adapters");
  add_trace_option(command, o->engine);
  add_replay_options(command, o->engine, model);
  command.footer(kExamples);
  command.callback([o] { run_command(*o); });
}

}  // namespace ferrum::cli
