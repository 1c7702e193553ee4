// The CPU backend on every instruction set of this machine, against the reference and against itself.
#include "backend/cpu/cpu_backend.h"

#include <gtest/gtest.h>

#include <map>

#include "backend/reference/reference_backend.h"
#include "base/error.h"
#include "operations.h"

namespace ferrum::test {
namespace {

using cpu::Activations;
using Outputs = std::vector<std::vector<float>>;

Outputs results(Backend& backend, const Operation& operation) {
  Bench bench(backend);
  operation.prepare(bench);
  bench.run();
  return bench.outputs();
}

const std::map<std::string, Outputs>& reference_results() {
  static const std::map<std::string, Outputs> results_by_name = [] {
    std::map<std::string, Outputs> all;
    ReferenceBackend reference;
    for (const Operation& operation : all_operations()) all[operation.name] = results(reference, operation);
    return all;
  }();
  return results_by_name;
}

class CpuBackendOn : public testing::TestWithParam<Isa> {
 protected:
  CpuOptions options(int threads, Activations activations = Activations::kInt8) const {
    return {.threads = threads, .isa = GetParam(), .activations = activations};
  }
};

TEST_P(CpuBackendOn, AgreesWithTheReferenceInFloat32) {
  CpuBackend backend(options(2, Activations::kFloat32));
  for (const Operation& operation : all_operations()) {
    const Agreement agreement =
        operation.agreement == Agreement::kQuantized ? Agreement::kRounded : operation.agreement;
    EXPECT_EQ(disagreement(reference_results().at(operation.name), results(backend, operation), agreement),
              "")
        << operation.name << " on " << backend.name();
  }
}

TEST_P(CpuBackendOn, AgreesWithTheReferenceInInt8) {
  CpuBackend backend(options(2));
  for (const Operation& operation : all_operations())
    EXPECT_EQ(disagreement(reference_results().at(operation.name), results(backend, operation),
                           operation.agreement),
              "")
        << operation.name << " on " << backend.name();
}

TEST_P(CpuBackendOn, GivesTheSameBitsWhateverTheNumberOfThreads) {
  for (const Activations activations : {Activations::kInt8, Activations::kFloat32}) {
    CpuBackend one(options(1, activations));
    CpuBackend two(options(2, activations));
    CpuBackend three(options(3, activations));
    CpuBackend five(options(5, activations));
    for (const Operation& operation : all_operations()) {
      const Outputs expected = results(one, operation);
      EXPECT_EQ(results(two, operation), expected) << operation.name;
      EXPECT_EQ(results(three, operation), expected) << operation.name;
      EXPECT_EQ(results(five, operation), expected) << operation.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, CpuBackendOn, testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace ferrum::test
