# The web page, as `./dev web` built it, becomes part of the program.
set(page_folder ${CMAKE_SOURCE_DIR}/src/server/web/page)
set(page_assets ${CMAKE_BINARY_DIR}/page_assets.cpp)
file(GLOB_RECURSE page_files CONFIGURE_DEPENDS ${page_folder}/*.gz)
add_custom_command(
  OUTPUT ${page_assets}
  COMMAND ${CMAKE_COMMAND} -DFOLDER=${page_folder} -DOUTPUT=${page_assets} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${page_files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM)
target_sources(ferrum_server PRIVATE ${page_assets})
