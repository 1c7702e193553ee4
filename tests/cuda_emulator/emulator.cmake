# CUDA kernels on the CPU. The kernels' sources are compiled by the C++ compiler with the hooks of its thread sanitizer,
# which are the emulator's own: the sanitizer's runtime is not linked. GCC only, and not under another sanitizer.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR FERRUM_SANITIZE OR CMAKE_CROSSCOMPILING
   OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|aarch64|arm64)$")
  return()
endif()

# Every access stays one call: nothing is joined into vectors, or becomes a call of memcpy.
set(emulated_options -O2 -g -fsanitize=thread --param=tsan-instrument-func-entry-exit=0 -fno-tree-vectorize
                     -fno-store-merging -fno-tree-loop-distribute-patterns -ffp-contract=off -fno-math-errno
                     -Wno-unknown-pragmas ${FERRUM_WARNINGS})
function(ferrum_emulated_kernels target)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${emulated_options}"
                                                 SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${ARGN})
endfunction()

set(emulator ${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulator)
add_library(ferrum_cuda_emulator OBJECT
            ${emulator}/accesses.cpp ${emulator}/barriers.cpp ${emulator}/collectives.cpp ${emulator}/fiber.cpp
            ${emulator}/happened_before.cpp ${emulator}/matrices.cpp ${emulator}/memory.cpp
            ${emulator}/primitives.cpp ${emulator}/report.cpp ${emulator}/scheduler.cpp ${emulator}/traffic.cpp)
target_include_directories(ferrum_cuda_emulator PUBLIC ${CMAKE_SOURCE_DIR}/src ${emulator})
target_compile_options(ferrum_cuda_emulator PRIVATE ${FERRUM_WARNINGS} -O2)

add_executable(cuda_emulator_test ${emulator}/planted_test.cpp ${emulator}/driver_test.cpp ${emulator}/stand_in_driver.cpp)
ferrum_emulated_kernels(cuda_emulator_test ${emulator}/planted.cu)
target_compile_options(cuda_emulator_test PRIVATE ${FERRUM_WARNINGS} -O0)  # compiling takes longer than running
target_link_libraries(cuda_emulator_test PRIVATE ferrum_cuda_emulator ferrum_backend GTest::gtest GTest::gtest_main ${CMAKE_DL_LIBS})
gtest_discover_tests(cuda_emulator_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 60)

# The backend on the emulated device: as a program of tests, and as a library in the place of the driver's.
file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cuda/kernels/*.cu)
add_library(ferrum_emulated_device OBJECT ${emulator}/stand_in_driver.cpp)
ferrum_emulated_kernels(ferrum_emulated_device ${kernels})
target_include_directories(ferrum_emulated_device PUBLIC ${CMAKE_SOURCE_DIR}/src ${emulator})
target_compile_options(ferrum_emulated_device PRIVATE ${FERRUM_WARNINGS} -O1)
set_target_properties(ferrum_cuda_emulator ferrum_emulated_device PROPERTIES POSITION_INDEPENDENT_CODE ON)

add_executable(cuda_backend_test ${emulator}/cuda_backend_test.cpp ${emulator}/cuda_invariance_test.cpp ${emulator}/step_graphs_test.cpp)
target_compile_options(cuda_backend_test PRIVATE ${FERRUM_WARNINGS} -O1)
target_link_libraries(cuda_backend_test PRIVATE ferrum_cuda_emulator ferrum_emulated_device ferrum_operation_table ferrum_backend
                                                GTest::gtest GTest::gtest_main ${CMAKE_DL_LIBS})
gtest_discover_tests(cuda_backend_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 600)

# Prints docs/cuda.md's table of kernels; no test.
add_executable(cuda_kernel_table EXCLUDE_FROM_ALL ${emulator}/kernel_table.cpp)
target_compile_options(cuda_kernel_table PRIVATE ${FERRUM_WARNINGS} -O1)
target_link_libraries(cuda_kernel_table PRIVATE ferrum_cuda_emulator ferrum_emulated_device ferrum_operation_table ferrum_backend
                                                GTest::gtest ${CMAKE_DL_LIBS})

add_library(cuda_emulated SHARED ${emulator}/emulated_library.cpp)
target_compile_options(cuda_emulated PRIVATE ${FERRUM_WARNINGS})
target_link_libraries(cuda_emulated PRIVATE ferrum_cuda_emulator ferrum_emulated_device ${CMAKE_DL_LIBS})

add_executable(cuda_engine_test ${emulator}/cuda_engine_test.cpp)
target_compile_options(cuda_engine_test PRIVATE ${FERRUM_WARNINGS} -O1)
target_compile_definitions(cuda_engine_test PRIVATE FERRUM_EMULATED_LIBRARY="$<TARGET_FILE:cuda_emulated>")
target_include_directories(cuda_engine_test PRIVATE ${emulator})
target_link_libraries(cuda_engine_test PRIVATE ferrum_test_support ferrum_engine GTest::gtest ${CMAKE_DL_LIBS})
add_dependencies(cuda_engine_test cuda_emulated)
gtest_discover_tests(cuda_engine_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 600)

# The program itself, with a server of it.
add_executable(cuda_program_test ${emulator}/cuda_program_test.cpp ${CMAKE_CURRENT_SOURCE_DIR}/cli/process.cpp
                                 ${CMAKE_CURRENT_SOURCE_DIR}/server/client.cpp)
target_compile_options(cuda_program_test PRIVATE ${FERRUM_WARNINGS} -O1)
target_compile_definitions(cuda_program_test PRIVATE FERRUM_EMULATED_LIBRARY="$<TARGET_FILE:cuda_emulated>"
                                                     FERRUM_BINARY="$<TARGET_FILE:ferrum>")
target_link_libraries(cuda_program_test PRIVATE ferrum_test_support GTest::gtest util)
add_dependencies(cuda_program_test cuda_emulated ferrum)
gtest_discover_tests(cuda_program_test DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 300)

# The primitives on a device, where there is one.
add_executable(cuda_conformance ${emulator}/conformance_test.cpp)
ferrum_emulated_kernels(cuda_conformance ${emulator}/conformance.cu)
target_compile_options(cuda_conformance PRIVATE ${FERRUM_WARNINGS} -O1)
target_link_libraries(cuda_conformance PRIVATE ferrum_cuda_emulator ferrum_backend GTest::gtest GTest::gtest_main ${CMAKE_DL_LIBS})
if(FERRUM_HAS_NVCC)
  ferrum_cuda_image(cuda_conformance ${emulator}/conformance.cu)
  target_compile_definitions(cuda_conformance PRIVATE FERRUM_CONFORMANCE_IMAGE=ferrum_image_conformance)
endif()
gtest_discover_tests(cuda_conformance DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT 60)
