// Kernels that each contain one mistake, or none, to see what the emulator says of it.
#pragma once
#include <cstdint>

namespace planted {

// Shared by all kernels: what they read and write, and which mistake they make.
struct Params {
  float* out;
  const float* x;
  uint16_t* halves;  // 64 rows of 8, for tiles
  uint32_t* counter;
  int count;
  int mistake;  // of the kernel's own enumeration; 0: none
};

enum Sum : int {  // sums up x
  kSumRight,
  kNoBarrier,
  kOnePast,
  kNoWarpSync,
  kAllLanesWrite,
  kHalfWarp,
  kDivergentBarrier,
  kNeverWritten,
  kBehindShared,
  kTwoCounts,
  kNotInOwnMask,
  kOtherBarrier,
  kMisalignedVector,
  kNoneLeft,
};
enum Tile : int {  // brings tiles to shared memory and loads their matrices
  kTileRight,
  kOneGroupTooFew,
  kOthersCopies,
  kOverwrites,
  kMisalignedRow,
  kBehindTile,
  kInFlightAtEnd,
  kOverInFlight,
  kMisalignedCopy,
  kPartOfWarp,
  kFromGlobal,
};
enum Blocks : int {  // blocks add up their results
  kBlocksRight,
  kAddsWithoutOrder,
  kWritesOverOthers,
  kPlainCounter,
  kOthersShared,
};
enum Banks : int {  // reads shared memory and writes it
  kSideBySide,
  kTwoApart,
  kOddApart,
  kSameWord,
  kInOneBank,
  kVectors,
  kVectorsApart,
  kHalfOfLanes,
};
enum Ring : int { kRingRight, kWrongPlace, kArrivesAndWaits };

}  // namespace planted
