// Products with weights: linear, expand, those of heads and of experts.
#include <algorithm>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernels/routing.h"
#include "backend/cuda/tensors.h"

namespace ferrum {

using namespace cuda;

namespace {

constexpr int kWidePositions = kWideTiles * kTokenTile;
constexpr int kMostPositions = kTokenTilesOfBlock * kTokenTile;
constexpr int kMostRows = 4096;  // of a batch at once

// Positions of a block. Results do not depend on it.
int tile_for(int positions) {
  return positions > kWidePositions ? kMostPositions : positions > kTokenTile ? kWidePositions : kTokenTile;
}

// The same for pairs of a row and a matrix, sorted by the matrix: as many as a matrix has on average.
int tile_for(int pairs, int matrices) {
  return pairs > kWidePositions * matrices ? kMostPositions
         : pairs > kTokenTile * matrices   ? kWidePositions
                                           : kTokenTile;
}

size_t row_bytes(int cols) { return Room::rounded(static_cast<size_t>(cols) * sizeof(float)); }

Tensor floats(Room& room, int rows, int cols) {
  return {room.take<float>(static_cast<size_t>(rows) * static_cast<size_t>(cols)), DType::kF32, rows, cols,
          cols};
}

}  // namespace

size_t CudaBackend::fragment_bytes(int positions, int units) const {
  const auto tiles = static_cast<size_t>(divided_up(positions, kTokenTile));
  return Room::rounded(tiles * static_cast<size_t>(units) * 64 * sizeof(gpu::Vec2)) *
         static_cast<size_t>(options_.input_parts);
}

// Rows of a batch, whole tiles of the largest kind where they are many, that need no more than this together
// with what they are made of.
int CudaBackend::rows_that_fit(size_t bytes_of_row) const {
  const size_t rows = workspace_.bytes() / bytes_of_row / kMostPositions * kMostPositions;
  return static_cast<int>(std::clamp<size_t>(rows, kTokenTile, kMostRows));
}

size_t CudaBackend::least_workspace(const WeightSource& source) const {
  int64_t rows = 0;
  for (const WeightSource::Part& part : source.parts)
    for (const HostTensor& tensor : part) rows += tensor.rows();
  const int64_t cols = source.parts[0][0].cols() * (source.use == WeightUse::kHeads ? source.groups : 1);
  // The inputs of a tile and, where an activation may follow, its products. Of experts, those that one token
  // may have, each in a tile of its own, and what stands between both products.
  const int64_t tiles =
      source.groups > 1 && source.use == WeightUse::kMultiply ? std::min(source.groups, 32) : 1;
  const auto positions = static_cast<size_t>(tiles * kTokenTile);
  return positions * 4 *
             (row_bytes(static_cast<int>(rows / source.groups)) + row_bytes(static_cast<int>(cols))) +
         (size_t{64} << 10) * static_cast<size_t>(tiles);
}

void CudaBackend::multiply(Tensor out, Tensor x, const CudaWeight& w, const Positions& at, Room room) {
  const int tiles = divided_up(at.count, kTokenTile), units = w.units();
  auto* const fragments =
      room.take<gpu::Vec2>(static_cast<size_t>(at.heads) * static_cast<size_t>(tiles) *
                           static_cast<size_t>(units) * 64 * static_cast<size_t>(options_.input_parts));
  const int* packed_in = nullptr;
  for (const CudaWeight::Segment& s : w.segments()) {
    if (&s == &w.segments().front() || s.order != packed_in)
      launch("pack_inputs", {divided_up(units, kUnitsOfBlock), tiles, at.heads}, 32 * kUnitsOfBlock,
             PackInputs{fragments, rows_of(x), at.rows, s.order, s.order_of_group, at.groups,
                        at.tile / kTokenTile, at.count, w.cols(), units, options_.input_parts});
    packed_in = s.order;
    const float* bias = w.bias() == nullptr ? nullptr : w.bias() + s.first_row;
    const Multiply p = {s.tiles,    fragments, options_.input_parts,
                        tiles,      at.count,  rows_of(out).data + s.first_row,
                        out.stride, w.rows(),  bias,
                        w.rows(),   at.groups, at.out_rows};
    if (at.tile == kMostPositions) {
      launch(
          s.format->multiply_most,
          {divided_up(s.tiles.row_tiles, kRowTilesOfBlock), divided_up(tiles, kTokenTilesOfBlock), at.heads},
          kPipelineThreads, p, pipeline_shared_bytes(s.format->quants, options_.input_parts));
      continue;
    }
    const bool wide = at.tile > kTokenTile;
    const int row_tiles = wide ? kWideRowTiles : 1, token_tiles = wide ? kWideTiles : 1;
    const int warps = warps_for(units);
    launch(wide ? s.format->multiply_many : s.format->multiply,
           {divided_up(s.tiles.row_tiles, row_tiles), divided_up(tiles, token_tiles), at.heads}, 32 * warps,
           p, shared_bytes_of(warps, row_tiles, token_tiles));
  }
}

void CudaBackend::linear(Tensor out, Tensor x, const Weight& weight) {
  const CudaWeight& w = as_cuda(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  const int rows = rows_that_fit(fragment_bytes(kTokenTile, w.units()) / kTokenTile);
  for (int first = 0; first < x.rows; first += rows) {
    const int count = std::min(rows, x.rows - first);
    multiply(out.rows_at(first, count), x.rows_at(first, count), w, {.count = count, .tile = tile_for(count)},
             Room(workspace_));
  }
}

void CudaBackend::linear_heads(Tensor out, Tensor x, const Weight& weight) {
  const CudaWeight& w = as_cuda(weight);
  check_equal(x.cols, w.groups() * w.cols(), "width of all heads' inputs");
  check_equal(out.cols, w.groups() * w.rows(), "width of all heads' outputs");
  const int rows =
      rows_that_fit(fragment_bytes(kTokenTile, w.units()) * static_cast<size_t>(w.groups()) / kTokenTile);
  for (int first = 0; first < x.rows; first += rows) {
    const int count = std::min(rows, x.rows - first);
    multiply(out.rows_at(first, count), x.rows_at(first, count), w,
             {.count = count, .tile = tile_for(count), .heads = w.groups()}, Room(workspace_));
  }
}

void CudaBackend::expand(Tensor out, Tensor x, const Weight& weight, const Activation& activation) {
  const CudaWeight& w = as_cuda(weight);
  check_equal(x.cols, w.cols(), "input width");
  const int rows =
      rows_that_fit(fragment_bytes(kTokenTile, w.units()) / kTokenTile + row_bytes(w.rows()) + 256);
  for (int first = 0; first < x.rows; first += rows) {
    const int count = std::min(rows, x.rows - first);
    Room room(workspace_);
    const Tensor product = floats(room, count, w.rows());
    multiply(product, x.rows_at(first, count), w, {.count = count, .tile = tile_for(count)}, room);
    activate(out.rows_at(first, count), product, activation);
  }
}

// Pairs of a row and a matrix, sorted by the matrix, so that each tile has one. ----

size_t CudaBackend::sorted_bytes(int pairs, int groups) const {
  const int tile = tile_for(pairs, groups);
  const int tiles = std::min(pairs, pairs / tile + std::min(pairs, groups));
  return Room::rounded(static_cast<size_t>(tiles * tile) * 4) +
         Room::rounded(static_cast<size_t>(tiles) * 4) + Room::rounded(static_cast<size_t>(pairs) * 4);
}

CudaBackend::Sorted CudaBackend::sort(Tensor ids, int groups, Room& room) {
  const int pairs = ids.rows * ids.cols;
  Sorted s = {};
  s.tile = tile_for(pairs, groups);
  s.tiles = std::min(pairs, pairs / s.tile + std::min(pairs, groups));
  s.positions = s.tiles * s.tile;
  s.rows = room.take<int>(static_cast<size_t>(s.positions));
  s.groups = room.take<int>(static_cast<size_t>(s.tiles));
  s.place = room.take<int>(static_cast<size_t>(pairs));
  launch("sort_pairs", {}, kSortThreads,
         SortPairs{integers_of(ids), ids.stride, ids.cols, pairs, groups, s.tile, s.tiles, s.rows, s.groups,
                   s.place},
         gpu::SharedSize().array<int>(groups).bytes());
  return s;
}

void CudaBackend::linear_chosen(Tensor out, Tensor x, const Weight& weight, Tensor matrix) {
  const CudaWeight& w = as_cuda(weight);
  check_equal(x.cols, w.cols(), "input width");
  check_equal(out.cols, w.rows(), "output width");
  const size_t of_tile = fragment_bytes(kMostPositions, w.units());
  const auto tiles = std::clamp<size_t>(workspace_.bytes() / 2 / of_tile, 1, 512);
  for (int first = 0; first < x.rows;) {
    int count =
        std::min(static_cast<int>(tiles), x.rows - first);  // in the worst case each in a tile of its own
    Room room(workspace_);
    const Sorted s = sort(matrix.rows_at(first, count), w.groups(), room);
    multiply(out.rows_at(first, count), x.rows_at(first, count), w,
             {.count = s.positions, .rows = s.rows, .out_rows = s.rows, .groups = s.groups, .tile = s.tile},
             room);
    first += count;
  }
}

void CudaBackend::experts(Tensor out, Tensor x, const Routing& routing, const Weight& up, const Weight& down,
                          const Activation& activation) {
  const CudaWeight &first = as_cuda(up), &second = as_cuda(down);
  check_equal(x.cols, first.cols(), "input width");
  check_equal(out.cols, second.rows(), "output width");
  // What a position needs. A token has top_k of them, and as many again may be holes.
  const int top_k = routing.expert_ids.cols;
  const size_t of_position =
      (fragment_bytes(kTokenTile, first.units()) + fragment_bytes(kTokenTile, second.units())) / kTokenTile +
      (static_cast<size_t>(first.rows()) + static_cast<size_t>(second.cols()) +
       static_cast<size_t>(second.rows()) + 16) *
          4;
  const size_t budget = workspace_.bytes() - std::min(workspace_.bytes() / 2, size_t{4096});
  int rows = kMostRows;
  const auto needs = [&](int count) {
    const int pairs = count * top_k, tile = tile_for(pairs, first.groups());
    const int tiles = std::min(pairs, pairs / tile + std::min(pairs, first.groups()));
    return static_cast<size_t>(tiles) * static_cast<size_t>(tile) * of_position +
           sorted_bytes(pairs, first.groups());
  };
  while (rows > 1 && needs(rows) > budget) rows = rows / 2;
  for (int begin = 0; begin < x.rows; begin += rows) {
    const int count = std::min(rows, x.rows - begin);
    experts_of_batch(out.rows_at(begin, count), x.rows_at(begin, count),
                     {routing.expert_ids.rows_at(begin, count), routing.weights.rows_at(begin, count)}, first,
                     second, activation);
  }
}

void CudaBackend::experts_of_batch(Tensor out, Tensor x, const Routing& routing, const CudaWeight& up,
                                   const CudaWeight& down, const Activation& activation) {
  Room room(workspace_);
  const Sorted s = sort(routing.expert_ids, up.groups(), room);
  const Tensor product = floats(room, s.positions, up.rows());
  const Tensor inner = floats(room, s.positions, down.cols());
  const Tensor result = floats(room, s.positions, down.rows());
  // Tiles without an expert are skipped. A position without a row has zeros for an input, and none reads
  // what comes of it.
  multiply(product, x, up, {.count = s.positions, .rows = s.rows, .groups = s.groups, .tile = s.tile}, room);
  launch("activate_positions", {divided_up(inner.cols, kColumnThreads), s.positions}, kColumnThreads,
         ActivatePositions{
             {rows_of(inner), rows_of(product), inner.cols, params_of(activation)}, s.tile, s.groups});
  multiply(result, inner, down,
           {.count = s.positions, .out_rows = nullptr, .groups = s.groups, .tile = s.tile}, room);
  launch("combine_experts", {divided_up(out.cols, kColumnThreads), out.rows}, kColumnThreads,
         CombineExperts{rows_of(out), rows_of(result), rows_of(routing.weights), s.place, out.cols,
                        routing.expert_ids.cols});
}

void CudaBackend::route(Routing out, Tensor router_logits, const RoutingRule& rule) {
  const int experts = router_logits.cols;
  check_equal(experts % rule.groups, 0, "experts left over after dividing by the groups");
  check(rule.top_k <= experts / rule.groups * rule.groups_used, "as many experts as are chosen");
  check(rule.score != RoutingRule::Score::kOneByOne ||
            (rule.groups == 1 && rule.selection_bias.empty() && !rule.renormalize),
        "experts that are chosen one by one have ranks and weights of their own");
  check(experts <= kMostExperts && rule.groups <= kMostExpertGroups && rule.top_k <= kMostChosen,
        "experts that a warp can hold");
  static_assert(static_cast<int>(RoutingRule::Score::kOneByOne) == kScoreOneByOne);
  if (router_logits.rows == 0) return;
  launch("route_tokens", {router_logits.rows}, 32,
         RouteTokens{rows_of(router_logits), static_cast<int*>(out.expert_ids.data), out.expert_ids.stride,
                     rows_of(out.weights), floats_of(rule.selection_bias), floats_of(rule.expert_scales),
                     experts, rule.top_k, static_cast<int>(rule.score), rule.renormalize ? 1 : 0, rule.floor,
                     rule.scale, rule.jitter, rule.groups, rule.groups_used, rule.group_by_largest ? 1 : 0},
         gpu::SharedSize()
             .array<float>(experts)
             .array<float>(experts)
             .array<float>(rule.groups)
             .array<int>(rule.top_k)
             .array<float>(rule.top_k)
             .bytes());
}

}  // namespace ferrum
