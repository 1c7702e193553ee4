#include "cli/confirm.h"

#include <cstdio>
#include <iostream>

#include "cli/notes.h"

namespace ferrum::cli {

bool confirm(const std::string& question, DefaultAnswer default_answer) {
  note("{} {} ", question, default_answer == DefaultAnswer::kYes ? "[Y/n]" : "[y/N]");
  std::fflush(stderr);
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    note("\n");
    return false;
  }
  if (answer.empty()) return default_answer == DefaultAnswer::kYes;
  return answer.front() == 'y' || answer.front() == 'Y';
}

}  // namespace ferrum::cli
