#include "checkpoint/file_kind.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"

namespace ferrum {
namespace {

struct Signature {
  std::string_view prefix;
  std::string_view meaning;
};

constexpr std::array kSignatures = {
    Signature{"version https://git-lfs",
              "a Git LFS pointer: the file itself was not fetched, only its address"},
    Signature{"<!DOCTYPE", "an HTML page: perhaps an error page that was saved in place of the file"},
    Signature{"<!doctype", "an HTML page: perhaps an error page that was saved in place of the file"},
    Signature{"<html", "an HTML page: perhaps an error page that was saved in place of the file"},
    Signature{"<?xml", "an XML document: perhaps an error message that was saved in place of the file"},
    Signature{"PK\x03\x04", "a ZIP archive, as PyTorch's pickle files are"},
    Signature{"\x80\x02", "a Python pickle"},
    Signature{"\x1f\x8b", "a gzip archive"},
    Signature{"GGUF", "a GGUF file"},
    Signature{"FUGG", "a GGUF file of the other byte order"},
    Signature{"tjgg", "a GGJT file, the format before GGUF: convert the model again"},
    Signature{"lmgg", "a GGML file, the format before GGUF: convert the model again"},
    Signature{"{", "a JSON document"},
};

}  // namespace

std::string looks_like(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Signature& s : kSignatures)
    if (text.starts_with(s.prefix)) return std::string(s.meaning);
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  const auto head = bytes.first(std::min<size_t>(bytes.size(), 4096));
  if (std::all_of(head.begin(), head.end(), is_zero))
    return "zeros: perhaps a download that was not finished";
  if (text.size() > 16 && text[8] == '{') return "a safetensors file";
  return "bytes that begin with " + in_quotes(text.substr(0, 16));
}

}  // namespace ferrum
