// What is used of CUDA's driver interface, declared here, so that nothing of the toolkit is needed to build.
// The calls are found in libcuda.so.1 when a device is wanted, so that one program runs with and without a
// GPU. Semantics: CUDA Driver API 12.0.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace ferrum::cuda {

// Results that have a meaning of their own here.
enum Result : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNoDevice = 100,
  kNoImageForDevice = 209,
  kNotFound = 500,
  kIllegalAddress = 700,
  kLaunchFailed = 719,
  kCaptureUnsupported = 900,
};

enum DeviceAttribute : int {
  kClock = 13,  // kHz, at most
  kMultiprocessors = 16,
  kMemoryClock = 36,  // kHz
  kMemoryWidth = 37,  // bits
  kCapabilityMajor = 75,
  kCapabilityMinor = 76,
  kSharedBytesOfBlock = 97,  // that a kernel may ask for
};
inline constexpr int kMostDynamicShared = 8;       // of a kernel's attributes
inline constexpr unsigned kNonBlocking = 1;        // of a stream
inline constexpr unsigned kWithoutTiming = 2;      // of an event
inline constexpr int kCaptureOfThisThread = 1;     // calls of other threads do not end a capture
inline constexpr int kLeastDriverVersion = 12000;  // cuLibrary…

using DevicePointer = uint64_t;
using Context = struct ContextTag*;
using Stream = struct StreamTag*;
using Event = struct EventTag*;
using Library = struct LibraryTag*;
using Function = struct FunctionTag*;
using Graph = struct GraphTag*;
using GraphExec = struct GraphExecTag*;

// Name and parameters of each call.
// clang-format off
#define FERRUM_CUDA_CALLS(X) \
  X(cuInit, unsigned) \
  X(cuDriverGetVersion, int*) \
  X(cuGetErrorName, Result, const char**) \
  X(cuGetErrorString, Result, const char**) \
  X(cuDeviceGetCount, int*) \
  X(cuDeviceGet, int*, int) \
  X(cuDeviceGetName, char*, int, int) \
  X(cuDeviceGetAttribute, int*, int, int) \
  X(cuDevicePrimaryCtxRetain, Context*, int) \
  X(cuDevicePrimaryCtxRelease_v2, int) \
  X(cuCtxSetCurrent, Context) \
  X(cuMemGetInfo_v2, size_t*, size_t*) \
  X(cuMemAlloc_v2, DevicePointer*, size_t) \
  X(cuMemFree_v2, DevicePointer) \
  X(cuMemHostAlloc, void**, size_t, unsigned) \
  X(cuMemFreeHost, void*) \
  X(cuMemcpyHtoDAsync_v2, DevicePointer, const void*, size_t, Stream) \
  X(cuMemcpyDtoHAsync_v2, void*, DevicePointer, size_t, Stream) \
  X(cuMemcpyDtoDAsync_v2, DevicePointer, DevicePointer, size_t, Stream) \
  X(cuMemsetD8Async, DevicePointer, unsigned char, size_t, Stream) \
  X(cuStreamCreate, Stream*, unsigned) \
  X(cuStreamDestroy_v2, Stream) \
  X(cuStreamSynchronize, Stream) \
  X(cuEventCreate, Event*, unsigned) \
  X(cuEventDestroy_v2, Event) \
  X(cuEventRecord, Event, Stream) \
  X(cuEventSynchronize, Event) \
  X(cuStreamBeginCapture_v2, Stream, int) \
  X(cuStreamEndCapture, Stream, Graph*) \
  X(cuGraphInstantiateWithFlags, GraphExec*, Graph, unsigned long long) \
  X(cuGraphLaunch, GraphExec, Stream) \
  X(cuGraphDestroy, Graph) \
  X(cuGraphExecDestroy, GraphExec) \
  X(cuLibraryLoadData, Library*, const void*, int*, void**, unsigned, int*, void**, unsigned) \
  X(cuLibraryUnload, Library) \
  X(cuLibraryGetKernel, Function*, Library, const char*) \
  X(cuKernelSetAttribute, int, int, Function, int) \
  X(cuLaunchKernel, Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**, void**)
// clang-format on

// The calls of one library.
struct Driver {
#define FERRUM_CUDA_MEMBER(name, ...) Result (*name)(__VA_ARGS__) = nullptr;
  FERRUM_CUDA_CALLS(FERRUM_CUDA_MEMBER)
#undef FERRUM_CUDA_MEMBER
};

// The library stays loaded. Error kUnsupported if it or one of its calls is missing, naming it.
Driver load_driver(const std::string& library = "libcuda.so.1");

}  // namespace ferrum::cuda
