// Expecting a part of a text; shows all of it where it is missing.
#pragma once
#include <gtest/gtest.h>

#include <string>

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
