// Wrong uses of the driver, and devices that cannot be used: each is found, and named.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backend/cuda/driver/device.h"
#include "base/error.h"
#include "emulator.h"
#include "planted.h"
#include "stand_in_driver.h"

namespace {

using namespace gpu::emulated;
using namespace ferrum::cuda;

const void* const kImages[] = {""};

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const ferrum::Error& error) {
    return error.what();
  }
  return "no error";
}

// A device, and what the planted kernels work on.
class DriverFaults : public testing::Test {
 protected:
  DevicePointer numbers(int count) {
    const DevicePointer p = device.allocate(static_cast<size_t>(count) * 4);
    const std::vector<float> ones(static_cast<size_t>(count), 1.0f);
    device.check(driver().cuMemcpyHtoDAsync_v2(p, ones.data(), ones.size() * 4, device.stream()), "copying");
    return p;
  }
  const Driver& driver() const { return device.driver(); }
  void sum(DevicePointer out, DevicePointer x) {
    const planted::Params p = {reinterpret_cast<float*>(out),
                               reinterpret_cast<const float*>(x),
                               nullptr,
                               nullptr,
                               128,
                               planted::kSumRight};
    device.launch("planted_sum", {1, 1, 1}, 128, 48, &p);
  }

  Device device{stand_in_driver(), 0, kImages};
};

TEST_F(DriverFaults, WorkIsDoneInOrderWhenThereIsAWait) {
  const DevicePointer x = numbers(128), out = device.allocate(4);
  sum(out, x);
  EXPECT_EQ(stand_in_counts().launches, 0);
  float result = 0;
  device.check(driver().cuMemcpyDtoHAsync_v2(&result, out, 4, device.stream()), "copying");
  device.synchronize();
  EXPECT_EQ(result, 128);
  EXPECT_EQ(stand_in_counts().launches, 1);
  device.release(x);
  device.release(out);
}

TEST_F(DriverFaults, AMissingWaitShowsInWhatIsRead) {
  const DevicePointer x = numbers(128), out = device.allocate(4);
  auto* const result = static_cast<float*>(device.allocate_pinned(4));
  sum(out, x);
  device.check(driver().cuMemcpyDtoHAsync_v2(result, out, 4, device.stream()), "copying");
  EXPECT_TRUE(std::isnan(*result));
  Event event = nullptr;
  device.check(driver().cuEventCreate(&event, kWithoutTiming), "making an event");
  device.check(driver().cuEventRecord(event, device.stream()), "recording");
  device.check(driver().cuEventSynchronize(event), "waiting");
  EXPECT_EQ(*result, 128);
  driver().cuEventDestroy_v2(event);
  device.release_pinned(result);
  device.release(x);
  device.release(out);
}

TEST_F(DriverFaults, APinnedBufferThatIsUsedAgainTooEarly) {
  auto* const staged = static_cast<float*>(device.allocate_pinned(8));
  const DevicePointer p = device.allocate(8);
  staged[0] = staged[1] = 1;
  device.check(driver().cuMemcpyHtoDAsync_v2(p, staged, 8, device.stream()), "copying");
  staged[1] = 2;
  const std::string error = error_of([&] { device.synchronize(); });
  EXPECT_NE(error.find("pinned memory was changed before it had been copied"), std::string::npos) << error;
  EXPECT_EQ(error_of([&] { device.synchronize(); }), error) << "nothing goes on after that";
  device.release_pinned(staged);
  device.release(p);
}

TEST_F(DriverFaults, AnAllocationWhileAStreamIsCaptured) {
  device.check(driver().cuStreamBeginCapture_v2(device.stream(), kCaptureOfThisThread), "capturing");
  EXPECT_NE(error_of([&] { device.allocate(4); }).find("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"),
            std::string::npos);
  Graph graph = nullptr;
  device.check(driver().cuStreamEndCapture(device.stream(), &graph), "capturing");
  driver().cuGraphDestroy(graph);
}

TEST_F(DriverFaults, AnOperandThatIsFreedBeforeItsGraphIsReplayed) {
  const DevicePointer x = numbers(128), out = device.allocate(4);
  device.synchronize();
  device.check(driver().cuStreamBeginCapture_v2(device.stream(), kCaptureOfThisThread), "capturing");
  sum(out, x);
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  device.check(driver().cuStreamEndCapture(device.stream(), &graph), "capturing");
  device.check(driver().cuGraphInstantiateWithFlags(&exec, graph, 0), "making a graph");
  for (int i = 0; i < 2; ++i) {
    device.check(driver().cuGraphLaunch(exec, device.stream()), "replaying");
    device.synchronize();
  }
  EXPECT_EQ(stand_in_counts().launches, 2);
  device.release(x);
  device.check(driver().cuGraphLaunch(exec, device.stream()), "replaying");
  const std::string error = error_of([&] { device.synchronize(); });
  EXPECT_NE(error.find("out of bounds"), std::string::npos) << error;
  EXPECT_NE(error.find("planted_sum"), std::string::npos) << error;
  driver().cuGraphExecDestroy(exec);
  driver().cuGraphDestroy(graph);
  device.release(out);
}

TEST_F(DriverFaults, MoreMemoryThanTheDeviceHas) {
  EXPECT_EQ(error_of([&] { device.allocate(size_t{1} << 40); }),
            "not enough memory on emulated GPU: 1099511627776 bytes needed, " +
                std::to_string(device.free_bytes()) + " bytes free");
}

TEST_F(DriverFaults, AKernelThatIsNotThere) {
  EXPECT_NE(error_of([&] {
              device.launch("nonsense", {}, 32, 0, nullptr);
            }).find("finding the kernel nonsense failed"),
            std::string::npos);
}

TEST(DriverLibrary, OneThatIsMissingOrLacksACallIsNamed) {
  EXPECT_NE(
      error_of([] { load_driver("libcuda-that-is-not-there.so"); }).find("libcuda-that-is-not-there.so"),
      std::string::npos);
  const std::string error = error_of([] { load_driver("libc.so.6"); });
  EXPECT_EQ(error, "the NVIDIA driver is too old: libc.so.6 has no cuInit, which came with CUDA 12.0");
}

TEST(DriverLibrary, DevicesThatCannotBeUsed) {
  const auto error = [](const StandIn& device, int number = 0) {
    return error_of([&] { Device(stand_in_driver(device), number, kImages); });
  };
  EXPECT_EQ(error({.devices = 0}), "there is an NVIDIA driver here, and no GPU");
  EXPECT_EQ(error({}, 1), "there is no device 1: the GPUs here are 0 to 0");
  EXPECT_EQ(error({.version = 11080}),
            "the NVIDIA driver is too old: it is for CUDA 11.8, and 12.0 is needed");
  EXPECT_EQ(error({.capability = 75}), "emulated GPU has compute capability 7.5, and 8.0 is needed");
  EXPECT_NE(error_of([] { Device(stand_in_driver(), 0, {}); }).find("this build has no device code"),
            std::string::npos);
}

}  // namespace
