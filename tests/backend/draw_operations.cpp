// Rows of the table: draws of tokens. Results of draws that are void or find a fault are compared as well.
#include <cstring>
#include <limits>

#include "base/random.h"
#include "operations.h"

namespace ferrum::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a case asks for, with 64 draws of 16 rows in groups of one row each.
struct DrawCase {
  std::string name;
  std::function<void(Draw&, int index)> set;
  int edits = 0;  // of each draw
  bool masks = false;
};

std::vector<float> rows_of_logits(int rows, int vocab) {
  std::vector<float> logits(static_cast<size_t>(rows) * static_cast<size_t>(vocab));
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(14 * random_uniform(5, i) * random_uniform(6, i));
  return logits;
}

template <class T>
Tensor structs(Bench& bench, const std::vector<T>& values) {
  const Tensor t = bench.array(static_cast<int>(values.size()), sizeof(T));
  if (!values.empty()) bench.backend().upload(t, std::as_bytes(std::span(values)));
  return t;
}

// A head that gives this many logits: a backend makes room for their draws when it is packed.
void pack_head(Bench& bench, int vocab) {
  bench.weight(RandomWeight(1, 32, {{Format::kF32, vocab}}, false, 1));
}

DrawResults results(Bench& bench, int draws) {
  const DrawResults out = {bench.array(draws, sizeof(Drawn)), bench.tensor(DType::kI32, draws, kMostTop),
                           bench.tensor(DType::kF32, draws, kMostTop)};
  bench.backend().upload(out.drawn, std::vector<std::byte>(static_cast<size_t>(draws) * sizeof(Drawn)));
  for (const Tensor& t : {out.top_ids, out.top_logprobs})
    bench.backend().upload(t, std::vector<std::byte>(static_cast<size_t>(draws) * kMostTop * 4));
  return out;
}

void add_outputs(Bench& bench, const DrawResults& out, Tensor logits) {
  bench.add_output(tokens_of(out.drawn));
  bench.add_output(logprobs_of(out.drawn));
  bench.add_output(out.top_ids);
  bench.add_output(out.top_logprobs);
  bench.add_output(logits);
}

void prepare(Bench& bench, const DrawCase& c, int vocab) {
  constexpr int kRows = 16, kDraws = 64;
  std::vector<Draw> draws(kDraws);
  std::vector<LogitEdit> edits;
  std::vector<int32_t> groups = {0};
  for (int i = 0; i < kDraws; ++i) {
    Draw& draw = draws[static_cast<size_t>(i)];
    draw = {
        .seed = 17, .position = static_cast<uint64_t>(i), .bound = 6, .row = i / (kDraws / kRows), .top = 5};
    draw.first_edit = static_cast<int32_t>(edits.size());
    draw.edits = std::min(c.edits, vocab - 1);
    for (int e = 0; e < draw.edits; ++e) {
      LogitEdit edit = {.id = (i + 7 * e) % vocab};
      if (e % 4 == 0) edit.add = e % 8 == 0 ? -kInfinity : 2.5f;
      if (e % 3 == 0) edit.repetition = 1.5f;
      if (e % 2 == 0) edit.occurrence = 0.3f * static_cast<float>(e);
      if (e % 5 == 0) edit.dry = 1.25f;
      edits.push_back(edit);
    }
    if (c.masks) draw.mask = i % 2;
    if (c.set) c.set(draw, i);
    if ((i + 1) % (kDraws / kRows) == 0) groups.push_back(i + 1);
  }
  pack_head(bench, vocab);
  const int words = (vocab + 31) / 32;
  std::vector<int32_t> masks(static_cast<size_t>(2 * words));
  for (size_t i = 0; i < masks.size(); ++i) masks[i] = static_cast<int32_t>(random_bits(11, i) | 1);
  const Tensor logits = bench.floats(rows_of_logits(kRows, vocab), kRows);
  const Draws in = {structs(bench, draws), bench.integers(groups, static_cast<int>(groups.size())),
                    structs(bench, edits), bench.integers(masks, 2)};
  const DrawResults out = results(bench, kDraws);
  add_outputs(bench, out, logits);
  bench.set_run([&bench, out, logits, in] { bench.backend().draw(out, logits, in, 0); });
}

std::vector<DrawCase> cases() {
  const auto chain = [](auto set) { return [set](Draw& draw, int) { set(draw.chain); }; };
  return {
      {"plain", chain([](Chain& c) { c.temperature = 0.8f; })},
      {"greedy", chain([](Chain& c) { c.temperature = 0; })},
      {"top_k", chain([](Chain& c) { c.top_k = 20; })},
      {"top_p", chain([](Chain& c) { c.top_p = 0.9f; })},
      {"min_p", chain([](Chain& c) { c.min_p = 0.1f; })},
      {"typical", chain([](Chain& c) { c.typical_p = 0.7f; })},
      {"xtc", chain([](Chain& c) {
         c.xtc_probability = 0.5f;
         c.xtc_threshold = 0.02f;
       })},
      {"all_filters", chain([](Chain& c) {
         c = {.temperature = 0.9f,
              .top_k = 80,
              .typical_p = 0.95f,
              .top_p = 0.95f,
              .min_p = 0.01f,
              .xtc_probability = 0.4f,
              .xtc_threshold = 0.05f};
       })},
      {"mirostat_1", chain([](Chain& c) { c.mirostat = 1, c.mirostat_tau = 4, c.mirostat_eta = 0.1f; })},
      {"mirostat_2", chain([](Chain& c) { c.mirostat = 2, c.mirostat_tau = 4, c.mirostat_eta = 0.1f; })},
      {"edits", chain([](Chain& c) { c.top_k = 30; }), 25},
      {"masks", chain([](Chain& c) { c.top_p = 0.95f; }), 0, true},
      {"edits_and_masks", chain([](Chain& c) { c.temperature = 0; }), 9, true},
      {"given", [](Draw& draw, int i) { draw.given = i % 30; }},
  };
}

// Three chains of draws that stand on each other; one of them breaks.
void prepare_chains(Bench& bench) {
  constexpr int kRows = 12, kVocab = 300, kChain = 4;
  pack_head(bench, kVocab);
  std::vector<float> values = rows_of_logits(kRows, kVocab);
  std::vector<Draw> draws(kRows);
  std::vector<int32_t> groups = {0};
  for (int i = 0; i < kRows; ++i) {
    Draw& draw = draws[static_cast<size_t>(i)];
    draw = {.seed = 3, .position = static_cast<uint64_t>(i), .bound = 5, .row = i, .top = 3};
    draw.chain = {.mirostat = 2, .mirostat_tau = 3, .mirostat_eta = 0.3f};
    if (i % kChain > 0) {
      draw.after = i - 1;
      draw.expected = 40 + i - 1;
      if (i != 6) values[static_cast<size_t>((i - 1) * kVocab + draw.expected)] = 60;  // certain to be drawn
    }
    if ((i + 1) % kChain == 0) groups.push_back(i + 1);
  }
  const Tensor logits = bench.floats(values, kRows);
  const Draws in = {structs(bench, draws),
                    bench.integers(groups, static_cast<int>(groups.size())),
                    structs(bench, std::vector<LogitEdit>()),
                    {}};
  const DrawResults out = results(bench, kRows);
  bench.add_output(states_of(out.drawn));
  add_outputs(bench, out, logits);
  bench.set_run([&bench, out, logits, in] { bench.backend().draw(out, logits, in, 0); });
}

// Rows with NaN and infinities, and rows of which edits leave nothing.
void prepare_faults(Bench& bench) {
  pack_head(bench, 4);
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> rows = {{1, nan, 2, 0},
                                                {1, kInfinity, 0, 0},
                                                {1, 2, 3, 4},
                                                {2, 1, 3, 0},
                                                {-kInfinity, -kInfinity, -kInfinity, -kInfinity}};
  std::vector<float> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  std::vector<LogitEdit> edits;
  for (int id = 0; id < 4; ++id) edits.push_back({.id = id, .add = -kInfinity});
  std::vector<Draw> draws;
  std::vector<int32_t> groups = {0};
  for (int row = 0; row < 5; ++row) {
    draws.push_back({.seed = 1, .row = row});
    draws.push_back({.seed = 1, .row = row, .given = 2, .top = 0});
    draws.push_back({.seed = 1, .row = row, .first_edit = 0, .edits = 4});
    groups.push_back(static_cast<int32_t>(draws.size()));
  }
  const auto count = static_cast<int>(draws.size());
  const Draws in = {structs(bench, draws),
                    bench.integers(groups, static_cast<int>(groups.size())),
                    structs(bench, edits),
                    {}};
  const DrawResults out = results(bench, count);
  const Tensor logits = bench.floats(values, 5);
  bench.add_output(states_of(out.drawn));
  bench.add_output(tokens_of(out.drawn));
  bench.set_run([&bench, out, logits, in] { bench.backend().draw(out, logits, in, 0); });
}

}  // namespace

std::vector<Operation> draw_operations() {
  std::vector<Operation> all;
  for (const DrawCase& c : cases())
    for (const int vocab : {33, 1000})
      all.push_back({fmt::format("draw/{}/{}", c.name, vocab), Agreement::kRounded,
                     [=](Bench& bench) { prepare(bench, c, vocab); }});
  all.push_back({"draw/chains", Agreement::kRounded, prepare_chains});
  all.push_back({"draw/faults", Agreement::kExact, prepare_faults});
  return all;
}

}  // namespace ferrum::test
