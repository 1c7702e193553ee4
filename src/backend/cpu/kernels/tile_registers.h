// The tile registers of AMX: eight of up to 16 rows of 64 bytes.
#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/simd.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {  // nothing here may become a symbol that the linker merges: see kernels.h

constexpr int kTileRows = 16;

// The operand of LDTILECFG, in palette 1. Tiles of no rows are not used.
struct alignas(64) TileConfiguration {
  void set(int tile, int tile_rows, int bytes) {
    rows[tile] = static_cast<uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<uint16_t>(tile_rows > 0 ? bytes : 0);
  }
  void load() const {
    asm volatile("" : : "m"(*this));  // GCC 12 believes that the instruction reads 8 bytes
    _tile_loadconfig(this);
  }

  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

}  // namespace
}  // namespace ferrum::cpu::FERRUM_ISA
