// A real trace, read again: nothing is missing and everything lies where it belongs.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "ferrum/engine.h"
#include "support/files.h"
#include "support/paths.h"

namespace ferrum {
namespace {

using nlohmann::json;

struct Slice {
  std::string name;
  double begin = 0;  // microseconds
  double end = 0;
  json args;

  bool contains(const Slice& other) const {
    return begin <= other.begin + kRounding && other.end <= end + kRounding;
  }
  double length() const { return end - begin; }
  static constexpr double kRounding = 1e-3;
};

struct Trace {
  std::map<std::pair<int, int64_t>, std::vector<Slice>> tracks;  // slices in order, the longer first
  std::map<std::pair<int, int64_t>, std::string> names;

  const std::vector<Slice>& steps() const { return tracks.at({1, 1}); }
  std::vector<Slice> named(const std::string& name) const {
    std::vector<Slice> found;
    for (const Slice& s : steps())
      if (s.name == name) found.push_back(s);
    return found;
  }
};

Trace read_trace(const std::filesystem::path& path) {
  Trace trace;
  const json file = json::parse(test::read_file(path));
  for (const json& e : file["traceEvents"]) {
    const std::pair<int, int64_t> track = {e["pid"], e["tid"]};
    if (e["name"] == "thread_name") trace.names[track] = e["args"]["name"];
    if (e["ph"] != "X") continue;
    const double begin = e["ts"];
    trace.tracks[track].push_back(
        {e["name"], begin, begin + e["dur"].get<double>(), e.value("args", json::object())});
  }
  for (auto& [track, slices] : trace.tracks)
    std::stable_sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
  return trace;
}

// Each slice lies in the one that is open, or behind it.
void expect_nested(const std::vector<Slice>& slices) {
  std::vector<Slice> open;
  for (const Slice& s : slices) {
    while (!open.empty() && open.back().end <= s.begin + Slice::kRounding) open.pop_back();
    if (!open.empty()) {
      EXPECT_TRUE(open.back().contains(s)) << s.name << " in " << open.back().name;
    }
    open.push_back(s);
  }
}

std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

struct Case {
  const char* model;
  int layers;
  std::vector<std::string> of_layer;
};

class Tracing : public ::testing::TestWithParam<Case> {};

// Behind the last attention only the rows that are read out are computed; where none is, only keys and
// values.
std::vector<std::string> of_last_layer(bool reads_out) {
  std::vector<std::string> names = Tracing::GetParam().of_layer;
  const auto behind = std::find(names.begin(), names.end(), "attend") + 1;
  if (!reads_out) names.erase(behind - 1, names.end());
  return names;
}

TEST_P(Tracing, EveryOperationOfEveryStepIsThere) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  auto engine = Engine::load({.model = test::data(std::string("goldens/") + GetParam().model),
                              .threads = 1,
                              .max_sequences = 3,
                              .batch_tokens = 16,
                              .trace = path});
  std::vector<std::unique_ptr<EventStream>> streams;
  for (int i = 0; i < 3; ++i) {
    Request r;
    r.prompt = TokenPrompt{std::vector<int32_t>(static_cast<size_t>(20 + i), 10 + i)};
    r.max_tokens = 5;
    r.choices = i == 2 ? 2 : 1;
    r.end_of_text = Request::EndOfText::kIgnored;
    streams.push_back(engine->submit(std::move(r)));
  }
  for (const auto& stream : streams)
    while (const auto event = stream->next()) EXPECT_FALSE(std::holds_alternative<ErrorEvent>(*event));
  while (engine->stats().finished < 3 || engine->stats().running > 0) {
  }
  const EngineStats stats = engine->stats();
  engine.reset();

  const Trace trace = read_trace(path);
  for (const auto& [track, slices] : trace.tracks) expect_nested(slices);

  const std::vector<Slice> steps = trace.named("step");
  ASSERT_EQ(static_cast<int64_t>(steps.size()), stats.steps);
  double rows = 0, prompt_rows = 0;
  for (const Slice& s : steps) {
    rows += s.args["rows"].get<double>();
    prompt_rows += s.args["rows of prompts"].get<double>();
  }
  EXPECT_EQ(rows, stats.step_tokens.sum());
  EXPECT_GE(prompt_rows, 20 + 21 + 22 - 3);

  // Each step has one forward pass, and that has its layers, and those have their operations.
  const std::vector<Slice> passes = trace.named("forward");
  ASSERT_EQ(passes.size(), steps.size());
  for (size_t i = 0; i < passes.size(); ++i) {
    EXPECT_TRUE(steps[i].contains(passes[i]));
    EXPECT_EQ(passes[i].args["rows"], steps[i].args["rows"]);
    std::vector<std::string> outside;
    std::map<int, std::vector<std::string>> of_layer;
    std::map<int, Slice> layers;
    double operations = 0;
    for (const Slice& s : trace.steps()) {
      if (!passes[i].contains(s) || s.name == "forward") continue;
      if (s.name.starts_with("layer ")) {
        layers[std::stoi(s.name.substr(6))] = s;
        continue;
      }
      operations += s.length();
      EXPECT_GT(s.args["bytes"], 0);
      EXPECT_GT(s.args["GB/s"], 0);
      EXPECT_FALSE(s.args.contains("share of limit")) << "the limit is unknown";
      if (s.args.contains("layer")) {
        const int layer = s.args["layer"];
        ASSERT_TRUE(layers.contains(layer));
        EXPECT_TRUE(layers[layer].contains(s));
        of_layer[layer].push_back(s.name);
      } else {
        outside.push_back(first_word(s.name));
      }
    }
    EXPECT_LE(operations, passes[i].length());
    EXPECT_EQ(static_cast<int>(of_layer.size()), GetParam().layers);
    const bool reads_out = passes[i].args["outputs"] > 0;
    for (const auto& [layer, names] : of_layer)
      EXPECT_EQ(names, layer + 1 < GetParam().layers ? GetParam().of_layer : of_last_layer(reads_out))
          << "layer " << layer;
    std::vector<std::string> expected = {"embed", "norm"};
    if (reads_out) expected.insert(expected.end(), {"gather_rows", "gather_rows", "linear"});
    EXPECT_EQ(outside, expected);
  }

  std::set<std::string> requests;
  for (const auto& [track, slices] : trace.tracks) {
    if (track.first != 2) continue;
    requests.insert(trace.names.at(track));
    std::vector<std::string> phases;
    for (const Slice& s : slices) phases.push_back(s.name);
    if (trace.names.at(track) == "request 2, choice 1")
      EXPECT_EQ(phases.front(), "decode") << "the prompt is the first choice's";
    else
      EXPECT_EQ(phases, (std::vector<std::string>{"queued", "prefill", "decode"}));
    EXPECT_EQ(slices.back().args["generated tokens"], 5);
  }
  EXPECT_EQ(requests,
            (std::set<std::string>{"request 0", "request 1", "request 2, choice 0", "request 2, choice 1"}));
}

INSTANTIATE_TEST_SUITE_P(
    Models, Tracing,
    ::testing::Values(Case{"qwen3",
                           3,
                           {"linear self_attn.q_proj+self_attn.k_proj+self_attn.v_proj", "rope_and_store",
                            "attend", "linear self_attn.o_proj", "add_norm",
                            "expand mlp.gate_proj+mlp.up_proj", "linear mlp.down_proj", "add_norm"}},
                      Case{"qwen3_moe",
                           3,
                           {"linear self_attn.q_proj+self_attn.k_proj+self_attn.v_proj", "rope_and_store",
                            "attend", "linear self_attn.o_proj", "add_norm", "linear mlp.gate", "route",
                            "experts mlp.experts.gate_proj+mlp.experts.up_proj", "add_norm"}}),
    [](const auto& info) { return std::string(info.param.model); });

TEST(TracingPreemption, TheTrackShowsIt) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.json";
  auto engine = Engine::load({.model = test::data("goldens/qwen3"),
                              .threads = 1,
                              .max_context = 64,
                              .max_sequences = 2,
                              .kv_tokens = 64,
                              .trace = path});
  Request r;
  r.prompt = TokenPrompt{std::vector<int32_t>(8, 10)};
  r.choices = 2;  // which begin in one step, so that both are there when the blocks run out
  r.max_tokens = 50;
  r.end_of_text = Request::EndOfText::kIgnored;
  const auto stream = engine->submit(std::move(r));
  while (stream->next()) {
  }
  engine.reset();
  std::vector<std::string> phases;
  const Trace trace = read_trace(path);
  for (const Slice& s : trace.tracks.at({2, 2})) phases.push_back(s.name);
  EXPECT_EQ(phases, (std::vector<std::string>{"decode", "preempted", "prefill", "decode"}));
}

}  // namespace
}  // namespace ferrum
