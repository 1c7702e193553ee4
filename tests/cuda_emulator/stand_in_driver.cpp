#include "stand_in_driver.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "emulator.h"
#include "report.h"

namespace ferrum::cuda {

using Work = std::function<void()>;

struct StreamTag {
  std::deque<Work> queue;
  GraphTag* capture = nullptr;
};
struct EventTag {
  StreamTag* stream = nullptr;
  uint64_t recorded = 0, happened = 0;
};
struct GraphTag {
  std::vector<Work> work;
};
struct GraphExecTag {
  std::vector<Work> work;
};

}  // namespace ferrum::cuda

namespace gpu::emulated {
namespace {

using namespace ferrum::cuda;

struct State {
  StandIn device;
  Result failed = kSuccess;
  std::string fault;
  StandInCounts counts = {};
  size_t in_use = 0;
  std::map<DevicePointer, size_t> allocated;
  std::map<const char*, size_t> pinned;  // first byte and size
  std::vector<std::unique_ptr<StreamTag>> streams;
} state;

Result fail_with(Result result, std::string fault) {
  state.fault = std::move(fault);
  return state.failed = result;
}

bool is_capturing() {
  for (const auto& stream : state.streams)
    if (stream->capture != nullptr) return true;
  return false;
}

bool is_pinned(const void* p, size_t bytes) {
  const auto* const first = static_cast<const char*>(p);
  const auto next = state.pinned.upper_bound(first);
  if (next == state.pinned.begin()) return false;
  const auto& [begin, size] = *std::prev(next);
  return first + bytes <= begin + size;
}

Result enqueue(Stream stream, Work work) {
  if (state.failed != kSuccess) return state.failed;
  if (stream->capture != nullptr)
    stream->capture->work.push_back(std::move(work));
  else
    stream->queue.push_back(std::move(work));
  return kSuccess;
}

// Runs what a stream has been given, until `done`.
template <class Done>
Result run(Stream stream, const Done& done) {
  if (is_capturing()) return kCaptureUnsupported;
  while (state.failed == kSuccess && !stream->queue.empty() && !done()) {
    const Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    try {
      work();
    } catch (const Fault& fault) {
      fail_with(kIllegalAddress, fault.what());
    }
  }
  return state.failed;
}
Result drain(Stream stream) {
  return run(stream, [] { return false; });
}
Result drain_all() {
  for (const auto& stream : state.streams)
    if (const Result r = drain(stream.get()); r != kSuccess) return r;
  return state.failed;
}

void* pointer(DevicePointer p) { return reinterpret_cast<void*>(p); }

uint64_t sum_of(const void* p, size_t bytes) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (size_t i = 0; i < bytes; ++i) sum = (sum ^ static_cast<const uint8_t*>(p)[i]) * 0x100000001b3u;
  return sum;
}

Result get_attribute(int* value, int attribute, int) {
  switch (attribute) {
    case kMultiprocessors:
      *value = 4;
      break;
    case kClock:
      *value = 1'700'000;
      break;
    case kMemoryClock:
      *value = 9'750'000;
      break;
    case kMemoryWidth:
      *value = 384;
      break;
    case kCapabilityMajor:
      *value = state.device.capability / 10;
      break;
    case kCapabilityMinor:
      *value = state.device.capability % 10;
      break;
    case kSharedBytesOfBlock:
      *value = 101376;
      break;
    default:
      return kInvalidValue;
  }
  return kSuccess;
}

size_t free_memory() {
  const size_t used = state.in_use + state.device.others;
  return state.device.memory - std::min(state.device.memory, used);
}

Result allocate_memory(DevicePointer* p, size_t bytes) {
  if (state.failed != kSuccess) return state.failed;
  if (is_capturing()) return kCaptureUnsupported;
  if (bytes == 0) return kInvalidValue;
  if (bytes > free_memory()) return kOutOfMemory;
  try {
    *p = reinterpret_cast<DevicePointer>(allocate(bytes));
  } catch (const Fault&) {
    return kOutOfMemory;
  }
  state.allocated[*p] = bytes;
  state.in_use += bytes;
  return kSuccess;
}

Result release_memory(DevicePointer p) {
  const Result waited = drain_all();
  const auto found = state.allocated.find(p);
  if (found == state.allocated.end()) return kInvalidValue;
  state.in_use -= found->second;
  state.allocated.erase(found);
  release(pointer(p));
  return waited;
}

Result copy_to_device(DevicePointer to, const void* from, size_t bytes, Stream stream) {
  ++state.counts.uploads;
  if (!is_pinned(from, bytes)) {  // a real driver has read it when the call returns
    ++state.counts.unpinned_uploads;
    std::vector<char> staged(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    return enqueue(stream, [=] { copy_in(pointer(to), staged.data(), bytes); });
  }
  const bool captured = stream->capture != nullptr;  // a graph reads what is there when it runs
  const uint64_t sum = captured ? 0 : sum_of(from, bytes);
  return enqueue(stream, [=] {
    if (!captured && sum_of(from, bytes) != sum)
      throw Fault("pinned memory was changed before it had been copied to the device");
    copy_in(pointer(to), from, bytes);
  });
}

Result copy_to_host(void* to, DevicePointer from, size_t bytes, Stream stream) {
  const bool pinned = is_pinned(to, bytes);
  if (pinned) std::memset(to, 0xff, bytes);  // until a wait
  const Result result = enqueue(stream, [=] { copy_out(to, pointer(from), bytes); });
  return result != kSuccess || pinned ? result : drain(stream);
}

Result instantiate(GraphExec* exec, Graph graph, unsigned long long) {
  ++state.counts.graphs;
  *exec = new GraphExecTag{graph->work};
  return kSuccess;
}

Result launch_graph(GraphExec exec, Stream stream) {
  ++state.counts.replays;
  for (const Work& work : exec->work)
    if (const Result r = enqueue(stream, work); r != kSuccess) return r;
  return kSuccess;
}

Result launch_kernel(Function function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty,
                     unsigned tz, unsigned shared, Stream stream, void** params, void**) {
  const auto& kernel = *reinterpret_cast<const Kernel*>(function);
  if (x == 0 || y == 0 || z == 0 || threads == 0 || ty != 1 || tz != 1 || y > 65535 || z > 65535)
    return kInvalidValue;
  const auto* const first = static_cast<const char*>(params[0]);
  std::vector<char> bytes(first, first + kernel.param_bytes);
  const Index grid = {static_cast<int>(x), static_cast<int>(y), static_cast<int>(z)};
  return enqueue(stream, [=, &kernel] {
    if (++state.counts.launches > state.device.lost_behind && state.device.lost_behind > 0)
      throw Fault("the device is gone");
    launch(kernel, grid, static_cast<int>(threads), static_cast<int>(shared), bytes.data());
  });
}

Result error_name(Result result, const char** name) {
  *name = result == kIllegalAddress       ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : result == kOutOfMemory        ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == kCaptureUnsupported ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
          : result == kInvalidValue       ? "CUDA_ERROR_INVALID_VALUE"
          : result == kNotFound           ? "CUDA_ERROR_NOT_FOUND"
                                          : "another error";
  return kSuccess;
}

Driver table() {
  Driver d;
  d.cuInit = [](unsigned) { return state.device.devices == 0 ? kNoDevice : kSuccess; };
  d.cuDriverGetVersion = [](int* version) { return *version = state.device.version, kSuccess; };
  d.cuGetErrorName = error_name;
  d.cuGetErrorString = [](Result, const char** text) {
    return *text = state.fault.empty() ? "no more is known" : state.fault.c_str(), kSuccess;
  };
  d.cuDeviceGetCount = [](int* count) { return *count = state.device.devices, kSuccess; };
  d.cuDeviceGet = [](int* device, int number) { return *device = number, kSuccess; };
  d.cuDeviceGetName = [](char* name, int n, int) {
    return std::snprintf(name, static_cast<size_t>(n), "emulated GPU"), kSuccess;
  };
  d.cuDeviceGetAttribute = get_attribute;
  d.cuDevicePrimaryCtxRetain = [](Context* c, int) { return *c = reinterpret_cast<Context>(1), kSuccess; };
  d.cuDevicePrimaryCtxRelease_v2 = [](int) { return kSuccess; };
  d.cuCtxSetCurrent = [](Context) { return kSuccess; };
  d.cuMemGetInfo_v2 = [](size_t* free, size_t* total) {
    return *free = free_memory(), *total = state.device.memory, kSuccess;
  };
  d.cuMemAlloc_v2 = allocate_memory;
  d.cuMemFree_v2 = release_memory;
  d.cuMemHostAlloc = [](void** p, size_t bytes, unsigned) {
    *p = ::operator new(bytes);
    state.pinned[static_cast<const char*>(*p)] = bytes;
    return is_capturing() ? kCaptureUnsupported : kSuccess;
  };
  d.cuMemFreeHost = [](void* p) {
    const Result waited = drain_all();
    state.pinned.erase(static_cast<const char*>(p));
    ::operator delete(p);
    return waited;
  };
  d.cuMemcpyHtoDAsync_v2 = copy_to_device;
  d.cuMemcpyDtoHAsync_v2 = copy_to_host;
  d.cuMemcpyDtoDAsync_v2 = [](DevicePointer to, DevicePointer from, size_t bytes, Stream stream) {
    return enqueue(stream, [=] { copy_within(pointer(to), pointer(from), bytes); });
  };
  d.cuMemsetD8Async = [](DevicePointer to, unsigned char value, size_t bytes, Stream stream) {
    return enqueue(stream, [=] { fill(pointer(to), value, bytes); });
  };
  d.cuStreamCreate = [](Stream* stream, unsigned) {
    return *stream = state.streams.emplace_back(std::make_unique<StreamTag>()).get(), kSuccess;
  };
  d.cuStreamDestroy_v2 = [](Stream stream) {
    const Result waited = drain(stream);
    std::erase_if(state.streams, [stream](const auto& s) { return s.get() == stream; });
    return waited;
  };
  d.cuStreamSynchronize = drain;
  d.cuEventCreate = [](Event* event, unsigned) { return *event = new EventTag, kSuccess; };
  d.cuEventDestroy_v2 = [](Event event) {
    const Result waited = drain_all();
    delete event;
    return waited;
  };
  d.cuEventRecord = [](Event event, Stream stream) {
    event->stream = stream;
    return enqueue(stream, [event, number = ++event->recorded] { event->happened = number; });
  };
  d.cuEventSynchronize = [](Event event) {
    if (event->stream == nullptr) return kSuccess;
    return run(event->stream, [event] { return event->happened >= event->recorded; });
  };
  d.cuStreamBeginCapture_v2 = [](Stream stream, int) {
    if (stream->capture != nullptr) return kInvalidValue;
    stream->capture = new GraphTag;
    return kSuccess;
  };
  d.cuStreamEndCapture = [](Stream stream, Graph* graph) {
    if (stream->capture == nullptr) return kInvalidValue;
    *graph = stream->capture;
    stream->capture = nullptr;
    return kSuccess;
  };
  d.cuGraphInstantiateWithFlags = instantiate;
  d.cuGraphLaunch = launch_graph;
  d.cuGraphDestroy = [](Graph graph) { return delete graph, kSuccess; };
  d.cuGraphExecDestroy = [](GraphExec exec) { return delete exec, kSuccess; };
  d.cuLibraryLoadData = [](Library* library, const void*, int*, void**, unsigned, int*, void**, unsigned) {
    return *library = reinterpret_cast<Library>(1), kSuccess;
  };
  d.cuLibraryUnload = [](Library) { return kSuccess; };
  d.cuLibraryGetKernel = [](Function* function, Library, const char* name) {
    *function = reinterpret_cast<Function>(const_cast<Kernel*>(find_kernel(name)));
    return *function == nullptr ? kNotFound : kSuccess;
  };
  d.cuKernelSetAttribute = [](int, int value, Function, int) {
    return value > 101376 ? kInvalidValue : kSuccess;
  };
  d.cuLaunchKernel = launch_kernel;
  return d;
}

}  // namespace

const Driver& stand_in_driver(const StandIn& device) {
  static const Driver driver = table();
  state.device = device;
  state.failed = kSuccess;
  state.fault.clear();
  state.counts = {};
  for (const auto& stream : state.streams) stream->queue.clear();
  return driver;
}

const std::string& stand_in_fault() { return state.fault; }
const StandInCounts& stand_in_counts() { return state.counts; }

}  // namespace gpu::emulated
