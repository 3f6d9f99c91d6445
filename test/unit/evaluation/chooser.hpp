// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdlib>
#include <random>

namespace evaluation_test {

/// Random numbers; ALTIUS_SEED gives other ones.
class Chooser {
 public:
  Chooser() : random_(std::getenv("ALTIUS_SEED") == nullptr ? 1U : static_cast<unsigned>(std::atoi(std::getenv("ALTIUS_SEED")))) {}

  int Any(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

 private:
  std::mt19937 random_;
};

/// Under the sanitizers a part has to do; mutate runs without them.
constexpr int Share(int all) {
#ifdef __SANITIZE_ADDRESS__
  return all / 5;
#else
  return all;
#endif
}

}  // namespace evaluation_test
