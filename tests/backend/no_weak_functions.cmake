# cmake -DNM=… -DOBJECTS=a.o;b.o -P: fails if an object file defines a weak function. The linker keeps one copy of
# such a function from wherever it comes, so one compiled for AVX-512 could end up running on every CPU (fault B59).
execute_process(COMMAND ${NM} --demangle --defined-only ${OBJECTS} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[0-9a-f]+ T [^\n]*" functions "${symbols}")
if(NOT functions)
  message(FATAL_ERROR "found no functions at all in ${OBJECTS}")
endif()
string(REGEX MATCHALL "[0-9a-f]+ [Ww] [^\n]*" weak "${symbols}")
if(weak)
  string(REPLACE ";" "\n  " weak "${weak}")
  message(FATAL_ERROR "weak functions among the kernels:\n  ${weak}")
endif()
