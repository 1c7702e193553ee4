# A floor is a folder under src/ and a static library of the same name.

# A designated initializer leaves the rest at its default on purpose; GCC would warn of each.
set(FERRUM_WARNINGS -Wall -Wextra -Wno-missing-field-initializers)
# GCC 13 believes that fmt 9 copies past the end of its big integers, in its own header.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13 AND
   CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  list(APPEND FERRUM_WARNINGS -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(FERRUM_WERROR)
  list(APPEND FERRUM_WARNINGS -Werror)
endif()
# Rounding as written, also where every CPU has fused multiplications and additions (on x86-64 only kernels do).
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  add_compile_options(-ffp-contract=off)
endif()
if(FERRUM_SANITIZE)
  add_compile_options(-fsanitize=${FERRUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FERRUM_SANITIZE})
  if(FERRUM_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options(-fno-sanitize=function)  # clang 14 cannot assemble coroutines with it
  endif()
endif()

if(FERRUM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # so that fuzzers see which paths of the floors they reach
endif()

include(cmake/batches.cmake)

function(ferrum_floor name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(ferrum_${name} STATIC ${sources})
  target_include_directories(ferrum_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_compile_options(ferrum_${name} PRIVATE ${FERRUM_WARNINGS})
  target_link_libraries(ferrum_${name} PUBLIC ${ARG_DEPENDS})
  if(EXISTS ${CMAKE_SOURCE_DIR}/src/${name}/floor.cmake)
    include(${CMAKE_SOURCE_DIR}/src/${name}/floor.cmake)  # what is particular to this floor, such as kernel flags
  endif()
  ferrum_batch_sources(ferrum_${name} ${CMAKE_SOURCE_DIR}/src)
endfunction()
