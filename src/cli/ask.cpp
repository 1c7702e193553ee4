#include "cli/ask.h"

#include <fmt/core.h>

#include <cstdio>
#include <iostream>

namespace ferrum::cli {

bool says_yes(const std::string& question, Otherwise otherwise) {
  fmt::print(stderr, "{} {} ", question, otherwise == Otherwise::kYes ? "[Y/n]" : "[y/N]");
  std::fflush(stderr);
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    fmt::print(stderr, "\n");
    return false;
  }
  if (answer.empty()) return otherwise == Otherwise::kYes;
  return answer.front() == 'y' || answer.front() == 'Y';
}

}  // namespace ferrum::cli
