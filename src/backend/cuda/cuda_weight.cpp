#include "backend/cuda/cuda_weight.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/error.h"

namespace ferrum::cuda {
namespace {

constexpr int kTileRows = 16;
constexpr size_t kChunkBytes = 32 << 20;  // packed on the host before they are copied

// Bytes of one row tile in each array of a segment.
struct TileBytes {
  size_t quants, high, records, subs;
  size_t all() const { return quants + high + records + subs; }
};

TileBytes bytes_of(const QuantFormat& f, const TiledWeight& t) {
  const auto units = static_cast<size_t>(t.units);
  return {units * static_cast<size_t>(f.low_bits) * 64, units * static_cast<size_t>(f.high_bits) * 64,
          static_cast<size_t>(t.records_per_tile) * 8 * static_cast<size_t>(f.record_bytes()),
          units * 8 * static_cast<size_t>(f.sub_bytes())};
}

// Puts the values of 16 rows into the tiles' order.
class TilePacker {
 public:
  TilePacker(const TileFormat& format, const TiledWeight& tiles) : f_(format.quants), tiles_(tiles) {}

  RowQuants& row(int i) { return rows_[static_cast<size_t>(i)]; }

  struct Out {
    std::byte *quants, *high, *records, *subs;
  };
  void pack(const Out& out) const {
    for (int unit = 0; unit < tiles_.units; ++unit) {
      for (int lane = 0; lane < 32; ++lane) pack_lane(out, unit, lane);
      if (!f_.is_float()) pack_scales(out, unit);
    }
    if (f_.is_float()) return;
    for (int record = 0; record < tiles_.records_per_tile; ++record)
      for (int g = 0; g < 8; ++g) {
        const auto at = static_cast<size_t>(record);
        const RowQuants::Record &a = rows_[static_cast<size_t>(g)].records[at],
                                &b = rows_[static_cast<size_t>(g) + 8].records[at];
        const uint16_t all[4] = {a.d, b.d, a.m, b.m};
        const auto bytes = static_cast<size_t>(f_.record_bytes());
        std::memcpy(out.records + (at * 8 + static_cast<size_t>(g)) * bytes, all, bytes);
      }
  }

 private:
  static int row_of(int lane, int v) { return lane / 4 + v / 2 % 2 * 8; }
  static int column_of(int lane, int v) { return v / 8 * 16 + lane % 4 * 2 + v % 2 + v / 4 % 2 * 8; }

  void pack_lane(const Out& out, int unit, int lane) const {
    uint32_t low[16] = {};  // at most: 32 bits for each value
    uint32_t high = 0;
    for (int v = 0; v < 16; ++v) {
      const uint32_t q = rows_[static_cast<size_t>(row_of(lane, v))]
                             .values[static_cast<size_t>(unit * 32 + column_of(lane, v))];
      const int step = v / 8, pair = v / 2 % 4, second = v % 2, pair_of_eight = v / 2;
      switch (f_.low_bits) {
        case 2:
          low[0] |= (q & 3) << (2 * pair_of_eight + 16 * second);
          break;
        case 4:
          low[step] |= (q & 15) << (4 * pair + 16 * second);
          break;
        case 8:
          low[v / 4] |= (q & 255) << (8 * (v % 4));
          break;
        case 16:
          low[v / 2] |= q << (16 * second);
          break;
        default:
          low[v] = q;
      }
      if (f_.high_bits == 1) high |= (q >> f_.low_bits & 1) << (pair_of_eight + 8 * second);
      if (f_.high_bits == 2) high |= (q >> f_.low_bits & 3) << (2 * pair_of_eight + 16 * second);
    }
    const auto tile = static_cast<size_t>(unit), l = static_cast<size_t>(lane);
    const auto bytes = static_cast<size_t>(f_.low_bits) * 2;
    if (f_.low_bits < 16)
      std::memcpy(out.quants + (tile * 32 + l) * bytes, low, bytes);
    else  // in runs of 16 bytes for each lane
      for (size_t run = 0; run < bytes / 16; ++run)
        std::memcpy(out.quants + ((tile * (bytes / 16) + run) * 32 + l) * 16, low + run * 4, 16);
    if (f_.high_bits > 0)
      std::memcpy(out.high + (tile * 32 + l) * static_cast<size_t>(f_.high_bits) * 2, &high,
                  static_cast<size_t>(f_.high_bits) * 2);
  }

  void pack_scales(const Out& out, int unit) const {
    const int parts = 32 / f_.per_scale;
    std::byte* to = out.subs + static_cast<size_t>(unit) * 8 * static_cast<size_t>(f_.sub_bytes());
    for (size_t g = 0; g < 8; ++g) {
      const RowQuants::Unit& a = rows_[g].units[static_cast<size_t>(unit)];
      const RowQuants::Unit& b = rows_[g + 8].units[static_cast<size_t>(unit)];
      for (int part = 0; f_.has_scales && part < parts; ++part) {
        *to++ = static_cast<std::byte>(a.scale[part]);
        *to++ = static_cast<std::byte>(b.scale[part]);
      }
      for (int part = 0; f_.has_minima && part < parts; ++part) {
        *to++ = static_cast<std::byte>(a.minimum[part]);
        *to++ = static_cast<std::byte>(b.minimum[part]);
      }
    }
  }

  const QuantFormat f_;
  const TiledWeight& tiles_;
  std::array<RowQuants, kTileRows> rows_;
};

// Where a group's rows are within a part.
struct GroupRows {
  const HostTensor& tensor;
  int64_t first;
};
GroupRows rows_of_group(const WeightSource::Part& part, int group, int rows) {
  if (part.size() > 1) return {part[static_cast<size_t>(group)], 0};
  return {part[0], int64_t{group} * rows};
}

// Row tile `tile` of a group.
void pack_tile(const GroupRows& from, int tile, TilePacker& packer, const TilePacker::Out& out, int rows,
               int cols) {
  const size_t row = row_bytes(from.tensor.format, static_cast<size_t>(cols));
  const int first = tile * kTileRows, count = std::min(kTileRows, rows - first);
  std::vector<std::byte> made;
  const std::byte* stored = nullptr;
  if (from.tensor.maker == nullptr) {
    stored = from.tensor.bytes.data() + static_cast<size_t>(from.first + first) * row;
  } else {
    made.resize(static_cast<size_t>(count) * row);
    from.tensor.maker->make(from.first + first, count, made.data());
    stored = made.data();
  }
  for (int i = 0; i < kTileRows; ++i) {
    RowQuants& to = packer.row(i);
    if (i < count) {
      take_apart(from.tensor.format, stored + static_cast<size_t>(i) * row, cols, to);
    } else {  // behind the last row: zeros
      to.values.assign((static_cast<size_t>(cols) + 31) / 32 * 32, 0);
      to.units.assign(to.values.size() / 32, {});
      to.records.assign(to.values.size() / 32, {});
    }
  }
  packer.pack(out);
}

TiledWeight tiles_of(const WeightSource::Part& part, const TileFormat& format, int groups) {
  const HostTensor& first = part[0];
  TiledWeight t = {};
  t.rows = static_cast<int>(part.size() == 1 ? first.rows() / groups : first.rows());
  t.row_tiles = (t.rows + kTileRows - 1) / kTileRows;
  t.units = static_cast<int>((first.cols() + 31) / 32);
  t.units_per_record = format.record_columns / 32;
  t.records_per_tile = (t.units + t.units_per_record - 1) / t.units_per_record;
  return t;
}

void copy(Device& device, DevicePointer to, const void* from, size_t bytes) {
  if (bytes > 0)
    device.check(device.driver().cuMemcpyHtoDAsync_v2(to, from, bytes, device.stream()), "copying a weight");
}

}  // namespace

size_t bytes_on_device(const WeightSource& source) {
  size_t bytes = 0;
  for (const WeightSource::Part& part : source.parts) {
    const TileFormat& format = tile_format(part[0].format);
    const TiledWeight t = tiles_of(part, format, source.groups);
    bytes += static_cast<size_t>(source.groups) * static_cast<size_t>(t.row_tiles) *
             bytes_of(format.quants, t).all();
  }
  return bytes;
}

CudaWeight::CudaWeight(const WeightSource& source, Device& device, ThreadPool& pool) : Weight(source) {
  device.enter();
  for (const WeightSource::Part& part : source.parts) add_part(part, device, pool);
  if (source.bias.empty()) return;
  bias_ = DeviceMemory(device, source.bias.size() * sizeof(float));
  copy(device, bias_.address(), source.bias.data(), bias_.bytes());
}

void CudaWeight::add_part(const WeightSource::Part& part, Device& device, ThreadPool& pool) {
  const HostTensor& first = part[0];
  for (const HostTensor& tensor : part)
    if (tensor.format != first.format)
      fail(ErrorCode::kUnsupported,
           "{} is {} and {} is {}: the experts' matrices must have one format on a GPU",
           in_quotes(first.name), name_of(first.format), in_quotes(tensor.name), name_of(tensor.format));
  Segment segment = {.format = &tile_format(first.format), .first_row = 0};
  if (!segments_.empty()) segment.first_row = segments_.back().first_row + segments_.back().tiles.rows;
  TiledWeight& t = segment.tiles;
  t = tiles_of(part, *segment.format, groups());
  const TileBytes each = bytes_of(segment.format->quants, t);
  const auto tiles = static_cast<size_t>(groups()) * static_cast<size_t>(t.row_tiles);
  const auto rounded = [](size_t bytes) { return (bytes + 255) / 256 * 256; };
  try {
    memory_.emplace_back(device, rounded(tiles * each.quants) + rounded(tiles * each.high) +
                                     rounded(tiles * each.records) + rounded(tiles * each.subs));
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", in_quotes(first.name), error.what());
  }
  const DevicePointer quants = memory_.back().address();
  const DevicePointer high = quants + rounded(tiles * each.quants);
  const DevicePointer records = high + rounded(tiles * each.high);
  const DevicePointer subs = records + rounded(tiles * each.records);
  const auto address = [](DevicePointer p) { return reinterpret_cast<const unsigned char*>(p); };
  t.quants = address(quants), t.high = address(high), t.records = address(records), t.subs = address(subs);

  const size_t chunk = std::max<size_t>(1, kChunkBytes / each.all());  // row tiles
  std::vector<std::byte> packed(std::min(chunk, tiles) * each.all());
  for (size_t begin = 0; begin < tiles; begin += chunk) {
    const size_t count = std::min(chunk, tiles - begin);
    std::byte* const quants_out = packed.data();
    std::byte* const high_out = quants_out + count * each.quants;
    std::byte* const records_out = high_out + count * each.high;
    std::byte* const subs_out = records_out + count * each.records;
    pool.parallel_for(static_cast<int64_t>(count), [&](int64_t from, int64_t to, int) noexcept {
      TilePacker packer(*segment.format, t);
      for (auto i = static_cast<size_t>(from); i < static_cast<size_t>(to); ++i) {
        const auto group = static_cast<int>((begin + i) / static_cast<size_t>(t.row_tiles));
        const auto tile = static_cast<int>((begin + i) % static_cast<size_t>(t.row_tiles));
        pack_tile(rows_of_group(part, group, t.rows), tile, packer,
                  {quants_out + i * each.quants, high_out + i * each.high, records_out + i * each.records,
                   subs_out + i * each.subs},
                  t.rows, cols());
      }
    });
    copy(device, quants + begin * each.quants, quants_out, count * each.quants);
    copy(device, high + begin * each.high, high_out, count * each.high);
    copy(device, records + begin * each.records, records_out, count * each.records);
    copy(device, subs + begin * each.subs, subs_out, count * each.subs);
    device.synchronize();  // `packed` is used again
  }
  add_order(part, segment, device);
  segments_.push_back(segment);
}

void CudaWeight::add_order(const WeightSource::Part& part, Segment& segment, Device& device) {
  segment.order = nullptr;
  segment.order_of_group = 0;
  if (std::all_of(part.begin(), part.end(), [](const HostTensor& t) { return t.column_order == nullptr; }))
    return;
  std::vector<int32_t> all;
  for (const HostTensor& tensor : part)
    for (int i = 0; i < cols(); ++i)
      all.push_back(tensor.column_order == nullptr ? i : (*tensor.column_order)[static_cast<size_t>(i)]);
  const DeviceMemory& memory = memory_.emplace_back(device, all.size() * sizeof(int32_t));
  copy(device, memory.address(), all.data(), memory.bytes());
  segment.order = reinterpret_cast<const int*>(memory.address());
  if (part.size() > 1) segment.order_of_group = cols();
}

}  // namespace ferrum::cuda
