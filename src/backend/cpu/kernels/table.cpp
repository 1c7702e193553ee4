// The table of one instruction set.
#include "backend/cpu/kernels/functions.h"

namespace ferrum::cpu::FERRUM_ISA {

extern const Kernels kTable;
const Kernels kTable = {
    .rms_norm = rms_norm,
    .add = add,
    .add_scaled = add_scaled,
    .silu_multiply = silu_multiply,
    .sum_of_exp = sum_of_exp,
    .quantize = quantize,
    // In the order of Format: F32 F16 BF16, Q4_0 Q4_1 Q5_0 Q5_1 Q8_0, Q2_K … Q6_K, IQ4_NL IQ4_XS MXFP4.
    .unpack = {nullptr, nullptr, nullptr,                                        //
               unpack_q4_0, unpack_q4_1, unpack_q5_0, unpack_q5_1, unpack_q8_0,  //
               unpack_q2_k, unpack_q3_k, unpack_q4_k, unpack_q5_k, unpack_q6_k,  //
               unpack_iq4_nl, unpack_iq4_xs, unpack_mxfp4},
    .expand = {nullptr, nullptr, nullptr,                    //
               expand, expand, expand, expand, expand_wide,  //
               expand, expand, expand, expand, expand,       //
               expand_wide, expand_wide, expand},
    .multiply_int8 = {nullptr, nullptr, nullptr,                                                       //
                      multiply_int8, multiply_int8, multiply_int8, multiply_int8, multiply_int8_wide,  //
                      multiply_int8, multiply_int8, multiply_int8, multiply_int8, multiply_int8,       //
                      multiply_int8_wide, multiply_int8_wide, multiply_int8},
    .multiply_float = {multiply_f32, multiply_f16, multiply_bf16},
    .convert = {convert_f32, convert_f16, convert_bf16},
    .attend = {attend_f32, attend_f16, attend_bf16},
    .prepare_head = prepare_head,
};

}  // namespace ferrum::cpu::FERRUM_ISA
