// GGUF files: whatever the bytes, a file whose tensors lie within them, a model they fit and a tokenizer, or
// an Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "base/error.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_model.h"
#include "checkpoint/gguf/gguf_tokenizer.h"
#include "checkpoint/readers/model_tensors.h"

namespace {

using namespace ferrum;

void describe(const GgufFile& file) {
  try {
    const TensorTable table(Naming::kGguf, file.tensors(), "fuzz");
    const ModelDescription model = describe_gguf(file.metadata(), table);
    gguf_generation(file.metadata(), model.vocab);
    check_tensors(model, table);
  } catch (const Error&) {  // the one exception allowed
  }
}

void tokenize(const GgufFile& file) {
  try {
    if (const auto tokenizer = load_gguf_tokenizer(file.metadata()))
      for (const TokenId id : tokenizer->encode({"<s>Hello é漢\xFF 12\n", true}))
        check(id >= 0 && id < tokenizer->size(), "a token of the vocabulary");
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto file = GgufFile::parse(bytes, "fuzz");
    for (const HostTensor& t : file->tensors()) {
      check(t.bytes.data() >= bytes.data() && t.bytes.data() + t.bytes.size() <= bytes.data() + bytes.size(),
            "a tensor within the file");
      check_equal(t.bytes.size(), t.rows() * row_bytes(t.format, t.cols()), "bytes of a tensor");
    }
    describe(*file);
    tokenize(*file);
  } catch (const Error&) {
  }
  return 0;
}
