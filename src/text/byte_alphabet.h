// GPT-2's byte alphabet: 256 printable letters, one for each byte, in which byte-level vocabularies are
// written (https://github.com/openai/gpt-2, encoder.py). Printable Latin-1 characters stand for themselves;
// the others are numbered from U+0100.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ferrum::byte_alphabet {

std::string spell(std::string_view bytes);

// The bytes that `letters` spell; nullopt if one of them is not in the alphabet.
std::optional<std::string> read(std::string_view letters);

}  // namespace ferrum::byte_alphabet
