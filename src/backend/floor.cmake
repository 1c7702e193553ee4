# cpu/kernels/*.cpp is compiled once per instruction set, each time in a namespace of its own (FERRUM_ISA).
# What must hold for that to be safe stands in cpu/kernels.h.
file(GLOB kernel_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cpu/kernels/*.cpp)
get_target_property(backend_sources ferrum_backend SOURCES)
list(REMOVE_ITEM backend_sources ${kernel_sources})
list(REMOVE_ITEM kernel_sources ${CMAKE_SOURCE_DIR}/src/backend/cpu/kernels/matrix_table.cpp)  # AMX alone
set_target_properties(ferrum_backend PROPERTIES SOURCES "${backend_sources}")

function(ferrum_cpu_kernels isa sources)
  add_library(ferrum_cpu_${isa} OBJECT ${sources})
  target_include_directories(ferrum_cpu_${isa} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(ferrum_cpu_${isa} PRIVATE FERRUM_ISA=${isa})
  # Optimised in every build, or a debugger's model would take minutes per token; rounding as written, see simd.h.
  target_compile_options(ferrum_cpu_${isa} PRIVATE ${FERRUM_WARNINGS} -O3 -ffp-contract=off -fno-math-errno
                                                   -fno-trapping-math ${ARGN})
  target_sources(ferrum_backend PRIVATE $<TARGET_OBJECTS:ferrum_cpu_${isa}>)
endfunction()

# Which sets are left out where FERRUM_KERNELS is native: cmake/kernels.cmake.
function(ferrum_cpu_kernels_if_chosen isa sources)
  if(isa IN_LIST FERRUM_KERNEL_SETS)
    ferrum_cpu_kernels(${isa} "${sources}" ${ARGN})
    string(TOUPPER ${isa} name)
    target_compile_definitions(ferrum_backend PRIVATE FERRUM_KERNELS_${name})
  endif()
endfunction()

# Where there are better ones for this machine, these are there for --isa portable alone.
set(portable_options "")
if(FERRUM_KERNEL_SETS_LEFT_OUT AND FERRUM_KERNEL_SETS)
  set(portable_options -O1)
endif()
ferrum_cpu_kernels(portable "${kernel_sources}" ${portable_options})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  ferrum_cpu_kernels_if_chosen(avx2 "${kernel_sources}" -mavx2 -mfma -mf16c)
  ferrum_cpu_kernels_if_chosen(avxvnni "${kernel_sources}" -mavx2 -mfma -mf16c -mavxvnni)
  # GCC 12 warns about its own AVX-512 headers, which leave a register undefined on purpose.
  set(avx512_options -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni
                     -mprefer-vector-width=512
                     $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  ferrum_cpu_kernels_if_chosen(avx512 "${kernel_sources}" ${avx512_options})
  # Only what is done with instructions that AVX-512 alone does not have: see cpu/kernels.cpp.
  set(kernels ${CMAKE_SOURCE_DIR}/src/backend/cpu/kernels)
  ferrum_cpu_kernels_if_chosen(avx512bf16 "${kernels}/multiply_pairs.cpp;${kernels}/peak.cpp" ${avx512_options}
                               -mavx512bf16)
  ferrum_cpu_kernels_if_chosen(
    amx "${kernels}/matrix_table.cpp;${kernels}/multiply_pairs.cpp;${kernels}/multiply_unpacked.cpp;${kernels}/peak.cpp"
    ${avx512_options} -mamx-tile -mamx-int8 -mamx-bf16)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  ferrum_cpu_kernels_if_chosen(neon "${kernel_sources}" -march=armv8-a -DFERRUM_NEON)
  ferrum_cpu_kernels_if_chosen(dotprod "${kernel_sources}" -march=armv8.2-a+dotprod -DFERRUM_NEON)
  ferrum_cpu_kernels_if_chosen(i8mm "${kernel_sources}" -march=armv8.2-a+dotprod+i8mm+bf16 -DFERRUM_NEON)
endif()

# Loops over a whole row of logits, with a target for each function: vectors, and rounding as written.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/backend/cpu/sampling/row_kernels.cpp PROPERTIES COMPILE_OPTIONS
                            "-O3;-ffp-contract=off;-fno-math-errno;-fno-trapping-math")

# Sanitizers add weak symbols of their own.
if(CMAKE_NM AND NOT FERRUM_SANITIZE)
  foreach(isa avx2 avxvnni avx512 avx512bf16 amx neon dotprod i8mm)
    if(TARGET ferrum_cpu_${isa})
      add_test(NAME CpuFaults.B59_NoWeakFunctions_${isa}
               COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} "-DOBJECTS=$<TARGET_OBJECTS:ferrum_cpu_${isa}>"
                       -P ${CMAKE_SOURCE_DIR}/tests/backend/no_weak_functions.cmake)
    endif()
  endforeach()
endif()

include(${CMAKE_SOURCE_DIR}/src/backend/cuda/device_code.cmake)
