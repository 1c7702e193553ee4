# `cpack -G DEB`: the packages ferrum and libferrum-dev, as docs/packages.md tells.
set(FERRUM_MAINTAINER "The Ferrum developers <root@localhost>" CACHE STRING "Who builds packages, and is written to about them")

# What Debian has places for beside what `cmake --install` puts in place.
set(debian ${CMAKE_CURRENT_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${debian})
add_custom_command(
  OUTPUT ${debian}/changelog.gz
  COMMAND sh -c "gzip -9nc ${CMAKE_SOURCE_DIR}/packaging/debian/changelog > ${debian}/changelog.gz"
  DEPENDS packaging/debian/changelog VERBATIM)
add_custom_target(ferrum_changelog ALL DEPENDS ${debian}/changelog.gz)
install(FILES packaging/debian/default DESTINATION /etc/default RENAME ferrum COMPONENT runtime EXCLUDE_FROM_ALL)
function(ferrum_debian_documents component package)
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/${package} RENAME copyright
          COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${debian}/changelog.gz DESTINATION share/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${CMAKE_SOURCE_DIR}/packaging/debian/lintian-overrides DESTINATION share/lintian/overrides
          RENAME ${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()
ferrum_debian_documents(runtime ferrum)
ferrum_debian_documents(devel libferrum-dev)

# A package fits the release that it was built on, whose libraries it depends on, and its version names that release:
# 0.1.0~deb13, 0.1.0~ubuntu24.04.
cmake_host_system_information(RESULT release QUERY DISTRIB_INFO)
set(release_suffix "")
if(release_VERSION_ID)
  string(REPLACE debian deb release_suffix "~${release_ID}${release_VERSION_ID}")
  string(REGEX REPLACE "[^~a-z0-9.]" "" release_suffix "${release_suffix}")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ferrum)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION}${release_suffix})
set(CPACK_PACKAGE_VENDOR "The Ferrum developers")
set(CPACK_PACKAGE_CONTACT ${FERRUM_MAINTAINER})
set(CPACK_COMPONENTS_ALL runtime devel)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)  # for the file in /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ferrum)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS ca-certificates)  # for ferrum pull
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"runs large language models from one binary
Ferrum chats in a terminal and serves OpenAI's and Anthropic's APIs, on CPUs,
from GGUF files and Hugging Face folders. A small demonstration model comes
with it. The service ferrum.service is not started unless you ask for it.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/packaging/debian/postinst ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
    ${CMAKE_SOURCE_DIR}/packaging/debian/postrm ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles)

set(CPACK_DEBIAN_DEVEL_PACKAGE_NAME libferrum-dev)
set(CPACK_DEBIAN_DEVEL_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS "libfmt-dev, libspdlog-dev, libpcre2-dev, libutf8proc-dev, pkg-config")
set(CPACK_COMPONENT_DEVEL_DESCRIPTION
"runs large language models: the engine as a library
The engine of Ferrum for other programs: a static library, its headers and
what CMake's find_package needs.")
include(CPack)
