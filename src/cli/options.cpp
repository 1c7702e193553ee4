#include "cli/options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/isa_choice.h"
#include "cli/device_option.h"
#include "cli/isa_option.h"
#include "cli/sampling_settings.h"
#include "cli/similar.h"
#include "engine/sampling/sampling_options.h"

namespace ferrum::cli {
namespace {

constexpr const char* kEngineGroup = "Engine";

}  // namespace

CLI::Validator a_number() {
  return {[](const std::string& text) { return text.empty() ? "a number is missing" : ""; }, ""};
}

CLI::Validator a_name() {
  return {[](const std::string& text) { return text.empty() ? "a file's or folder's name is missing" : ""; },
          "FILE"};
}

CLI::Validator one_of(std::vector<std::string> choices) {
  const std::string list = fmt::format("{{{}}}", fmt::join(choices, ","));
  const auto check = [choices = std::move(choices)](const std::string& text) -> std::string {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
    return fmt::format("{} is not one of {}{}", in_quotes(text), fmt::join(choices, ", "),
                       did_you_mean(text, choices));
  };
  return {check, list};
}

void add_isa_option(CLI::App& command) {
  command
      .add_option_function<std::string>(
          "--isa", [](const std::string& name) { force_isa(name); },
          "Instruction set of the CPU's kernels, a lesser one than the best: portable; on x86-64 avx2, "
          "avxvnni, "
          "avx512, avx512bf16, amx; on 64-bit ARM neon, dotprod, i8mm")
      ->type_name("NAME")
      ->envname("FERRUM_CPU_ISA")
      ->group(kEngineGroup);
}

namespace {

constexpr int kMostDevices = 63;

// "cuda:1" and so on, and the names.
CLI::Validator a_backend() {
  const CLI::Validator named = one_of({"cpu", "cuda", "reference"});
  const auto check = [named](std::string& text) -> std::string {
    const bool is_numbered = text.starts_with("cuda:") && text.size() > 5 &&
                             text.find_first_not_of("0123456789", 5) == std::string::npos;
    return is_numbered ? "" : named(text);
  };
  return {check, named.get_description()};
}

}  // namespace

void add_device_options(CLI::App& command, EngineOptions& o) {
  command
      .add_option("--backend", o.backend,
                  "cpu, cuda (an NVIDIA GPU; cuda:1 is the second), or reference (slow, for comparison)")
      ->check(a_backend())
      ->capture_default_str()
      ->envname("FERRUM_BACKEND")
      ->group(kEngineGroup);
  command
      .add_option_function<int>(
          "--device",
          [&o](int device) {
            if (!o.backend.starts_with("cuda"))
              throw CLI::ValidationError("--device", "is the number of a GPU, and needs --backend cuda");
            o.backend = "cuda:" + std::to_string(device);
          },
          "Number of the GPU, from 0, with --backend cuda")
      ->check(from_to(0, kMostDevices))
      ->group(kEngineGroup);
}

void add_backend_options(CLI::App& command, EngineOptions& o) {
  add_device_options(command, o);
  command.add_option("-t,--threads", o.threads, "Threads; 0: one per fast physical core")
      ->check(from_to(0, kMaxThreads))
      ->capture_default_str()
      ->envname("FERRUM_THREADS")
      ->group(kEngineGroup);
  add_isa_option(command);
  command
      .add_option(
          "--activations", o.activations,
          "Type of activations: int8 with quantised weights; bf16: also bf16 with BF16 weights if the "
          "CPU supports it; f32: no rounding (slower, more accurate)")
      ->check(one_of({"int8", "bf16", "f32"}))
      ->capture_default_str()
      ->envname("FERRUM_ACTIVATIONS")
      ->group(kEngineGroup);
  command
      .add_flag("--check", o.check,
                "Run every operation on the reference backend as well and log what differs (very slow)")
      ->group(kEngineGroup);
}

void add_batch_tokens_option(CLI::App& command, EngineOptions& o) {
  command.add_option("--batch-tokens", o.batch_tokens, "Maximum tokens per step (prefill chunk)")
      ->check(from_to(1, 65536))
      ->capture_default_str()
      ->envname("FERRUM_BATCH_TOKENS")
      ->group(kEngineGroup);
}

void add_kv_dtype_option(CLI::App& command, EngineOptions& o) {
  command.add_option("--kv-dtype", o.kv_dtype, "Type of the KV cache: f16, bf16, f32, int8")
      ->check(one_of({"f16", "bf16", "f32", "int8"}))
      ->capture_default_str()
      ->envname("FERRUM_KV_DTYPE")
      ->group(kEngineGroup);
}

void add_max_context_option(CLI::App& command, EngineOptions& o) {
  command
      .add_option("-c,--max-context", o.max_context,
                  "Maximum tokens of prompt and answer; 0: the model's context, at most 8192")
      ->check(from_to(0))
      ->capture_default_str()
      ->envname("FERRUM_KV_CAPACITY")
      ->group(kEngineGroup);
}

void add_replay_options(CLI::App& command, EngineOptions& o, CLI::Option* model) {
  constexpr const char* kGroup = "Recorded answers (for testing formats)";
  CLI::Option* const replay =
      command
          .add_option("--replay", o.replay.answers,
                      "Give the recorded answers of this file, one in each line, instead of a model's")
          ->type_name("FILE")
          ->check(a_name())
          ->group(kGroup);
  if (model != nullptr) replay->excludes(model);
  command
      .add_option("--template", o.replay.chat_template,
                  "The chat template in whose format they were recorded; default: ChatML")
      ->type_name("FILE")
      ->check(a_name())
      ->needs(replay)
      ->group(kGroup);
  command.add_option("--replay-pieces", o.replay.piece_bytes, "Bytes of text per token of an answer")
      ->check(from_to(1, 64))
      ->capture_default_str()
      ->needs(replay)
      ->group(kGroup);
}

void add_speculation_options(CLI::App& command, EngineOptions& o) {
  constexpr const char* kGroup = "Speculation (faster, the same text)";
  CLI::Option* const speculate =
      command
          .add_option("--speculate", o.speculate,
                      "ngram: draft from earlier occurrences of the last tokens; for answers that "
                      "repeat their prompt; mtp: with the model's own head that predicts further tokens")
          ->check(one_of({"ngram", "mtp"}))
          ->envname("FERRUM_SPECULATE")
          ->group(kGroup);
  command
      .add_option_function<std::string>(
          "--draft",
          [&o](const std::string& model) {
            o.draft = model;
            o.speculate = "draft";
          },
          "A smaller draft model with the same vocabulary")
      ->type_name("MODEL")
      ->check(a_name())
      ->excludes(speculate)
      ->envname("FERRUM_DRAFT")
      ->group(kGroup);
  command.add_option("--draft-tokens", o.draft_tokens, "Maximum drafted tokens per step")
      ->check(from_to(1, 64))
      ->capture_default_str()
      ->envname("FERRUM_DRAFT_TOKENS")
      ->group(kGroup);
}

namespace {

// NAME=PATH, or a path alone, whose last part is the name.
NamedAdapter named_adapter(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos && equals > 0 && text.find('/') > equals)
    return {text.substr(0, equals), text.substr(equals + 1)};
  const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
  const std::filesystem::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
  return {(last.extension() == ".gguf" ? last.stem() : last).string(), text};
}

}  // namespace

void add_adapter_options(CLI::App& command, EngineOptions& o) {
  constexpr const char* kGroup = "Adapters";
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&o](const std::vector<std::string>& given) {
            o.adapters.clear();
            for (const std::string& text : given) o.adapters.push_back(named_adapter(text));
          },
          "A LoRA adapter of MODEL, a folder as PEFT saves it or a GGUF file; may be repeated")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false)
      ->check(a_name())
      ->group(kGroup);
  command
      .add_option("--max-loras", o.max_adapters,
                  "Adapters in memory at once; those used longest ago are read again when they are wanted")
      ->check(from_to(0, 1024))
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--lora-memory", o.adapter_memory, "Memory for adapters, such as 4GiB")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE")
      ->default_str("1GiB")
      ->group(kGroup);
}

void add_device_memory_option(CLI::App& command, EngineOptions& o) {
  command
      .add_option(
          "--device-memory", o.device_memory,
          "Memory of the GPU that the model may take, such as 20GiB; weights that do not fit stay on the "
          "CPU, experts first")
      ->transform(CLI::AsSizeValue(false).description(""))
      ->type_name("SIZE")
      ->envname("FERRUM_DEVICE_MEMORY")
      ->group(kEngineGroup);
}

void add_pooling_option(CLI::App& command, std::string& pooling) {
  command
      .add_option(
          "--pooling", pooling,
          "How a text becomes one vector, in place of what the model's files say: mean, cls, last, max; "
          "none: a model that also generates text does that")
      ->check(one_of({"mean", "cls", "last", "max", "none"}))
      ->group(kEngineGroup);
}

void add_trace_option(CLI::App& command, EngineOptions& o) {
  command.add_option("--trace", o.trace, "Write a trace to this file, for ui.perfetto.dev")
      ->check(a_name())
      ->envname("FERRUM_TRACE")
      ->group(kEngineGroup);
}

void add_prefix_cache_option(CLI::App& command, EngineOptions& o) {
  command
      .add_option("--prefix-cache", o.prefix_cache,
                  "Reuse the KV cache of shared prefixes, such as earlier turns: on or off")
      ->check(one_of({"on", "off", "1", "0"}))
      ->default_str("on")
      ->envname("FERRUM_PREFIX_CACHE")
      ->group(kEngineGroup);
}

BackendOptions backend_options(const EngineOptions& o) {
  return {o.backend, o.threads, o.activations, o.check};
}

void add_sampling_options(CLI::App& command, SamplingFlags& flags) {
  for (const SamplingSetting& setting : sampling_settings()) {
    CLI::Option* const option =
        command.add_option(setting.flags, flags[setting.name], setting.help)->allow_extra_args(false);
    if (setting.values == SamplingSetting::Values::kOne) option->expected(1);
    option->type_name(setting.values == SamplingSetting::Values::kOne ? "NUMBER" : "TEXT");
    option->group("Sampling (default: what the model recommends)");
    option->check(CLI::Validator(
        [&setting](const std::string& text) -> std::string {
          if (text.empty())
            return setting.values == SamplingSetting::Values::kOne ? "a number is missing" : "";
          try {
            SamplingOptions alone;
            setting.set(alone, std::span(&text, 1));
            validate(alone);
            return "";
          } catch (const Error& e) {
            return e.what();
          }
        },
        ""));
  }
}

SamplingOptions over(const SamplingFlags& flags, SamplingOptions o) {
  for (const SamplingSetting& setting : sampling_settings())
    if (const auto given = flags.find(setting.name); given != flags.end() && !given->second.empty())
      setting.set(o, given->second);
  return o;
}

std::filesystem::path demonstration_model() {
  namespace fs = std::filesystem;
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  // In the source tree the program is in build/; installed, in bin/.
  for (const char* relative : {"../models/demo-moe.gguf", "../share/ferrum/models/demo-moe.gguf"})
    if (const fs::path path = folder / relative; fs::exists(path)) return path.lexically_normal();
  fail(ErrorCode::kNotFound,
       "no MODEL was given, and the demonstration model is not beside the program: name a .gguf file or a "
       "Hugging Face folder");
}

}  // namespace ferrum::cli
