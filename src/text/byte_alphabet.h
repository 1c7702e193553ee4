// GPT-2's byte alphabet: 256 printable letters, one for each byte, that byte-level vocabularies are written
// in (https://github.com/openai/gpt-2, encoder.py). Printable Latin-1 stands for itself, the rest from U+0100
// on.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::byte_alphabet {

std::string spell(std::string_view bytes);

// The bytes that `letters` spell; nothing if some of them are not of the alphabet.
std::optional<std::string> read(std::string_view letters);

}  // namespace ferrum::byte_alphabet
