// What adapters add to products. One launch for each matrix of an adapter: the rows of other adapters leave
// it at once.
#include <algorithm>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/kernels/attention.h"
#include "backend/cuda/kernels/low_rank.h"
#include "backend/cuda/tensors.h"

namespace ferrum {

using namespace cuda;

namespace {

int type_of(DType dtype) { return dtype == DType::kF16 ? kKvF16 : dtype == DType::kBF16 ? kKvBf16 : kKvF32; }

// body(params) for each matrix of low rank that any row may use.
template <class Body>
void each_part(Tensor out, const LowRanks& adapters, const AdapterRows& rows, const Body& body) {
  const int matrices = rows.matrix.empty() ? 1 : rows.matrices;
  for (size_t i = 0; i < adapters.size(); ++i)
    for (const LowRank& part : adapters[i]) {
      const Tensor& any = part.a.empty() ? part.b : part.a;
      AddLowRank p = {};
      p.out = rows_of(out);
      p.slots = integers_of(rows.slots);
      p.scales = floats_of(rows.scales);
      p.matrix = rows.matrix.empty() ? nullptr : integers_of(rows.matrix);
      p.slot = static_cast<int>(i) / matrices;
      p.of_matrix = static_cast<int>(i) % matrices;
      p.a = part.a.data, p.b = part.b.data;
      p.a_stride = part.a.stride, p.b_stride = part.b.stride;
      p.type = type_of(any.dtype);
      p.first = part.first, p.from = part.from;
      p.scale = part.scale;
      body(p, part);
    }
}

}  // namespace

void CudaBackend::add_low_rank(Tensor out, Tensor x, const LowRanks& adapters, const AdapterRows& rows,
                               Tensor) {
  if (x.rows == 0) return;
  each_part(out, adapters, rows, [&](AddLowRank& p, const LowRank& part) {
    p.x = rows_of(x);
    p.inputs = part.a.cols;
    p.rank = part.a.empty() ? part.b.rows : part.a.rows;
    p.columns = part.b.empty() ? p.rank : part.b.cols;
    launch("add_low_rank", {x.rows}, kLowRankThreads, p, gpu::SharedSize().array<float>(p.rank).bytes());
  });
}

void CudaBackend::add_low_rank_of_tokens(Tensor out, Tensor tokens, const LowRanks& adapters,
                                         const AdapterRows& rows) {
  if (out.rows == 0) return;
  each_part(out, adapters, rows, [&](AddLowRank& p, const LowRank& part) {
    p.tokens = integers_of(tokens);
    p.rank = part.a.cols;
    p.columns = part.b.empty() ? p.rank : part.b.cols;
    launch("add_low_rank", {out.rows}, kLowRankThreads, p, gpu::SharedSize().array<float>(p.rank).bytes());
  });
}

}  // namespace ferrum
