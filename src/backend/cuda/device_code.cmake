# Kernels for GPUs, compiled by nvcc where it is found, and embedded into the program. Without them all else is built, and
# `--backend cuda` says that there is no device code.
option(FERRUM_CUDA "Compile kernels for GPUs where nvcc is found" ON)
set(FERRUM_CUDA_ARCHS "80;90a" CACHE STRING
    "Kinds of GPU that kernels are compiled for, of 80 86 89 90a 100a 120a; others translate those of 80. Empty: none")
find_program(FERRUM_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)

# Embeds the kernels of a file into a target, as the symbol ferrum_image_<name of the file>.
function(ferrum_cuda_image target kernels)
  set(options -std=c++20 -O3 --expt-relaxed-constexpr -fatbin --compress-mode=size -I ${CMAKE_SOURCE_DIR}/src
              -gencode arch=compute_80,code=compute_80)
  foreach(arch IN LISTS FERRUM_CUDA_ARCHS)
    list(APPEND options -gencode arch=compute_${arch},code=sm_${arch})
  endforeach()
  # A kernel's budget of registers is its __launch_bounds__: whatever does not fit is spilled, and that is an error.
  list(APPEND options -Xptxas -warn-spills -Xptxas -Werror)
  get_filename_component(name ${kernels} NAME_WE)
  set(image ${CMAKE_BINARY_DIR}/cuda_images/${name})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cuda_images)
  add_custom_command(OUTPUT ${image}.fatbin
                     COMMAND ${FERRUM_NVCC} ${options} -MD -MF ${image}.d -o ${image}.fatbin ${kernels}
                     DEPENDS ${kernels} DEPFILE ${image}.d VERBATIM COMMENT "Compiling ${name}.cu for GPUs")
  file(CONFIGURE OUTPUT ${image}.cpp CONTENT
       "asm(\".section .rodata\\n.balign 64\\n.global ferrum_image_${name}\\nferrum_image_${name}:\\n\"
    \".incbin \\\"${image}.fatbin\\\"\\n.previous\\n\");\n" @ONLY)
  set_source_files_properties(${image}.cpp PROPERTIES OBJECT_DEPENDS ${image}.fatbin COMPILE_OPTIONS "-fno-lto")
  target_sources(${target} PRIVATE ${image}.cpp)
endfunction()

set(FERRUM_HAS_NVCC OFF)
if(FERRUM_CUDA AND FERRUM_NVCC AND FERRUM_CUDA_ARCHS AND NOT CMAKE_CROSSCOMPILING)
  set(FERRUM_HAS_NVCC ON)
  file(GLOB cuda_kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cuda/kernels/*.cu)
  set(image_names "")
  foreach(kernels IN LISTS cuda_kernels)
    get_filename_component(kernels_name ${kernels} NAME_WE)
    ferrum_cuda_image(ferrum_backend ${kernels})
    string(APPEND image_names " FERRUM_CUDA_IMAGE(ferrum_image_${kernels_name})")
  endforeach()
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/backend/cuda/device_code.cpp PROPERTIES
                              COMPILE_DEFINITIONS "FERRUM_CUDA_IMAGES=${image_names}")
endif()
set(FERRUM_HAS_NVCC ${FERRUM_HAS_NVCC} CACHE INTERNAL "Whether device code is built")
