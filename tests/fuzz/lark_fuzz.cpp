// Any grammar in Lark's notation is compiled or refused, and can be followed where it is compiled.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ferrum::grammar::Spec;
  return ferrum::grammar::fuzz_source({.kind = Spec::Kind::kLark}, data, size);
}
