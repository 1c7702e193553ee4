#include "backend/cuda/driver/device.h"

#include "backend/device_report.h"

namespace ferrum::cuda {

Device::Device(const Driver& driver, int number, std::span<const void* const> images) : driver_(driver) {
  if (images.empty())
    fail(
        ErrorCode::kUnsupported,
        "this build has no device code; ./dev build compiles it where nvcc of the CUDA toolkit is installed");
  const Result begun = driver_.cuInit(0);
  int version = 0, count = 0;
  if (begun == kSuccess) check(driver_.cuDriverGetVersion(&version), "asking for the driver's version");
  if (begun == kSuccess && version < kLeastDriverVersion)
    fail(ErrorCode::kUnsupported, "the NVIDIA driver is too old: it is for CUDA {}.{}, and {}.{} is needed",
         version / 1000, version % 1000 / 10, kLeastDriverVersion / 1000, kLeastDriverVersion % 1000 / 10);
  if (begun == kNoDevice || (begun == kSuccess && driver_.cuDeviceGetCount(&count) == kSuccess && count == 0))
    fail(ErrorCode::kUnsupported, "there is an NVIDIA driver here, and no GPU");
  check(begun, "starting the driver");
  if (number < 0 || number >= count)
    fail(ErrorCode::kBadArgument, "there is no device {}: the GPUs here are 0 to {}", number, count - 1);
  check(driver_.cuDeviceGet(&device_, number), "choosing a device");
  char name[128] = {};
  check(driver_.cuDeviceGetName(name, sizeof name - 1, device_), "asking for a device's name");
  name_ = name;
  const auto attribute = [&](DeviceAttribute which) {
    int value = 0;
    check(driver_.cuDeviceGetAttribute(&value, which, device_), "asking for a device's properties");
    return value;
  };
  capability_ = attribute(kCapabilityMajor) * 10 + attribute(kCapabilityMinor);
  shared_bytes_ = attribute(kSharedBytesOfBlock);
  multiprocessors_ = attribute(kMultiprocessors);
  int clock = 0, width = 0;  // not of every driver
  if (driver_.cuDeviceGetAttribute(&clock, kMemoryClock, device_) == kSuccess &&
      driver_.cuDeviceGetAttribute(&width, kMemoryWidth, device_) == kSuccess)
    read_bandwidth_ = 2e3 * clock * width / 8;  // at both edges of the clock
  // Of a multiprocessor in one cycle, by the white papers of A100 and H100. Where one capability stands for
  // cards of different widths, as 8.6 and 8.9 do, there is no answer.
  const double in_cycle = capability_ == 80 ? 2048 : capability_ == 90 ? 4096 : 0;
  if (driver_.cuDeviceGetAttribute(&clock, kClock, device_) == kSuccess)
    operations_ = 1e3 * clock * multiprocessors_ * in_cycle;
  if (capability_ < 80)
    fail(ErrorCode::kUnsupported, "{} has compute capability {}.{}, and 8.0 is needed", name_,
         capability_ / 10, capability_ % 10);
  check(driver_.cuDevicePrimaryCtxRetain(&context_, device_), "opening the device");
  enter();
  size_t free = 0;
  check(driver_.cuMemGetInfo_v2(&free, &memory_), "asking for a device's memory");
  check(driver_.cuStreamCreate(&stream_, kNonBlocking), "making a stream");
  for (const void* const image : images) {
    Library library = nullptr;
    const Result loaded =
        driver_.cuLibraryLoadData(&library, image, nullptr, nullptr, 0, nullptr, nullptr, 0);
    if (loaded == kNoImageForDevice)
      fail(ErrorCode::kUnsupported, "this build has no device code for {} (sm_{})", name_, capability_);
    check(loaded, "loading the device code");
    libraries_.push_back(library);
  }
}

Device::~Device() {
  driver_.cuCtxSetCurrent(context_);
  if (stream_ != nullptr) {
    driver_.cuStreamSynchronize(stream_);
    driver_.cuStreamDestroy_v2(stream_);
  }
  for (const Library library : libraries_) driver_.cuLibraryUnload(library);
  driver_.cuDevicePrimaryCtxRelease_v2(device_);
}

void Device::enter() const { driver_.cuCtxSetCurrent(context_); }

size_t Device::free_bytes() const {
  enter();
  size_t free = 0, total = 0;
  return driver_.cuMemGetInfo_v2(&free, &total) == kSuccess ? free : 0;
}

DevicePointer Device::allocate(size_t bytes) {
  enter();
  DevicePointer memory = 0;
  const Result result = driver_.cuMemAlloc_v2(&memory, bytes);
  if (result == kOutOfMemory)
    fail(ErrorCode::kNoMemory, "not enough memory on {}: {} bytes needed, {} bytes free", name_, bytes,
         free_bytes());
  check(result, "allocating memory");
  return memory;
}

void Device::release(DevicePointer memory) noexcept {
  enter();
  driver_.cuMemFree_v2(memory);  // an error here is one of work before it, and comes again with the next call
}

void* Device::allocate_pinned(size_t bytes) {
  enter();
  void* memory = nullptr;
  const Result result = driver_.cuMemHostAlloc(&memory, bytes, 0);
  if (result == kOutOfMemory)
    fail(ErrorCode::kNoMemory, "the system refused {} bytes of pinned memory", bytes);
  check(result, "allocating pinned memory");
  return memory;
}

void Device::release_pinned(void* memory) noexcept {
  enter();
  driver_.cuMemFreeHost(memory);
}

void Device::synchronize() { check(driver_.cuStreamSynchronize(stream_), "waiting for the device"); }

Function Device::find(std::string_view kernel, int shared_bytes) {
  auto at = kernels_.find(kernel);
  if (at == kernels_.end()) at = kernels_.emplace(kernel, Found{}).first;
  Found& found = at->second;
  for (size_t i = 0; found.function == nullptr && i < libraries_.size(); ++i)
    if (driver_.cuLibraryGetKernel(&found.function, libraries_[i], at->first.c_str()) != kSuccess)
      found.function = nullptr;
  if (found.function == nullptr) fail_with(kNotFound, std::string("finding the kernel ").append(kernel));
  if (shared_bytes > found.shared_bytes) {
    check(driver_.cuKernelSetAttribute(kMostDynamicShared, shared_bytes, found.function, device_),
          "asking for shared memory");
    found.shared_bytes = shared_bytes;
  }
  return found.function;
}

void Device::launch(std::string_view kernel, Grid grid, int threads, int shared_bytes, const void* params) {
  if (!lost_.empty()) throw DeviceLost(lost_);
  void* pointers[] = {const_cast<void*>(params)};
  const auto size = [](int n) { return static_cast<unsigned>(n); };
  const Result result =
      driver_.cuLaunchKernel(find(kernel, shared_bytes), size(grid.x), size(grid.y), size(grid.z),
                             size(threads), 1, 1, size(shared_bytes), stream_, pointers, nullptr);
  if (result != kSuccess) fail_with(result, std::string("launching ").append(kernel));
}

void Device::check(Result result, std::string_view what) {
  if (!lost_.empty()) throw DeviceLost(lost_);
  if (result != kSuccess) fail_with(result, what);
}

void Device::fail_with(Result result, std::string_view what) {
  const char* error = nullptr;
  const char* text = nullptr;
  driver_.cuGetErrorName(result, &error);
  driver_.cuGetErrorString(result, &text);
  const std::string message =
      fmt::format("{} failed on {}: {} ({}: {})", what, name_.empty() ? "the GPU" : name_,
                  error == nullptr ? "?" : error, static_cast<int>(result), text == nullptr ? "?" : text);
  // Results from 700 to 799 are those of kernels that failed and of devices that are gone; 214 is memory that
  // lost bits.
  if ((result >= 700 && result < 800) || result == 214) throw DeviceLost(lost_ = message);
  fail(result == kOutOfMemory ? ErrorCode::kNoMemory : ErrorCode::kUnavailable, "{}", message);
}

}  // namespace ferrum::cuda
