#include "checkpoint/readers/tokenizer_source.h"

#include "base/error.h"
#include "base/mapped_file.h"
#include "checkpoint/gguf/gguf.h"
#include "checkpoint/gguf/gguf_tokenizer.h"
#include "checkpoint/tokenizer/hf_tokenizer.h"

namespace ferrum {
namespace {

namespace fs = std::filesystem;

// Judged by its name, so that a damaged file gets GGUF's error message, or by its first bytes.
bool is_gguf(const fs::path& file) {
  return file.extension() == ".gguf" ||
         (fs::is_regular_file(file) && MappedFile::open(file)->text().starts_with("GGUF"));
}

std::unique_ptr<const Tokenizer> open_gguf(const fs::path& file) {
  auto tokenizer = load_gguf_tokenizer(GgufFile::open(file)->metadata());
  if (!tokenizer) fail(ErrorCode::kNotFound, "{}: the file has no tokenizer", file.string());
  return tokenizer;
}

}  // namespace

std::unique_ptr<const Tokenizer> open_tokenizer(const fs::path& path) {
  if (!fs::exists(path)) fail(ErrorCode::kNotFound, "{}: no such file or folder", path.string());
  if (is_gguf(path)) return open_gguf(path);
  if (!fs::is_directory(path)) return Tokenizer::make(read_hf_tokenizer_file(path));
  if (auto tokenizer = load_hf_tokenizer(path)) return tokenizer;
  // Of a folder with shards of one file, the first has the tokenizer.
  fs::path first;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".gguf" && (first.empty() || entry.path() < first)) first = entry.path();
  if (first.empty())
    fail(ErrorCode::kNotFound, "{}: no tokenizer.json, tokenizer.model, tekken.json or .gguf file",
         path.string());
  return open_gguf(first);
}

}  // namespace ferrum
