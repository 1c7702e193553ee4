#include "engine/what_fits.h"

#include <gtest/gtest.h>

#include "engine/memory_plan.h"
#include "support/errors.h"
#include "support/paths.h"

namespace ferrum {
namespace {

class WhatFitsTest : public testing::Test {
 protected:
  uint64_t needed(int context, const char* kv_dtype) const {
    EngineOptions o = options_;
    o.max_context = context;
    o.kv_dtype = kv_dtype;
    return memory_plan(*checkpoint_, runner_options(o, checkpoint_->model()), DeviceMemory{}).total();
  }
  std::string said(uint64_t free) const {
    return remedies_text(what_fits(*checkpoint_, options_, {.free = free}), options_, options_.max_context);
  }

  std::unique_ptr<Checkpoint> checkpoint_ =
      Checkpoint::open(std::filesystem::path(FERRUM_SOURCE_DIR) / "models" / "demo-dense.gguf");
  EngineOptions options_ = {.max_context = 512, .batch_tokens = 16};
};

TEST_F(WhatFitsTest, TheLongestContextIsTheOneThatTheNumbersAllow) {
  const WhatFits fits = what_fits(*checkpoint_, options_, {.free = needed(512, "f16") - 1});
  EXPECT_EQ(fits.context, 480);  // of a context of 512, in steps of 32
  EXPECT_LE(needed(fits.context, "f16"), needed(512, "f16") - 1);
  EXPECT_GT(needed(fits.context + 32, "f16"), needed(512, "f16") - 1);
  EXPECT_EQ(fits.int8_context, 512);
  EXPECT_EQ(said(needed(512, "f16") - 1).substr(0, 57),
            "what fits: --max-context 480; --kv-dtype int8; a file of ");
}

TEST_F(WhatFitsTest, AShorterContextMayNeedInt8AsWell) {
  const uint64_t free = needed(320, "int8");
  const WhatFits fits = what_fits(*checkpoint_, options_, {.free = free});
  EXPECT_EQ(fits.int8_context, 320);
  EXPECT_LT(fits.context, 320);
  EXPECT_NE(said(free).find("--kv-dtype int8 --max-context 320"), std::string::npos) << said(free);
  options_.kv_dtype = "int8";
  EXPECT_EQ(what_fits(*checkpoint_, options_, {.free = free}).int8_context, 0);
  EXPECT_EQ(what_fits(*checkpoint_, options_, {.free = free}).context, 320);
}

TEST_F(WhatFitsTest, WhereTheWeightsAreTooLargeASmallerTypeMayDo) {
  const uint64_t cache = needed(512, "f16") - checkpoint_->bytes();
  const uint64_t q8 = weights_as(FileType::kQ8_0, *checkpoint_);
  const uint64_t q4 = weights_as(FileType::kQ4_K_M, *checkpoint_);
  EXPECT_LT(q4, q8);
  EXPECT_LT(q8, checkpoint_->bytes());
  WhatFits fits = what_fits(*checkpoint_, options_, {.free = q8 + cache});
  EXPECT_EQ(fits.context, 0);
  EXPECT_EQ(fits.int8_context, 0);
  EXPECT_EQ(fits.type, "Q8_0");
  EXPECT_EQ(fits.type_weights, q8);
  fits = what_fits(*checkpoint_, options_, {.free = q4 + cache});
  EXPECT_EQ(fits.type, "Q4_K_M");
  EXPECT_EQ(what_fits(*checkpoint_, options_, {.free = q8 + cache}, q8 - q4).type, "Q4_K_M")
      << "beside another model";
  EXPECT_EQ(said(1000), "no context and no type of this model fits: a smaller model may");
}

// Bits that a file of the same type as the model's own would have.
TEST_F(WhatFitsTest, AFileOfTheSameTypeHasTheSameBytes) {
  EXPECT_EQ(weights_as(FileType::kBF16, *checkpoint_), checkpoint_->bytes());
}

// The largest settings that are allowed give exact numbers, and larger ones are refused: nothing wraps
// around.
TEST_F(WhatFitsTest, N13_SettingsNeverWrapAround) {
  const ModelDescription& model = checkpoint_->model();
  const auto plan = [&](int kv_tokens) {
    EngineOptions o = options_;
    o.kv_tokens = kv_tokens;
    return memory_plan(*checkpoint_, runner_options(o, model), DeviceMemory{});
  };
  const uint64_t kv_of_a_token = (plan(1 << 20).kv - plan(1 << 19).kv) >> 19;
  for (const int sequences : {1, 7, 4096}) {
    options_.max_sequences = sequences;
    const int64_t largest = (int64_t{INT32_MAX} / 16 - (sequences - 1)) * 16;
    EXPECT_EQ(plan(static_cast<int>(largest)).kv,
              kv_of_a_token * static_cast<uint64_t>(largest + int64_t{16} * (sequences - 1)));
    for (const int64_t more : {largest + 1, int64_t{INT32_MAX}})
      test::expect_error(ErrorCode::kBadArgument, {"kv_tokens must be at most", std::to_string(largest)},
                         [&] { plan(static_cast<int>(more)); });
  }
  for (const int bad : {0, -1, 4097, INT32_MAX}) {
    options_.max_sequences = bad;
    test::expect_error(ErrorCode::kBadArgument, {"max_sequences must be from 1 to 4096"},
                       [&] { plan(1 << 20); });
  }
  options_.max_sequences = 1;
  for (const int bad : {0, -1, 65537, INT32_MAX}) {
    options_.batch_tokens = bad;
    test::expect_error(ErrorCode::kBadArgument, {"batch_tokens must be from 1 to 65536"},
                       [&] { plan(1 << 20); });
  }
}

}  // namespace
}  // namespace ferrum
