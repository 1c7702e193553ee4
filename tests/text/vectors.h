// The tokenizer vectors of shared/tokenizers/vectors: texts separated by a line __ggml_vocab_test__, and a
// line of ids for each.
#pragma once
#include <sstream>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/paths.h"
#include "text/token.h"

namespace ferrum::test {

struct Vector {
  std::string text;
  std::vector<TokenId> ids;
};

inline std::vector<Vector> read_vectors(const std::string& name) {
  const std::string texts = read_file(shared("tokenizers/vectors/" + name + ".inp"));
  std::istringstream lines(read_file(shared("tokenizers/vectors/" + name + ".out")));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<Vector> vectors;
  std::string line;
  for (size_t from = 0; std::getline(lines, line);) {
    const size_t end = texts.find(separator, from);
    Vector vector;
    vector.text = texts.substr(from, end - from);
    std::istringstream numbers(line);
    for (TokenId id = 0; numbers >> id;) vector.ids.push_back(id);
    vectors.push_back(std::move(vector));
    from = end == std::string::npos ? texts.size() : end + separator.size();
  }
  return vectors;
}

}  // namespace ferrum::test
