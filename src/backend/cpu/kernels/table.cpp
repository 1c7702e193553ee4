// The table of one instruction set.
#include "backend/cpu/kernels/tiles.h"

namespace ferrum::cpu::FERRUM_ISA {
namespace {

constexpr int64_t (*peak_of_pairs())(int64_t) {
  if constexpr (kHasPairDot) return peak_dot_bf16;
  return nullptr;
}

constexpr FormatTable format_table() {
  FormatTable table = {};
#define FERRUM_FLOAT(member, name)                                           \
  table.of[static_cast<int>(Format::member)] = {.pack = pack_##name,         \
                                                .multiply = multiply_##name, \
                                                .expand = expand_##name,     \
                                                .direct_tokens = kDirectTokensWithoutUnpacking};
  FERRUM_FLOAT(kF32, f32)
  FERRUM_FLOAT(kF16, f16)
  FERRUM_FLOAT(kBF16, bf16)
#undef FERRUM_FLOAT
#define FERRUM_INTEGER(member, name, Source)                                                   \
  table.of[static_cast<int>(Format::member)] = {.pack = pack_##name,                           \
                                                .multiply = multiply_##name,                   \
                                                .unpack = unpack_##name,                       \
                                                .multiply_unpacked = multiply_unpacked_##name, \
                                                .expand = expand_##name,                       \
                                                .direct_tokens = kDirectTokensOf<Source>};
  FERRUM_INTEGER_FORMATS(FERRUM_INTEGER)
#undef FERRUM_INTEGER
#define FERRUM_CODED(member, name, Block, bits)                                                      \
  table.of[static_cast<int>(Format::member)] = {.pack = pack_##name,                                 \
                                                .multiply = multiply_codes_##bits,                   \
                                                .unpack = unpack_codes_##bits,                       \
                                                .multiply_unpacked = multiply_unpacked_codes_##bits, \
                                                .expand = expand_codes_##bits,                       \
                                                .direct_tokens = kDirectTokensOf<Codes##bits##Source>};
  FERRUM_CODED_FORMATS(FERRUM_CODED)
#undef FERRUM_CODED
  return table;
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
    .apply_gate = {gate_logistic, gate_softplus, gate_itself},
    .logistic = logistic_row,
    .gate_silu = gate_silu_row,
    .to_direction = to_direction,
    .delta_rates = delta_rates,
    .convolve = convolve,
    .delta_rule = delta_rule,
    .channel_rates = channel_rates,
    .channel_delta_rule = channel_delta_rule,
    .step_lengths = step_lengths,
    .state_space = state_space,
    .low_rank_in = {low_rank_in_f32, low_rank_in_f16, low_rank_in_bf16},
    .low_rank_out = {low_rank_out_f32, low_rank_out_f16, low_rank_out_bf16},
    .low_rank_panels = {low_rank_panels_f32, low_rank_panels_f16, low_rank_panels_bf16},
    .add_row = {add_row_f32, add_row_f16, add_row_bf16},
    .read_row = {read_row_f32, read_row_f16, read_row_bf16},
    .sum_of_exp = sum_of_exp,
    .quantize = quantize,
    .lanes = kLanes,
    .unpacked_bytes = kUnpackedBytes,
    .formats = format_table(),
    .multiply_pairs = multiply_pairs,
    .has_pair_dot = kHasPairDot,
    .copy_sums = copy_sums,
    // In the order of Activation::Kind.
    .gate_sums = {gate_silu, gate_gelu, gate_gelu_tanh, gate_relu_squared, gate_clamped_silu, gate_xielu,
                  gate_scaled_silu},
    .apply_sums = {apply_silu, apply_gelu, apply_gelu_tanh, apply_relu_squared, nullptr, apply_xielu,
                   apply_scaled_silu},
    .convert = {convert_f32, convert_f16, convert_bf16},
    .quantize_head = quantize_head,
    .attend = {attend_f32, attend_f16, attend_bf16, attend_i8},
    .add_state = add_state,
    .rotate_head = rotate_head,
    .peaks = {peak_read, peak_dot_int8, peak_of_pairs(), peak_multiply_add_f32},
};

}  // namespace ferrum::cpu::FERRUM_ISA
