// The table of one instruction set.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr int64_t (*peak_of_pairs())(int64_t) {
  if constexpr (kHasPairDot) return peak_dot_bf16;
  return nullptr;
}

}  // namespace

extern const Kernels kTable;
const Kernels kTable = {
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .add_scaled = add_scaled,
    .scale = scale,
    .soft_cap = soft_cap,
    .clip = clip,
    .apply_gate = {gate_logistic, gate_softplus},
    .logistic = logistic_row,
    .sum_of_exp = sum_of_exp,
    .quantize = quantize,
    .lanes = kLanes,
    .direct_tokens = kDirectTokens,
    .unpacked_bytes = kUnpackedBytes,
    // In the order of Format.
    .pack = {pack_f32, pack_f16, pack_bf16, pack_q4_0, pack_q4_1, pack_q5_0, pack_q5_1, pack_q8_0, pack_q2_k,
             pack_q3_k, pack_q4_k, pack_q5_k, pack_q6_k, pack_iq4_nl, pack_iq4_xs, pack_mxfp4, pack_g4_32,
             pack_g4_64, pack_g4_128},
    .multiply = {multiply_f32, multiply_f16, multiply_bf16, multiply_q4_0, multiply_q4_1, multiply_q5_0,
                 multiply_q5_1, multiply_q8_0, multiply_q2_k, multiply_q3_k, multiply_q4_k, multiply_q5_k,
                 multiply_q6_k, multiply_iq4_nl, multiply_iq4_xs, multiply_mxfp4, multiply_g4_32,
                 multiply_g4_64, multiply_g4_128},
    .unpack = {nullptr, nullptr, nullptr, unpack_q4_0, unpack_q4_1, unpack_q5_0, unpack_q5_1, unpack_q8_0,
               unpack_q2_k, unpack_q3_k, unpack_q4_k, unpack_q5_k, unpack_q6_k, unpack_iq4_nl, unpack_iq4_xs,
               unpack_mxfp4, unpack_g4_32, unpack_g4_64, unpack_g4_128},
    .multiply_unpacked = {nullptr, nullptr, nullptr, multiply_unpacked_q4_0, multiply_unpacked_q4_1,
                          multiply_unpacked_q5_0, multiply_unpacked_q5_1, multiply_unpacked_q8_0,
                          multiply_unpacked_q2_k, multiply_unpacked_q3_k, multiply_unpacked_q4_k,
                          multiply_unpacked_q5_k, multiply_unpacked_q6_k, multiply_unpacked_iq4_nl,
                          multiply_unpacked_iq4_xs, multiply_unpacked_mxfp4, multiply_unpacked_g4_32,
                          multiply_unpacked_g4_64, multiply_unpacked_g4_128},
    .multiply_pairs = multiply_pairs,
    .has_pair_dot = kHasPairDot,
    .copy_sums = copy_sums,
    // In the order of Activation::Kind.
    .gate_sums = {gate_silu, gate_gelu, gate_gelu_tanh, gate_relu_squared, gate_clamped_silu, gate_xielu},
    .apply_sums = {apply_silu, apply_gelu, apply_gelu_tanh, apply_relu_squared, nullptr, apply_xielu},
    .expand = {expand_f32, expand_f16, expand_bf16, expand_q4_0, expand_q4_1, expand_q5_0, expand_q5_1,
               expand_q8_0, expand_q2_k, expand_q3_k, expand_q4_k, expand_q5_k, expand_q6_k, expand_iq4_nl,
               expand_iq4_xs, expand_mxfp4, expand_g4_32, expand_g4_64, expand_g4_128},
    .convert = {convert_f32, convert_f16, convert_bf16},
    .quantize_head = quantize_head,
    .attend = {attend_f32, attend_f16, attend_bf16, attend_i8},
    .add_state = add_state,
    .rotate_head = rotate_head,
    .peaks = {peak_read, peak_dot_int8, peak_of_pairs(), peak_multiply_add_f32},
};

}  // namespace ferrum::cpu::FERRUM_ISA
