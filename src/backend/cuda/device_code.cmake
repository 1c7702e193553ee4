# Kernels for GPUs, compiled by nvcc where it is found, and embedded into the program. Without it all else is built, and
# `--backend cuda` says that there is no device code.
set(FERRUM_CUDA_ARCHS "80;90a" CACHE STRING
    "Kinds of GPU that kernels are compiled for, of 80 86 89 90a 100a 120a; others translate those of 80. Empty: none")
find_program(FERRUM_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
if(NOT FERRUM_NVCC OR NOT FERRUM_CUDA_ARCHS OR CMAKE_CROSSCOMPILING)
  return()
endif()

set(cuda ${CMAKE_SOURCE_DIR}/src/backend/cuda)
set(nvcc_options -std=c++20 -O3 --expt-relaxed-constexpr -fatbin --compress-mode=size -I ${CMAKE_SOURCE_DIR}/src
            -gencode arch=compute_80,code=compute_80)
foreach(arch IN LISTS FERRUM_CUDA_ARCHS)
  list(APPEND nvcc_options -gencode arch=compute_${arch},code=sm_${arch})
endforeach()
# A kernel's budget of registers is its __launch_bounds__: whatever does not fit is spilled, and that is an error.
list(APPEND nvcc_options -Xptxas -warn-spills -Xptxas -Werror)

file(GLOB kernels CONFIGURE_DEPENDS ${cuda}/kernels/*.cu)
set(images ${CMAKE_BINARY_DIR}/cuda_images)
file(MAKE_DIRECTORY ${images})
set(image_text "")
set(image_names "")
set(fatbins "")
foreach(kernel IN LISTS kernels)
  get_filename_component(kernel_name ${kernel} NAME_WE)
  add_custom_command(OUTPUT ${images}/${kernel_name}.fatbin
                     COMMAND ${FERRUM_NVCC} ${nvcc_options} -MD -MF ${images}/${kernel_name}.d -o ${images}/${kernel_name}.fatbin ${kernel}
                     DEPENDS ${kernel} DEPFILE ${images}/${kernel_name}.d VERBATIM
                     COMMENT "Compiling ${kernel_name}.cu for GPUs")
  string(APPEND image_text "asm(\".section .rodata\\n.balign 64\\n.global ferrum_image_${kernel_name}\\nferrum_image_${kernel_name}:\\n\"
    \".incbin \\\"${images}/${kernel_name}.fatbin\\\"\\n.previous\\n\");\n")
  list(APPEND image_names "FERRUM_CUDA_IMAGE(ferrum_image_${kernel_name})")
  list(APPEND fatbins ${images}/${kernel_name}.fatbin)
endforeach()
file(CONFIGURE OUTPUT ${images}/images.cpp CONTENT "${image_text}" @ONLY)
set_source_files_properties(${images}/images.cpp PROPERTIES OBJECT_DEPENDS "${fatbins}" COMPILE_OPTIONS "-fno-lto")
target_sources(ferrum_backend PRIVATE ${images}/images.cpp)
list(JOIN image_names " " image_names)
set_source_files_properties(${cuda}/device_code.cpp PROPERTIES COMPILE_DEFINITIONS "FERRUM_CUDA_IMAGES=${image_names}")
