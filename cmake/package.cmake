# What `cmake --install` puts in place: the program with its demonstration model, manual, completions and systemd unit
# (docs/packages.md); and for other programs the library, its public headers and the package that find_package(ferrum)
# finds (docs/embedding.md).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The floors up to the engine as one archive: their division is no part of the interface.
add_library(ferrum_library STATIC)
foreach(floor base tensor text grammar backend checkpoint tools models cache engine)
  get_target_property(parts ferrum_${floor} SOURCES)
  list(FILTER parts INCLUDE REGEX TARGET_OBJECTS)  # the kernels, which the floor has from other targets
  target_sources(ferrum_library PRIVATE $<TARGET_OBJECTS:ferrum_${floor}> ${parts})
endforeach()
set_target_properties(ferrum_library PROPERTIES OUTPUT_NAME ferrum EXPORT_NAME ferrum LINKER_LANGUAGE CXX)
target_compile_features(ferrum_library INTERFACE cxx_std_20)
target_include_directories(ferrum_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Kept in step with cmake/ferrumConfig.cmake.in, which finds them again.
target_link_libraries(ferrum_library PRIVATE Threads::Threads fmt::fmt spdlog::spdlog PkgConfig::ferrum_pcre2
                                             PkgConfig::ferrum_utf8proc)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ferrum)
install(TARGETS ferrum COMPONENT runtime)
install(TARGETS ferrum_library EXPORT ferrum COMPONENT devel)
install(DIRECTORY include/ferrum DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT devel)
install(EXPORT ferrum NAMESPACE ferrum:: FILE ferrumTargets.cmake DESTINATION ${package_folder} COMPONENT devel)
configure_package_config_file(cmake/ferrumConfig.cmake.in ferrumConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(ferrumConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ferrumConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ferrumConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT devel)
# Where the program looks for it, from its own folder: see demonstration_model() in src/cli/options.cpp.
install(FILES models/demo-moe.gguf models/MODEL_CARD.md models/ATTRIBUTION.tsv DESTINATION share/ferrum/models
        COMPONENT runtime)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT licence)

# Manual pages and completions, which the program writes itself.
set(manual ${CMAKE_CURRENT_BINARY_DIR}/manual)
set(completions ${CMAKE_CURRENT_BINARY_DIR}/completions)
add_custom_command(
  OUTPUT ${manual}/ferrum.1.gz ${completions}/ferrum ${completions}/_ferrum ${completions}/ferrum.fish
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${manual} ${completions}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${completions}
  COMMAND ferrum man --to ${manual}
  COMMAND sh -c "gzip -9n ${manual}/*.1"
  COMMAND ferrum completions bash > ${completions}/ferrum
  COMMAND ferrum completions zsh > ${completions}/_ferrum
  COMMAND ferrum completions fish > ${completions}/ferrum.fish
  DEPENDS ferrum VERBATIM)
add_custom_target(ferrum_manual ALL DEPENDS ${manual}/ferrum.1.gz)
install(DIRECTORY ${manual}/ DESTINATION share/man/man1 COMPONENT runtime)
install(FILES ${completions}/ferrum DESTINATION share/bash-completion/completions COMPONENT runtime)
install(FILES ${completions}/_ferrum DESTINATION share/zsh/site-functions COMPONENT runtime)
install(FILES ${completions}/ferrum.fish DESTINATION share/fish/vendor_completions.d COMPONENT runtime)

# The unit names the program by its path, which is known when it is installed.
install(CODE "
  set(FERRUM_PROGRAM \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/ferrum\")
  configure_file(\"${CMAKE_SOURCE_DIR}/packaging/ferrum.service.in\"
                 \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/ferrum.service\" @ONLY)"
        COMPONENT runtime)

include(cmake/debian.cmake)
