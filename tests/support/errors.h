// Expecting an Error with a code and words that its message must have.
#pragma once
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferrum::test {

template <class Body>
void expect_error(ErrorCode code, std::initializer_list<std::string_view> words, Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(name_of(e.code()), name_of(code)) << e.what();
    for (const std::string_view word : words)
      EXPECT_NE(std::string_view(e.what()).find(word), std::string_view::npos)
          << "no \"" << word << "\" in: " << e.what();
    return;
  }
  ADD_FAILURE() << "no error where " << name_of(code) << " was expected";
}

}  // namespace ferrum::test
