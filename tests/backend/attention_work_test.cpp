// The division of attention's work: everything once, in order, evenly.
#include "backend/cpu/attention_work.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "backend/cpu/attention_memory.h"
#include "backend/reference/reference_backend.h"
#include "block_step.h"

namespace ferrum::test {
namespace {

using cpu::AttentionItem;
using cpu::AttentionMemory;
using cpu::AttentionWork;

struct Setting {
  HeadShape heads;
  int window;
  std::vector<SequencePart> sequences;  // without blocks
  bool chunked = false;
};

std::vector<Setting> settings() {
  return {
      {{16, 8, 128}, 0, {{0, 512, {}}}},
      {{16, 8, 128}, 0, {{16383, 1, {}}}},
      {{8, 1, 128}, 0, {{100000, 1, {}}}},
      {{32, 8, 64}, 4096, {{20000, 1, {}}, {0, 700, {}}, {3, 1, {}}}},
      {{4, 2, 16}, 0, {{0, 0, {}}, {5, 3, {}}, {9, 0, {}}}},
      {{130, 1, 256}, 0, {{600, 30, {}}}},
      {{128, 1, 64, 512, true}, 0, {{3000, 1, {}}}},
      {{32, 8, 128}, 0, std::vector<SequencePart>(40, {700, 1, {}})},
      {{32, 8, 64}, 1000, {{20000, 1, {}}, {0, 2500, {}}, {990, 11, {}}}, true},
  };
}

Step step_of(Bench& bench, const Setting& setting) {
  std::vector<SequencePart> parts = setting.sequences;
  for (SequencePart& part : parts) part.blocks.assign(1, 0);
  return make_step(bench, 1 << 20, parts);  // one block holds everything
}

TEST(AttentionWork, EachPartitionOfEachHeadOnceAndInOrder) {
  ReferenceBackend backend;
  for (const Setting& setting : settings()) {
    for (const int workers : {1, 2, 3, 5, 16, 64}) {
      Bench bench(backend);
      const Step step = step_of(bench, setting);
      AttentionLayer layer;
      layer.heads = setting.heads;
      layer.window = setting.window;
      layer.chunked = setting.chunked;
      const AttentionWork work(step, layer, AttentionMemory::limits(setting.heads), workers);
      std::map<std::tuple<int, int, int>, int64_t> next;  // query, kv head, head -> partition that comes next
      for (int w = 0; w < workers; ++w) {
        int parts = 0;
        bool continued = false;
        work.each_part(w, [&](const AttentionItem& item, Range partitions) {
          EXPECT_FALSE(continued) << "only the last part may be continued by another worker";
          const bool owned = partitions.begin == item.partitions.begin;
          EXPECT_TRUE(owned || parts == 0) << "only the first part may belong to another's item";
          continued = partitions.end < item.partitions.end;
          ++parts;
          for (int q = 0; q < item.queries; ++q) {
            for (int g = 0; g < item.kv_heads; ++g) {
              for (int h = 0; h < item.heads; ++h) {
                auto [at, fresh] = next.try_emplace(
                    {item.first_query + q, item.kv_head + g, item.first_head + h}, item.partitions.begin);
                EXPECT_EQ(at->second, partitions.begin);
                at->second = partitions.end;
                if (partitions.end == item.partitions.end) {
                  EXPECT_GT(partitions.end * cpu::kPartition, item.position + q);
                }
              }
            }
          }
          const int first = setting.chunked      ? item.position / setting.window * setting.window
                            : setting.window > 0 ? std::max(0, item.position - setting.window + 1)
                                                 : 0;
          if (setting.chunked) {
            EXPECT_LE(item.position + item.queries, first + setting.window) << "one chunk";
          }
          EXPECT_EQ(item.partitions.begin, first / cpu::kPartition);
          EXPECT_LE(item.rows(), AttentionMemory::limits(setting.heads).rows);
        });
      }
      EXPECT_EQ(next.size(),
                static_cast<size_t>(step.shape.tokens) * static_cast<size_t>(setting.heads.q_heads));
    }
  }
}

TEST(AttentionWork, OneLongDecodeKeepsEveryWorkerBusy) {
  ReferenceBackend backend;
  Bench bench(backend);
  const Step step = step_of(bench, {{8, 1, 128}, 0, {{32767, 1, {}}}});
  AttentionLayer layer;
  layer.heads = {8, 1, 128};
  for (const int workers : {2, 8, 16}) {
    const AttentionWork work(step, layer, AttentionMemory::limits(layer.heads), workers);
    for (int w = 0; w < workers; ++w) {
      int64_t partitions = 0;
      work.each_part(w, [&](const AttentionItem&, Range part) { partitions += part.size(); });
      EXPECT_NEAR(static_cast<double>(partitions), 64.0 / workers, 1) << w << " of " << workers;
    }
  }
}

}  // namespace
}  // namespace ferrum::test
