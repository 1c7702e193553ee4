# Loops over a whole row of logits: vectors, and rounding as written.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/engine/sampling/row_kernels.cpp PROPERTIES COMPILE_OPTIONS
                            "-O3;-ffp-contract=off;-fno-math-errno;-fno-trapping-math")
