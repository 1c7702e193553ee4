// What clients see of the engine under load, through its public interface.
//
//   ferrum_load_bench prefix MODEL      chat-like requests with one beginning: with and without the cache
//   ferrum_load_bench intrusion MODEL   sequences that decode while a long prompt comes in
//   ferrum_load_bench adapters MODEL    sequences over adapters (--lora DIR, repeated) and over the base, in
//                                       turns
//
// Options: --threads N, --sequences N (16; 4; 16), --prompt N (1000 shared tokens; 4000; 1), --answer N (16;
// 16; 64), --rounds N (1)
#include <numeric>
#include <thread>

#include "base/random.h"
#include "bench/measure.h"
#include "ferrum/engine.h"

namespace ferrum::bench {
namespace {

constexpr int kOwnTokens = 16;
constexpr int kFirstToken = 1000;  // of random prompts: past control tokens and single bytes

struct LoadOptions : Options {
  std::string what;
  std::string model;
  int sequences = 0;
  int prompt = 0;
  int answer = 16;
  int rounds = 1;
  std::vector<NamedAdapter> adapters;
};

LoadOptions parse(int argc, char** argv) {
  LoadOptions o;
  if (argc < 3)
    fail(ErrorCode::kBadArgument, "usage: ferrum_load_bench prefix|intrusion|adapters MODEL [options]");
  o.what = argv[1];
  o.model = argv[2];
  const bool prefix = o.what == "prefix", adapters = o.what == "adapters";
  if (!prefix && !adapters && o.what != "intrusion")
    fail(ErrorCode::kBadArgument, "{}: there are prefix, intrusion and adapters", in_quotes(o.what));
  o.sequences = prefix || adapters ? 16 : 4;
  o.prompt = prefix ? 1000 : adapters ? 1 : 4000;
  if (adapters) o.answer = 64;
  bench::parse(argc - 2, argv + 2, o, [&](const std::string& flag, const std::string& value) {
    if (flag == "--lora") {
      o.adapters.push_back({"adapter " + std::to_string(o.adapters.size()), value});
      return true;
    }
    int* const number = flag == "--sequences" ? &o.sequences
                        : flag == "--prompt"  ? &o.prompt
                        : flag == "--answer"  ? &o.answer
                        : flag == "--rounds"  ? &o.rounds
                                              : nullptr;
    if (!number) return false;
    *number = to_number<int>(value);
    if (*number < 1) fail(ErrorCode::kBadArgument, "{} must be 1 or more", flag);
    return true;
  });
  return o;
}

void append_random(std::vector<int32_t>& ids, uint64_t seed, int count) {
  for (int i = 0; i < count; ++i)
    ids.push_back(kFirstToken + static_cast<int32_t>(random_bits(seed, static_cast<uint64_t>(i)) % 30000));
}

Request request(std::vector<int32_t> prompt, int answer) {
  Request r;
  r.prompt = TokenPrompt{std::move(prompt)};
  r.sampling.temperature = 0;
  r.max_tokens = answer;
  r.end_of_text = Request::EndOfText::kIgnored;
  return r;
}

FinishEvent read_to_end(EventStream& stream) {
  FinishEvent finish;
  while (const std::optional<Event> event = stream.next()) {
    if (const auto* error = std::get_if<ErrorEvent>(&*event)) throw std::runtime_error(error->message);
    if (const auto* end = std::get_if<FinishEvent>(&*event)) finish = *end;
  }
  return finish;
}

// Seconds until all have their answers.
double answer_all(Engine& engine, const LoadOptions& o, uint64_t round,
                  const std::vector<NamedAdapter>& adapters = {}) {
  const double begin = now(2);
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int i = 0; i < o.sequences; ++i) {
    std::vector<int32_t> prompt;
    append_random(prompt, 1000 + round, o.prompt);
    append_random(prompt, static_cast<uint64_t>(i), kOwnTokens);
    Request one = request(std::move(prompt), o.answer);
    if (!adapters.empty()) one.adapter = adapters[static_cast<size_t>(i) % adapters.size()].name;
    streams.push_back(engine.submit(std::move(one)));
  }
  for (const auto& stream : streams) read_to_end(*stream);
  return now(2) - begin;
}

std::unique_ptr<Engine> load(const LoadOptions& o, int context, int kv_tokens, bool prefix_cache) {
  EngineOptions options = {.model = o.model, .threads = o.backend.threads};
  options.max_context = context;
  options.max_sequences = o.sequences + 1;
  options.kv_tokens = kv_tokens;
  options.prefix_cache = prefix_cache;
  options.adapters = o.adapters;
  return Engine::load(options);
}

void run_prefix(const LoadOptions& o) {
  const int each = o.prompt + kOwnTokens + o.answer;
  for (int round = 0; round < o.rounds; ++round) {
    double seconds[2];
    for (const bool cached : {false, true}) {
      const auto engine = load(o, each, each * o.sequences, cached);
      seconds[cached] = answer_all(*engine, o, static_cast<uint64_t>(round));
    }
    const double tokens = static_cast<double>(o.sequences) * o.answer;
    std::printf(
        "%d requests of %d + %d tokens, %d generated: %.1f tokens/s without the prefix cache, %.1f with it: "
        "%.1f times\n",
        o.sequences, o.prompt, kOwnTokens, o.answer, tokens / seconds[0], tokens / seconds[1],
        seconds[0] / seconds[1]);
  }
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void run_adapters(const LoadOptions& o) {
  if (o.adapters.empty()) fail(ErrorCode::kBadArgument, "adapters: name some with --lora DIR");
  const int each = o.prompt + kOwnTokens + o.answer;
  const auto engine = load(o, each, each * o.sequences, false);
  const double tokens = static_cast<double>(o.sequences) * o.answer;
  std::vector<double> base, adapted, ratios;
  answer_all(*engine, o, 0, o.adapters);
  for (int round = 0; round < o.rounds; ++round) {
    base.push_back(tokens / answer_all(*engine, o, 0));
    adapted.push_back(tokens / answer_all(*engine, o, 0, o.adapters));
    ratios.push_back(adapted.back() / base.back());
    std::printf("%.1f tokens/s of the base, %.1f over adapters: %.3f\n", base.back(), adapted.back(),
                ratios.back());
  }
  std::printf("%d sequences over %zu adapters, %d tokens each, median of %d: %.1f and %.1f tokens/s, %.3f\n",
              o.sequences, o.adapters.size(), o.answer, o.rounds, quantile(base, 0.5), quantile(adapted, 0.5),
              quantile(ratios, 0.5));
}

void run_intrusion(const LoadOptions& o) {
  constexpr double kQuietSeconds = 4;
  const int context = o.prompt + 4096;
  const auto engine = load(o, context, o.prompt + 4096 * o.sequences, true);
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int i = 0; i < o.sequences; ++i) {
    std::vector<int32_t> prompt;
    append_random(prompt, static_cast<uint64_t>(i), 50);
    Request r = request(std::move(prompt), 4000);
    r.logprobs = 0;  // an event for every token
    streams.push_back(engine->submit(std::move(r)));
  }
  std::vector<std::vector<double>> told(streams.size());  // when
  std::vector<std::jthread> readers;
  for (size_t i = 0; i < streams.size(); ++i)
    readers.emplace_back([&stream = *streams[i], &times = told[i]] {
      while (const std::optional<Event> event = stream.next())
        if (std::holds_alternative<TokenEvent>(*event)) times.push_back(now(2));
    });
  std::this_thread::sleep_for(std::chrono::duration<double>(kQuietSeconds));
  const double begin = now(2);
  std::vector<int32_t> prompt;
  append_random(prompt, 99, o.prompt);
  read_to_end(*engine->submit(request(std::move(prompt), 1)));
  const double end = now(2);
  std::this_thread::sleep_for(std::chrono::duration<double>(kQuietSeconds));
  for (const auto& stream : streams) stream->cancel();
  readers.clear();

  // Contexts grow meanwhile, and steps with them: so what is alone afterwards counts as much as before.
  std::vector<double> before, beside, after;
  for (const std::vector<double>& times : told)
    for (size_t i = 1; i < times.size(); ++i) {
      const double gap = times[i] - times[i - 1];
      if (times[i] < begin && times[i - 1] > begin - kQuietSeconds + 1) before.push_back(gap);
      if (times[i - 1] > begin && times[i] < end) beside.push_back(gap);
      if (times[i - 1] > end) after.push_back(gap);
    }
  const double alone = (quantile(before, 0.5) + quantile(after, 0.5)) / 2;
  const auto row = [&](const char* name, const std::vector<double>& gaps) {
    const double mean = std::accumulate(gaps.begin(), gaps.end(), 0.0) / static_cast<double>(gaps.size());
    std::printf("  %-8s %7zu  %7.1f ms mean  %7.1f median  %7.1f p99   %.2f / %.2f / %.2f times\n", name,
                gaps.size(), mean * 1e3, quantile(gaps, 0.5) * 1e3, quantile(gaps, 0.99) * 1e3, mean / alone,
                quantile(gaps, 0.5) / alone, quantile(gaps, 0.99) / alone);
  };
  std::printf("%d sequences, a prompt of %d tokens, which takes %.1f s; times between tokens:\n", o.sequences,
              o.prompt, end - begin);
  row("before", before);
  row("beside", beside);
  row("after", after);
}

void run(const LoadOptions& o) {
  if (o.what == "prefix") return run_prefix(o);
  if (o.what == "adapters") return run_adapters(o);
  run_intrusion(o);
}

}  // namespace
}  // namespace ferrum::bench

int main(int argc, char** argv) {
  using namespace ferrum::bench;
  return run_main("ferrum_load_bench", [&] { run(parse(argc, argv)); });
}
