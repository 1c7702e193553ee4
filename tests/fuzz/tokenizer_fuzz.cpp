// Tokenizer files of every kind: whatever the bytes, a tokenizer that encodes any text into its own tokens
// and gives bytes for each, or an Error.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/tokenizer/sentencepiece_model.h"
#include "checkpoint/tokenizer/tiktoken_model.h"
#include "checkpoint/tokenizer/tokenizer_config.h"
#include "checkpoint/tokenizer/tokenizer_json.h"
#include "text/tokenizer.h"

namespace {

using namespace ferrum;

void use(TokenizerSpec spec) {
  const auto tokenizer = Tokenizer::make(std::move(spec));
  const std::array<TextSpan, 3> spans = {
      {{"<s>Hello\n  world 123 ", true}, {"é漢\xFF </s> ", false}, {"ab", true}}};
  const std::vector<TokenId> ids = tokenizer->encode(spans);
  for (const TokenId id : ids) check(id >= 0 && id < tokenizer->size(), "a token of the vocabulary");
  check(utf8::is_valid(tokenizer->decode(ids, true)), "whole characters");
}

template <class Read>
void attempt(const Read& read) {
  try {
    use(read());
  } catch (const Error&) {  // the one exception allowed
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  attempt([&] { return read_tokenizer_json(bytes, "fuzz"); });
  attempt([&] { return read_tekken_json(bytes, "fuzz"); });
  attempt([&] { return read_sentencepiece_model(bytes, "fuzz"); });
  attempt([&] { return read_tiktoken_model(bytes, "fuzz"); });
  attempt([&] {
    TokenizerSpec spec = read_tiktoken_model("YQ== 0\nYg== 1\nYWI= 2\n", "known");
    apply_tokenizer_config(bytes, "fuzz", spec);
    return spec;
  });
  return 0;
}
