# What `cmake --install` puts in place: the program with its demonstration model, and for other programs the library,
# its public headers and the package that find_package(ferrum) finds. See docs/embedding.md.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The floors up to the engine as one archive: how they are cut is nobody's business outside.
add_library(ferrum_library STATIC)
foreach(floor base tensor text backend checkpoint models cache engine)
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
install(TARGETS ferrum)
install(TARGETS ferrum_library EXPORT ferrum)
install(DIRECTORY include/ferrum DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT ferrum NAMESPACE ferrum:: FILE ferrumTargets.cmake DESTINATION ${package_folder})
configure_package_config_file(cmake/ferrumConfig.cmake.in ferrumConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(ferrumConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ferrumConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ferrumConfigVersion.cmake
        DESTINATION ${package_folder})
# Where the program looks for it, from its own folder: see demonstration_model() in src/cli/options.cpp.
install(FILES models/demo-moe.gguf models/MODEL_CARD.md models/ATTRIBUTION.tsv DESTINATION share/ferrum/models)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
